// One measurement each: a case through the load generator, the life of a fresh server, the million znodes.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { BenchCase, LifeKey } from './cases.ts';
import { failOvers } from './fail-over.ts';
import { pause } from './run.ts';
import type { LoadResult } from './run.ts';
import type { ServerKind } from './server-process.ts';
import { Servers } from './servers.ts';
import { spread } from './stats.ts';
import { fillPath } from './workloads.ts';
import type { Job } from './workloads.ts';

const run = promisify(execFile);
const generator = fileURLToPath(import.meta.resolve('./load.js'));
const settleMs = 5000;
/** What a load may take beyond its measured time: setting up, and for a fill everything. */
const graceSeconds = 600;
const fillShape = { connections: 8, depth: 112 } as const;

/** How long cases are measured; every server gets the same. */
export interface Timing {
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** Before the first case of a fresh instance: a mix of gets and sets, so that compilers have seen both. */
  readonly firstWarmupSeconds: number;
}

let tags = 0;

async function load(servers: Servers, job: Omit<Job, 'ports' | 'serverPids' | 'tag'>): Promise<LoadResult> {
  const whole: Job = { ...job, ports: servers.ports, serverPids: servers.pids, tag: `t${++tags}` };
  const timeout = (job.warmupSeconds + job.seconds + graceSeconds) * 1000;
  try {
    const { stdout } = await run(process.execPath, [generator, JSON.stringify(whole)], { timeout });
    return JSON.parse(stdout) as LoadResult;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${job.workload} against ${servers.kind} failed: ${reason}\n${await servers.logTail()}`, {
      cause: error,
    });
  }
}

export function measureCase(servers: Servers, one: BenchCase, timing: Timing): Promise<LoadResult> {
  const { workload, connections, depth } = one;
  const { seconds, warmupSeconds } = timing;
  return load(servers, { workload, connections, depth, seconds, warmupSeconds, count: 0 });
}

/** Which servers, and how many of them. */
export interface Subject {
  readonly kind: ServerKind;
  readonly size: number;
}

/** Runs `work` on a fresh, warmed-up instance of the server or the ensemble. */
export async function withFreshServers(
  { kind, size }: Subject,
  timing: Timing,
  work: (servers: Servers) => Promise<void>,
): Promise<void> {
  const servers = await Servers.fresh(kind, size);
  try {
    await flushDisk();
    await servers.start();
    const warmup = { workload: 'mix90', connections: 64, depth: 16, count: 0, warmupSeconds: 0 } as const;
    await load(servers, { ...warmup, seconds: timing.firstWarmupSeconds });
    await work(servers);
  } finally {
    await servers.discard();
  }
}

export type LifeRun = Partial<Record<LifeKey, number>>;

/** Start-up time and idle memory; with `znodes` above zero also the fill, the memory it takes, and a restart. */
export async function measureLife({ kind, size }: Subject, znodes: number): Promise<LifeRun> {
  const servers = await Servers.fresh(kind, size);
  try {
    await flushDisk();
    const start = await servers.start();
    await pause(settleMs);
    const idle = megabytes(servers.residentBytes);
    return { start, idle, ...(znodes > 0 && (await measureFill(servers, znodes))) };
  } finally {
    await servers.discard();
  }
}

/** A fresh ensemble loses its leader so many times. */
export async function measureFailOver({ kind, size }: Subject, times: number): Promise<LifeRun> {
  const servers = await Servers.fresh(kind, size);
  try {
    await flushDisk();
    await servers.start();
    const taken = spread(await failOvers(servers, times));
    return taken === undefined ? {} : { failOver: taken.median, worstFailOver: taken.max };
  } finally {
    await servers.discard();
  }
}

async function measureFill(servers: Servers, znodes: number): Promise<LifeRun> {
  const filled = await load(servers, { workload: 'fill', ...fillShape, count: znodes, warmupSeconds: 0, seconds: 0 });
  await pause(settleMs);
  const full = megabytes(servers.residentBytes);
  const stop = await servers.stop();
  const again = await servers.start(fillPath(znodes - 1));
  await pause(settleMs);
  return { fill: filled.seconds, full, stop, again, fullAgain: megabytes(servers.residentBytes) };
}

/** Leaves no dirty pages of the previous server for the next one to wait for. */
const flushDisk = async (): Promise<void> => void (await run('sync'));

const megabytes = (bytes: number): number => bytes / (1024 * 1024);
