import { makeWorld, type World } from '../world/make-world.ts';
import { toolchainPackages } from '../world/toolchain-packages.ts';

/** How long the first conversion of the tool chains may take: for `beforeAll`. */
export const toolchainsTimeoutMs = 900_000;

/**
 * The repository with the tool chains of other languages than C; it is named to builds besides that of the world.
 * Made once and kept in the cache, and only for the tests that ask for it.
 */
export function toolchains(): Promise<World> {
  return makeWorld({ set: toolchainPackages, onProgress: (text) => console.log(`tool chains: ${text}`) });
}
