import type { YamlAlias, YamlNode } from './yaml-node.ts';

/** Most nodes that the aliases of one file may repeat, all together. */
export const maxRepeated = 100_000;

/**
 * The alias that repeats the most where all aliases together repeat more than {@link maxRepeated} nodes.
 *
 * Each node is looked at once, however often it stands for others, so that what would fill the memory is found before
 * anything is made of it.
 */
export function tooManyRepeated(root: YamlNode): YamlAlias | undefined {
  const sizes = new Map<YamlNode, number>();
  let repeated = 0;
  let largest: { readonly alias: YamlAlias; readonly size: number } | undefined;
  sizeOf(root);
  return repeated > maxRepeated ? largest?.alias : undefined;

  function sizeOf(node: YamlNode): number {
    if (node.kind === 'scalar') return 1;
    const known = sizes.get(node);
    if (known !== undefined) return known;
    // A node within itself has been refused by the reader; this only keeps the walk finite.
    sizes.set(node, 1);
    let size = 1;
    if (node.kind === 'alias') {
      size = sizeOf(node.target);
      repeated += size;
      if (size > (largest?.size ?? 0)) largest = { alias: node, size };
    } else if (node.kind === 'list') for (const item of node.items) size += sizeOf(item);
    else for (const part of [...node.keys, ...node.values]) size += sizeOf(part);
    sizes.set(node, size);
    return size;
  }
}
