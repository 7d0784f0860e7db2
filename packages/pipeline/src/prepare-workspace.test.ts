import { marshal, scratch } from '@melange2/llb';
import { expect, test } from 'vitest';
import { prepareWorkspace } from './prepare-workspace.ts';

test('the folders above a mount in the home folder are made for the build user, others are not', () => {
  const state = prepareWorkspace(scratch(), {
    user: { uid: 1000, gid: 1000 },
    outputs: [],
    sourceDateEpoch: 0,
    folders: [
      '/home/build/.cache/go-build',
      '/home/build/.cache/pip',
      '/var/cache/other',
      '/home/build/../x',
    ],
  });
  const { def } = marshal(state, { platform: 'linux/amd64' });
  const text = def.map((op) => Buffer.from(op).toString('latin1')).join('');
  const owner = /home\/build\/\.cache\/\0+0000755\0(\d+)\0(\d+)\0/.exec(text);
  expect(owner?.slice(1).map((id) => Number.parseInt(id, 8))).toEqual([1000, 1000]);
  expect(text.match(/home\/build\/[.\w/-]+\/(?=\0)/g)).toEqual([
    'home/build/.cache/',
    'home/build/.cache/go-build/',
    'home/build/.cache/pip/',
  ]);
  expect(text).not.toContain('var/cache/other');
});
