// K2: order across the wrap of the counter.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareSequences, formatSequence, inOrder, sequenceOf } from './sequence.ts';

const int32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });

describe('sequence numbers', () => {
  it('are read behind the base, with their sign and not with the dash of the base', () => {
    expect(sequenceOf('_c_f00-lock-0000000012', 'lock-')).toBe(12);
    expect(sequenceOf('_c_f00-lock--000000005', 'lock-')).toBe(-5);
    expect(sequenceOf('_c_f00-lock--2147483648', 'lock-')).toBe(-2147483648);
    expect(sequenceOf('f00__lock__-000000001', '__lock__')).toBe(-1);
  });

  it('are not found in names of something else', () => {
    for (const name of ['lock', 'lock-', 'lock-12', 'latch-0000000001', 'lock-000000001x', 'ready']) {
      expect(sequenceOf(name, 'lock-')).toBeNull();
    }
  });

  it('are written as a server writes them: a negative number has nine digits', () => {
    expect([7, -5, 2147483647, -2147483648].map(formatSequence)).toEqual([
      '0000000007',
      '-000000005',
      '2147483647',
      '-2147483648',
    ]);
    fc.assert(fc.property(int32, (n) => sequenceOf(`x-${formatSequence(n)}`, 'x-') === n));
  });

  it('keep their order over both wraps, whatever the text says', () => {
    fc.assert(
      fc.property(int32, fc.integer({ min: 1, max: 0x7fffffff }), (first, distance) => {
        expect(compareSequences(first, (first + distance) | 0)).toBeLessThan(0);
      }),
    );
    const names = [2147483646, 2147483647, -2147483648, -2147483647].map((n) => `_c_a-lock-${formatSequence(n)}`);
    const around = [-2, -1, 0, 1].map((n) => `_c_a-lock-${formatSequence(n)}`);
    for (const line of [names, around]) {
      const shuffled = [line[2], line[0], line[3], line[1]];
      expect(inOrder(shuffled, ['lock-']).map(({ name }) => name)).toEqual(line);
    }
  });
});
