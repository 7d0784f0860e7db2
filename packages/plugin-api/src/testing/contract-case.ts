/** One thing a contract asks for. `run` throws an `AssertionError` when it does not hold. */
export interface ContractCase {
  /** A sentence about behaviour, for the test's name. */
  readonly name: string;
  readonly run: () => void | Promise<void>;
}
