import { describe, expect, test } from 'vitest';
import { cases } from './cases.ts';
import { render, runKey, withFigures } from './report.ts';
import type { LoadResult } from './run.ts';
import type { ServerKind } from './servers.ts';
import { figuresOf, spread } from './stats.ts';

const run = (opsPerSecond: number, otherCores = 0): LoadResult => ({
  ops: opsPerSecond,
  seconds: 1,
  p50Ms: 1,
  p99Ms: 2,
  maxMs: 3,
  serverCpuSeconds: 1,
  generatorCpuSeconds: 0.5,
  otherCores,
  stealCores: 0,
});

describe('figures', () => {
  test('are medians with their range', () => {
    expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3, count: 3 });
    expect(spread([4, 1, 2, 3])?.median).toBe(2.5);
    expect(spread([])).toBeUndefined();
  });

  test('leave noisy runs out as long as three quiet ones remain', () => {
    const quiet = [run(100), run(110), run(120)];
    expect(figuresOf([...quiet, run(10, 1)]).opsPerSecond?.median).toBe(110);
    expect(figuresOf([run(100), run(110), run(10, 1)]).opsPerSecond?.median).toBe(100);
  });
});

describe('report', () => {
  const get = cases.find((one) => one.name === 'get 64x16')!;
  const runs = (corral: number): Map<string, LoadResult[]> =>
    new Map([
      [runKey('corral', get), [run(corral)]],
      [runKey('apache', get), [run(100)]],
    ]);
  const measured = (corral: number): Parameters<typeof render>[0] => ({
    cases: [get],
    runs: runs(corral),
    lives: new Map<ServerKind, []>(),
    znodes: 0,
  });

  test('says whether a target is met', () => {
    expect(render(measured(301), [])).toContain('3.01 (≥ 3.0: met)');
    expect(render(measured(299), [])).toContain('2.99 (≥ 3.0: **missed**)');
  });

  test('replaces the figures of a page and keeps its words', () => {
    const once = withFigures('# Title\n\nWords.\n', 'first');
    const twice = withFigures(once, 'second');
    expect(twice).toContain('# Title\n\nWords.');
    expect(twice).toContain('second');
    expect(twice).not.toContain('first');
  });
});
