import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { PropertySyntaxError, parseProperties } from './properties.ts';

const pairs = (source: string): [string, string][] => parseProperties(source).map(({ key, value }) => [key, value]);

describe('the syntax of a configuration file', () => {
  const cases: readonly (readonly [string, string, [string, string][]])[] = [
    [
      'separators are =, : and blanks',
      'a=1\nb:2\nc 3\nd = 4\ne\t:\t5',
      [
        ['a', '1'],
        ['b', '2'],
        ['c', '3'],
        ['d', '4'],
        ['e', '5'],
      ],
    ],
    ['comments begin with # or !, also after blanks', '# x\n  ! y\na=1 # not a comment', [['a', '1 # not a comment']]],
    [
      'a backslash at the end continues the line',
      'a=1,\\\n   2,\\\n\t3\nb=4',
      [
        ['a', '1,2,3'],
        ['b', '4'],
      ],
    ],
    [
      'two backslashes at the end do not',
      'a=1\\\\\nb=2',
      [
        ['a', '1\\'],
        ['b', '2'],
      ],
    ],
    ['escapes are resolved', 'a\\=b=\\u0063\\t\\:d', [['a=b', 'c\t:d']]],
    ['only the first separator counts', 'server.1=h:2888:3888;2181', [['server.1', 'h:2888:3888;2181']]],
    [
      'a key may stand alone',
      'flag\n=x',
      [
        ['flag', ''],
        ['', 'x'],
      ],
    ],
    [
      'line ends may be any',
      'a=1\r\nb=2\rc=3',
      [
        ['a', '1'],
        ['b', '2'],
        ['c', '3'],
      ],
    ],
    ['a byte order mark is skipped', '\uFEFFa=1', [['a', '1']]],
    ['blanks around values are dropped', 'a=  1  ', [['a', '1']]],
  ];
  for (const [name, source, expected] of cases) {
    it(name, () => {
      expect(pairs(source)).toEqual(expected);
    });
  }
  it('entries know the line they begin on', () => {
    expect(parseProperties('\n# c\na=1\\\n2\nb=3').map((entry) => entry.line)).toEqual([3, 5]);
  });
  it('a broken \\u is an error with its line', () => {
    expect(() => parseProperties('a=1\nb=\\u12g4')).toThrow(PropertySyntaxError);
  });
  it('any text is parsed or refused with a line', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '=', ':', ' ', '\\', '\n', 'u', '0', '#', '\r') }),
        (source) => {
          try {
            parseProperties(source);
          } catch (error) {
            expect(error).toBeInstanceOf(PropertySyntaxError);
          }
        },
      ),
    );
  });
});
