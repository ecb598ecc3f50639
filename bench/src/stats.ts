// From the runs of several rounds to the figures that are compared: medians, the range they came from, and ratios.

import type { LoadResult } from './run.ts';

/** More than this many cores used by others or lost to the host, and a run says little about the servers. */
export const quietCoresMax = 0.2;
/** Noisy runs are left out when at least this many quiet ones remain. */
const quietRunsMin = 3;

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly count: number;
}

export function spread(values: readonly number[]): Spread | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (min === undefined || max === undefined) return undefined;
  const lower = sorted[(sorted.length - 1) >> 1] ?? min;
  const upper = sorted[sorted.length >> 1] ?? max;
  return { median: (lower + upper) / 2, min, max, count: sorted.length };
}

/** First median divided by the second, undefined when either is missing. */
export function ratio(first: Spread | undefined, second: Spread | undefined): number | undefined {
  if (first === undefined || second === undefined || second.median === 0) return undefined;
  return first.median / second.median;
}

export const isQuiet = (run: LoadResult): boolean => run.otherCores + run.stealCores <= quietCoresMax;

/** What one server did in one case, over the rounds. */
export interface CaseFigures {
  readonly opsPerSecond: Spread | undefined;
  readonly p50Ms: Spread | undefined;
  readonly p99Ms: Spread | undefined;
  readonly serverMicrosPerOp: Spread | undefined;
  readonly generatorMicrosPerOp: Spread | undefined;
  readonly serverCores: Spread | undefined;
  readonly generatorCores: Spread | undefined;
  /** Runs that were noisy, whether they were left out or not. */
  readonly noisy: number;
}

export function figuresOf(runs: readonly LoadResult[]): CaseFigures {
  const quiet = runs.filter(isQuiet);
  const used = quiet.length >= quietRunsMin ? quiet : runs;
  const over = (figure: (run: LoadResult) => number): Spread | undefined => spread(used.map(figure));
  return {
    opsPerSecond: over((run) => run.ops / run.seconds),
    p50Ms: over((run) => run.p50Ms),
    p99Ms: over((run) => run.p99Ms),
    serverMicrosPerOp: over((run) => (run.serverCpuSeconds / run.ops) * 1e6),
    generatorMicrosPerOp: over((run) => (run.generatorCpuSeconds / run.ops) * 1e6),
    serverCores: over((run) => run.serverCpuSeconds / run.seconds),
    generatorCores: over((run) => run.generatorCpuSeconds / run.seconds),
    noisy: runs.length - quiet.length,
  };
}
