/** How many times as long as promised a thing may take in a test: the machine may do other work too. */
export const slack = 4;
