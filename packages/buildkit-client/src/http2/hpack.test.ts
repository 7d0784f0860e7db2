import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { http2Code } from './errors.ts';
import { encodeHeaders, HeaderDecoder, type Field } from './hpack.ts';
import { decodeHuffman } from './huffman.ts';

const limits = { listBytes: 1 << 20, fields: 1000 };
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const example = 'www.example.com';
const request = (path: string, scheme: string, ...more: Field[]): Field[] => [
  [':method', 'GET'],
  [':scheme', scheme],
  [':path', path],
  [':authority', example],
  ...more,
];
const response = (status: string, date: string, ...more: Field[]): Field[] => [
  [':status', status],
  ['cache-control', 'private'],
  ['date', `Mon, 21 Oct 2013 20:13:${date} GMT`],
  ['location', 'https://www.example.com'],
  ...more,
];
const cookie = 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1';
const responses = [
  response('302', '21'),
  response('307', '21'),
  response('200', '22', ['content-encoding', 'gzip'], ['set-cookie', cookie]),
];
const requests = [
  request('/', 'http'),
  request('/', 'http', ['cache-control', 'no-cache']),
  request('/index.html', 'https', ['custom-key', 'custom-value']),
];
// What RFC 7541 says of responses holds for a table of 256 bytes.
const tableOf256 = '3fe101';

describe('header blocks of RFC 7541, appendix C', () => {
  test.each([
    [
      'C.2.1',
      '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
      'custom-key',
      'custom-header',
    ],
    ['C.2.2', '040c 2f73 616d 706c 652f 7061 7468', ':path', '/sample/path'],
    ['C.2.3', '1008 7061 7373 776f 7264 0673 6563 7265 74', 'password', 'secret'],
    ['C.2.4', '82', ':method', 'GET'],
  ])('%s', (_, block, name, value) => {
    expect(new HeaderDecoder(limits).decode(hex(block))).toEqual([[name, value]]);
  });

  test.each([
    [
      'C.3',
      requests,
      [
        '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '8286 84be 5808 6e6f 2d63 6163 6865',
        '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      ],
    ],
    [
      'C.4',
      requests,
      [
        '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
        '8286 84be 5886 a8eb 1064 9cbf',
        '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      ],
    ],
    [
      'C.5',
      responses,
      [
        `${tableOf256} 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
        '4803 3330 37c1 c0bf',
        '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
      ],
    ],
    [
      'C.6',
      responses,
      [
        `${tableOf256} 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
        '4883 640e ffc1 c0bf',
        '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
      ],
    ],
  ])('%s', (_, expected, blocks) => {
    const decoder = new HeaderDecoder(limits);
    expect(blocks.map((block) => decoder.decode(hex(block)))).toEqual(expected);
  });
});

describe('the code of RFC 7541, appendix B', () => {
  test.each([
    [0, 'ffc7'],
    [10, 'fffffff3'],
    [32, '53'],
    [97, '1f'],
    [127, 'ffffffcf'],
    [220, 'ffffffdf'],
    [249, 'ffffffef'],
    [255, 'fffffbbf'],
  ])('has the byte %i', (byte, code) => {
    expect(decodeHuffman(hex(code))).toEqual(Buffer.of(byte));
  });

  test.each([
    ['the end of the string', 'fffffffffc'],
    ['a whole byte of padding', '1fff'],
    ['padding that is not ones', '1e00'],
  ])('has not %s', (_, code) => {
    expect(decodeHuffman(hex(code))).toBeUndefined();
  });
});

describe('headers', () => {
  test('come out as they went in', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 300 }).filter((one) => one.isWellFormed());
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text)), (fields) => {
        expect(new HeaderDecoder(limits).decode(encodeHeaders(fields))).toEqual(fields);
      }),
    );
  });

  test('that cannot be read are refused, and never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          new HeaderDecoder(limits).decode(Buffer.from(bytes));
        } catch (cause) {
          expect(cause).toMatchObject({ name: 'Http2Error', code: http2Code.compression });
        }
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['a string that is cut off', '0005 61'],
    ['a number without end', '7fff ffff ffff ffff'],
    ['an entry that is not in the table', 'be'],
    ['the entry 0', '80'],
    ['a table larger than was agreed on', '3fe2 1f'],
    ['a change of the table behind a header', '8220'],
  ])('with %s are refused', (_, block) => {
    expect(() => new HeaderDecoder(limits).decode(hex(block))).toThrow(
      expect.objectContaining({ code: http2Code.compression }),
    );
  });

  test('over the limits are refused, also when few bytes stand for many', () => {
    const decoder = new HeaderDecoder({ listBytes: 100_000, fields: 1000 });
    const long = 'x'.repeat(3000);
    decoder.decode(Buffer.concat([Buffer.of(0x40), encodeHeaders([['a', long]]).subarray(1)]));
    expect(decoder.decode(Buffer.alloc(30, 0xbe))).toHaveLength(30);
    const calm = expect.objectContaining({ code: http2Code.enhanceYourCalm });
    expect(() => decoder.decode(Buffer.alloc(40, 0xbe))).toThrow(calm);
    expect(() => new HeaderDecoder(limits).decode(Buffer.alloc(1001, 0x82))).toThrow(calm);
  });
});
