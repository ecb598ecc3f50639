// What arguments are drawn from: few ordinary values, so that steps meet each other, and the edges of every kind.

import { createHash } from 'node:crypto';

export const names = ['a', 'b', 'c', 'd-'];

export const edgePaths = [
  null,
  '',
  '/',
  'a',
  '~/',
  '~//a',
  '~/./a',
  '~/../a',
  '~/.',
  '~/..',
  '~/...',
  '~/a/',
  '~/ü',
  '~/日本',
  '~/ ',
  '~/a b',
  '~/a\u0000b',
  '~/\u0001',
  '~/a\u001fb',
  '~/\u007f',
  '~/\u009f',
  '~/\u00a0',
  '~/\ud7ff',
  '~/\ue000',
  '~/\uf8ff',
  '~/\uffee',
  '~/\ufff0',
  '~/\uffff',
  '~/😀',
  { hex: '2fff' },
  { hex: '2feda080' },
  { hex: '2fc080' },
  '/zookeeper',
  '/zookeeper/',
  '/zookeeper/config',
  '/zookeeper/quota',
  '/zookeeper/quota~',
  '/zookeeper/nothing/here',
  `~/${'l'.repeat(3000)}`,
  `~${'/x'.repeat(200)}`,
];

export const versions = [-1, -1, 'current', 'current', 'current', 'next', 0, 1, -2, 2147483647, -2147483648];
export const ttls = [1, 1000, 0, -1000, 86_400_000, 1099511627775, 1099511627776, -9_000_000_000_000_000, 2 ** 52];
export const flags = [0, 0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 7, -1, 2147483647];

const hash = (text) => createHash('sha1').update(text).digest('base64');
export const superCredential = 'super:differential';
export const superDigest = `super:${hash(superCredential)}`;

export const open = [[31, 'world', 'anyone']];
const ann = `ann:${hash('ann:secret')}`;
const bob = `bob:${hash('bob:pw')}`;

export const acls = [
  [[1, 'world', 'anyone']],
  [[30, 'world', 'anyone']],
  [[15, 'world', 'anyone']],
  [[31, 'digest', ann]],
  [
    [31, 'digest', ann],
    [1, 'world', 'anyone'],
  ],
  [
    [31, 'digest', ann],
    [31, 'digest', bob],
    [31, 'digest', ann],
  ],
  [
    [17, 'digest', bob],
    [31, 'auth', ''],
  ],
  [[31, 'auth', '']],
  [[31, 'auth', 'whatever']],
  [[7, 'auth', null]],
  [[31, 'ip', '127.0.0.1']],
  [[31, 'ip', '127.0.0.0/8']],
  [[31, 'ip', '10.0.0.0/8']],
  [[31, 'ip', '0.0.0.0/0']],
  [[31, 'ip', '127.0.0.1/32']],
];

export const edgeAcls = [
  null,
  [],
  [[0, 'world', 'anyone']],
  [[-1, 'world', 'anyone']],
  [[2147483647, 'world', 'anyone']],
  [[31, 'world', 'someone']],
  [[31, 'world', '']],
  [[31, 'world', null]],
  [[31, null, 'anyone']],
  [[31, '', '']],
  [[31, 'nothing', 'x']],
  [[31, 'super', '']],
  [[31, 'digest', 'ann']],
  [[31, 'digest', 'ann:']],
  [[31, 'digest', ':x']],
  [[31, 'digest', 'a:b:c']],
  [[31, 'digest', '']],
  [[31, 'digest', null]],
  [[31, 'ip', '127.0.0.1/33']],
  [[31, 'ip', '127.0.0.1/-1']],
  [[31, 'ip', '127.0.0.1/']],
  [[31, 'ip', '127.0.0.1/8/8']],
  [[31, 'ip', '127.0.0']],
  [[31, 'ip', '256.0.0.1']],
  [[31, 'ip', '::1']],
  [[31, 'ip', '::1/128']],
  [[31, 'ip', '::1/129']],
  [[31, 'ip', 'localhost']],
  [[31, 'ip', '']],
  [[31, 'sasl', 'ann']],
  [[31, 'x509', 'CN=ann']],
  [
    [31, 'world', 'anyone'],
    [31, 'world', 'anyone'],
  ],
  [
    [31, 'world', 'anyone'],
    [31, 'nothing', 'x'],
  ],
];

export const credentials = [
  ['digest', 'ann:secret'],
  ['digest', 'ann:secret'],
  ['digest', 'bob:pw'],
  ['digest', 'bob:pw'],
  ['digest', 'nocolon'],
  ['digest', ''],
  ['digest', ':'],
  ['digest', 'a:b:c'],
  ['digest', superCredential],
  ['digest', 'super:wrong'],
  ['digest', null],
  ['ip', '10.1.1.1'],
  ['ip', ''],
  ['world', 'anyone'],
  ['nothing', 'x'],
  ['', ''],
  [null, 'x'],
  ['auth', ''],
  ['super', ''],
];

export const limits = [
  'count=3,bytes=-1',
  'count=-1,bytes=20',
  'count=2,bytes=-1=;countHardLimit=3',
  'count=-1,bytes=-1=;byteHardLimit=12;countHardLimit=4',
  'count=-1,bytes=-1=;byteHardLimit=5',
  'count=1,bytes=1=;byteHardLimit=-1;countHardLimit=-1',
  'count=0,bytes=0=;byteHardLimit=0;countHardLimit=0',
  'count=2',
  'bytes=5',
  'count=2,bytes=5,',
  'nonsense',
  '',
  null,
  'count=x,bytes=1',
  'count=1,bytes=99999999999999999999',
];

export const unknownCodes = [0, -1, 10, 23, 42, 99, 108, 1000, 2147483647, -2147483648, -2, -12];
