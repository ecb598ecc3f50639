// The tables of cases, for a server alone and for an ensemble: what is run, and how many times Apache's throughput Corral
// should reach. Cases of one group share an instance of each server; the order inside a group is the order here.

import type { WorkloadName } from './workloads.ts';

export interface BenchCase {
  readonly name: string;
  readonly group: 'reads' | 'watches and sessions' | 'sessions' | 'writes' | 'creates';
  readonly workload: WorkloadName;
  readonly connections: number;
  readonly depth: number;
  /** Least ratio of operations per second, Corral to Apache; undefined where none was set. */
  readonly target: number | undefined;
}

const row = (
  group: BenchCase['group'],
  title: string,
  workload: WorkloadName,
  [connections, depth]: readonly [number, number],
  target?: number,
): BenchCase => ({ name: `${title} ${connections}x${depth}`, group, workload, connections, depth, target });

const standaloneCases: readonly BenchCase[] = [
  row('reads', 'get', 'get', [1, 1], 1.1),
  row('reads', 'get', 'get', [64, 1], 1.6),
  row('reads', 'get', 'get', [64, 16], 3.0),
  row('reads', 'get', 'get', [1000, 1], 1.4),
  row('reads', 'mix 90/10', 'mix90', [64, 16], 2.5),
  row('watches and sessions', 'watch fan-out', 'watchFanout', [64, 8], 1.5),
  row('watches and sessions', 'connect+close', 'connectChurn', [64, 1], 2.0),
  row('writes', 'set', 'set', [1, 1], 1.3),
  row('writes', 'set', 'set', [64, 1], 1.4),
  row('writes', 'set', 'set', [64, 16], 2.0),
  row('writes', 'set', 'set', [1000, 1]),
  row('writes', 'multi of 10', 'multi10', [64, 4], 1.5),
  row('creates', 'create', 'create', [1, 1]),
  row('creates', 'create', 'create', [64, 1]),
  row('creates', 'create', 'create', [64, 16], 1.8),
  row('creates', 'create', 'create', [1000, 1]),
];

const ensembleCases: readonly BenchCase[] = [
  row('reads', 'get', 'get', [64, 16], 2.0),
  row('reads', 'mix 90/10', 'mix90', [64, 16], 2.5),
  row('sessions', 'connect+close', 'connectChurn', [64, 1], 2.0),
  row('writes', 'set', 'set', [1, 1], 1.3),
  row('writes', 'set', 'set', [64, 1], 1.5),
  row('writes', 'set', 'set', [64, 16], 2.0),
  row('writes', 'multi of 10', 'multi10', [64, 4], 1.5),
  row('creates', 'create', 'create', [64, 16], 2.0),
];

export interface LifeRow {
  readonly key: LifeKey;
  readonly name: string;
  readonly unit: 's' | 'MB';
  /** Most that Corral's figure divided by Apache's may be. */
  readonly limit: number | undefined;
}
export type LifeKey =
  'start' | 'idle' | 'fill' | 'full' | 'stop' | 'again' | 'fullAgain' | 'failOver' | 'worstFailOver';

/** Start, memory and recovery. */
const standaloneLife: readonly LifeRow[] = [
  { key: 'start', name: 'process start to first answered request', unit: 's', limit: 0.4 },
  { key: 'idle', name: 'resident memory, fresh, after 5 s', unit: 'MB', limit: 1.0 },
  { key: 'fill', name: 'filling the znodes (8x112)', unit: 's', limit: undefined },
  { key: 'full', name: 'resident memory after the fill', unit: 'MB', limit: 0.5 },
  { key: 'stop', name: 'stopping with them (SIGTERM)', unit: 's', limit: undefined },
  { key: 'again', name: 'process start until the last znode answers', unit: 's', limit: 0.6 },
  { key: 'fullAgain', name: 'resident memory after that', unit: 'MB', limit: undefined },
];

/** The same of all servers together; the bounds that have none in the table are those nobody has set. */
const ensembleLife: readonly LifeRow[] = [
  { key: 'start', name: 'process start until every server answered a request', unit: 's', limit: undefined },
  { key: 'idle', name: 'resident memory of all, fresh, after 5 s', unit: 'MB', limit: undefined },
  { key: 'fill', name: 'filling the znodes (8x112)', unit: 's', limit: undefined },
  { key: 'full', name: 'resident memory of all after the fill', unit: 'MB', limit: 0.5 },
  { key: 'stop', name: 'stopping all with them (SIGTERM)', unit: 's', limit: undefined },
  { key: 'again', name: 'process start until the last znode answers on every server', unit: 's', limit: undefined },
  { key: 'fullAgain', name: 'resident memory of all after that', unit: 'MB', limit: undefined },
  { key: 'failOver', name: 'fail-over: leader killed to first write accepted, median', unit: 's', limit: 0.7 },
  { key: 'worstFailOver', name: 'fail-over, the worst of a round', unit: 's', limit: undefined },
];

/** One comparison: so many servers of each kind, what they are asked to do, and what is expected of Corral. */
export interface Suite {
  readonly servers: number;
  readonly cases: readonly BenchCase[];
  /** Targets that are the same for every case: Corral's figure divided by Apache's, at most. */
  readonly limits: { readonly p99: number; readonly cpuPerOp: number };
  readonly lifeRows: readonly LifeRow[];
  /** The page keeps the suite's figures between comments that begin so. */
  readonly marker: string;
}

/** A server alone, or an ensemble of so many. */
export const suiteOf = (servers: number): Suite =>
  servers === 1
    ? {
        servers,
        cases: standaloneCases,
        limits: { p99: 1.0, cpuPerOp: 0.5 },
        lifeRows: standaloneLife,
        marker: 'figures',
      }
    : {
        servers,
        cases: ensembleCases,
        limits: { p99: 0.7, cpuPerOp: 0.5 },
        lifeRows: ensembleLife,
        marker: 'ensemble figures',
      };
