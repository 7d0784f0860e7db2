const factors: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** Reads an amount of memory as Kubernetes writes it (`4Gi`, `500M`, `1.5Gi`) into bytes; `undefined` when it is none. */
export function parseMemory(text: string): number | undefined {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(|[kMGT]|[KMGT]i)$/.exec(text.trim()) ?? [];
  const factor = factors[unit ?? ''];
  const bytes = number === undefined || factor === undefined ? 0 : Math.round(Number(number) * factor);
  return bytes > 0 ? bytes : undefined;
}

/** Reads a number of processors (`4`, `1.5`, `500m`); `undefined` when it is none. */
export function parseCpus(text: string): number | undefined {
  const [, number, milli] = /^(\d+(?:\.\d+)?)(m?)$/.exec(text.trim()) ?? [];
  const cpus = number === undefined ? 0 : Number(number) / (milli === 'm' ? 1000 : 1);
  return cpus > 0 ? cpus : undefined;
}
