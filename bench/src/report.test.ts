import { describe, expect, test } from 'vitest';
import { suiteOf } from './cases.ts';
import { render, runKey, withFigures } from './report.ts';
import type { LoadResult } from './run.ts';
import type { LifeRun } from './measure.ts';
import type { ServerKind } from './server-process.ts';
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
  const alone = suiteOf(1);
  const three = suiteOf(3);
  const get = alone.cases.find((one) => one.name === 'get 64x16')!;
  const runs = (corral: number): Map<string, LoadResult[]> =>
    new Map([
      [runKey('corral', get), [run(corral)]],
      [runKey('apache', get), [run(100)]],
    ]);
  const measured = (corral: number): Parameters<typeof render>[0] => ({
    suite: alone,
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
    const once = withFigures('# Title\n\nWords.\n', alone, 'first');
    const twice = withFigures(once, alone, 'second');
    expect(twice).toContain('# Title\n\nWords.');
    expect(twice).toContain('second');
    expect(twice).not.toContain('first');
  });

  test('keeps the figures of a server alone and of an ensemble apart on the page', () => {
    const both = withFigures(withFigures('# Title\n', alone, 'one server'), three, 'three servers');
    const again = withFigures(withFigures(both, alone, 'one again'), three, 'three again');
    expect(again.match(/one again|three again/g)).toEqual(['one again', 'three again']);
    expect(again).not.toMatch(/one server|three servers/);
  });

  test('judges an ensemble by its own targets and says that figures are of all servers', () => {
    const lives = new Map<ServerKind, LifeRun[]>([
      ['corral', [{ full: 500 }, { failOver: 0.2, worstFailOver: 0.3 }]],
      ['apache', [{ full: 1100 }, { failOver: 0.25, worstFailOver: 0.9 }]],
    ]);
    const text = render({ suite: three, cases: [get], runs: runs(201), lives, znodes: 1000 }, []);
    expect(text).toContain('### Latency and CPU time, of 3 servers together');
    expect(text).toContain('1.00 (≤ 0.7: **missed**)');
    expect(text).toMatch(/memory of all after the fill, MB \|.*\| 0\.45 \(≤ 0\.5: met\)/);
    expect(text).toMatch(/first write accepted, median, s \|.*\| 0\.80 \(≤ 0\.7: \*\*missed\*\*\)/);
    expect(text).toMatch(/the worst of a round, s \|.*\| 0\.33 \|/);
  });
});
