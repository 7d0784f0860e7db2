import { expect, test } from 'vitest';
import { parseCacheMount } from './named-cache-mounts.ts';

test('a cache mount is named by an id and a path', () => {
  expect(parseCacheMount('models=/opt/models')).toEqual({
    name: 'models',
    target: '/opt/models',
    sharing: 'shared',
  });
  expect(parseCacheMount('db=/var/db,locked').sharing).toBe('locked');
});

test.each(['models', '=/x', 'A b=/x', 'x=relative', 'x=/', 'x=/a:b', 'x=/a,often'])(
  '%s is refused',
  (spec) => {
    expect(() => parseCacheMount(spec)).toThrow(`--cache-mount ${spec}: `);
  },
);
