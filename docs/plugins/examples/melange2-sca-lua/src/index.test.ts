import { scaRuleContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { plugin } from './index.ts';

const contract = scaRuleContract({
  make: plugin,
  npmName: 'melange2-sca-lua',
  finds: [
    {
      files: { 'usr/share/lua/5.4/socket/http.lua': 'return {}', 'usr/lib/lua/5.4/lpeg.so': 'x' },
      depends: ['lua5.4'],
      provides: ['lua5.4:socket.http=1.0.0-r0', 'lua5.4:lpeg=1.0.0-r0'],
    },
    { files: { 'usr/share/lua/5.1/say/init.lua': '' }, provides: ['lua5.1:say=1.0.0-r0'] },
  ],
  ignores: [{ 'usr/share/doc/lua/notes.lua': 'x' }, { 'usr/share/lua/5.4/README': 'x' }],
});

for (const { name, run } of contract) test(name, run);
