import { didYouMean } from '@melange2/diagnostics';
import { layered } from './build-variables.ts';
import { list, rawText, type DecodeContext, type ValueType } from './decode.ts';
import { findPair } from './node-places.ts';
import type { RangeData, Subpackage } from './package-config.ts';
import { subpackageType } from './subpackage-definition.ts';
import { isNull, resolved, type YamlNode } from './yaml-node.ts';

/** The subpackages of a file, each with a `range` once for each item of its data, in the order of the keys. */
export const rangedSubpackages: ValueType<readonly Subpackage[]> = {
  schema: { type: ['array', 'null'], items: { $ref: '#/$defs/Subpackage' } },
  refers: () => [subpackageType],
  decode: (node, context) => list(ranged).decode(node, context)?.flat(),
};

const ranged: ValueType<readonly Subpackage[]> = {
  schema: {},
  decode: (node, context) => {
    const map = resolved(node);
    const pair = map.kind === 'map' ? findPair(map, 'range') : undefined;
    const name = pair === undefined || isNull(pair.value) ? '' : rawText.decode(pair.value, context);
    if (name === undefined || name === '') return one(node, context);
    const data = context.data.findLast((entry) => entry.name === name);
    if (data === undefined) {
      const known = context.data.map((entry) => entry.name);
      const meant = didYouMean(name, known);
      context.report(
        'CONFIG_RANGE_UNKNOWN',
        { range: name, known, meant },
        pair?.value ?? node,
        meant === undefined || pair === undefined
          ? {}
          : {
              fix: {
                title: `write "${meant}"`,
                edits: [{ span: context.source.span(pair.value), text: meant }],
              },
            },
      );
      return one(node, context);
    }
    return expand(node, data, context);
  },
};

function one(node: YamlNode, context: DecodeContext): readonly Subpackage[] | undefined {
  const subpackage = subpackageType.decode(node, context);
  return subpackage === undefined ? undefined : [subpackage];
}

function expand(node: YamlNode, data: RangeData, context: DecodeContext): Subpackage[] {
  const out: Subpackage[] = [];
  for (const key of Object.keys(data.items).toSorted(compareBytes)) {
    const own = new Map([
      ['range.key', key],
      ['range.value', data.items[key] ?? ''],
    ]);
    const subpackage = subpackageType.decode(
      node,
      context.with({ variables: layered(own, context.variables) }),
    );
    if (subpackage === undefined) break;
    out.push({ ...subpackage, range: { name: data.name, key } });
    if (!context.spend(node, 0, 0)) break;
  }
  return out;
}

/** Orders texts by their UTF-8 bytes. */
function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // Surrogates stand for characters above all that one unit holds.
    const high = (c: number): number => (c >= 0xd800 && c <= 0xdfff ? c + 0x10000 : c);
    return high(x) - high(y);
  }
  return a.length - b.length;
}
