import { describe, expect, it } from 'vitest';
import { reproduction, runSeed, seedLine } from './seed.ts';

/** A few seeds of every region: all of a campaign take minutes. */
const spread = (from: number): number[] => Array.from({ length: 20 }, (_, i) => from + i * 997);

describe('random runs', () => {
  it.each([1, 2, 3, 4, 6, 7, 8, 9, 10, 11])('break no rule, with the seeds %i + 997 n', (from) => {
    for (const seed of spread(from)) {
      const { verdict, message } = runSeed(seed);
      expect(verdict, `${message}\n${reproduction(seed)}`).toBe('pass');
    }
  });

  it('do the same again when they have the same seed', () => {
    for (const seed of [1, 17, 4711]) expect(seedLine(runSeed(seed))).toBe(seedLine(runSeed(seed)));
  });

  it('differ when their seeds do', () => {
    expect(runSeed(1).trace).not.toBe(runSeed(2).trace);
  });
});

describe('the line of a run', () => {
  it('names its knobs in the form in which they are given', () => {
    const report = runSeed(5);
    const knobs = /knobs=(\S+)/.exec(seedLine(report))![1];
    expect(runSeed(5, { knobs })).toEqual(report);
  });

  it('refuses knobs that do not exist', () => {
    expect(() => runSeed(1, { knobs: 'voter=3' })).toThrow('no such knob: voter=3');
  });
});
