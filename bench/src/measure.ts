// One measurement each: a case through the load generator, the life of a fresh server, the million znodes.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { BenchCase, LifeKey } from './cases.ts';
import { pause } from './run.ts';
import type { LoadResult } from './run.ts';
import { TestServer } from './servers.ts';
import type { ServerKind } from './servers.ts';
import { fillPath } from './workloads.ts';
import type { Job } from './workloads.ts';

const run = promisify(execFile);
const generator = fileURLToPath(import.meta.resolve('./load.js'));
const settleMs = 5000;
const fillShape = { connections: 8, depth: 112 } as const;

/** How long cases are measured; every server gets the same. */
export interface Timing {
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** Before the first case of a fresh instance: a mix of gets and sets, so that compilers have seen both. */
  readonly firstWarmupSeconds: number;
}

let tags = 0;

async function load(server: TestServer, job: Omit<Job, 'port' | 'serverPids' | 'tag'>): Promise<LoadResult> {
  const whole: Job = { ...job, port: server.port, serverPids: server.pids, tag: `t${++tags}` };
  try {
    const { stdout } = await run(process.execPath, [generator, JSON.stringify(whole)]);
    return JSON.parse(stdout) as LoadResult;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${job.workload} against ${server.kind} failed: ${reason}\n${await server.logTail()}`, {
      cause: error,
    });
  }
}

export function measureCase(server: TestServer, one: BenchCase, timing: Timing): Promise<LoadResult> {
  const { workload, connections, depth } = one;
  const { seconds, warmupSeconds } = timing;
  return load(server, { workload, connections, depth, seconds, warmupSeconds, count: 0 });
}

/** Runs `work` on a fresh, warmed-up instance of the server. */
export async function withFreshServer(
  kind: ServerKind,
  timing: Timing,
  work: (server: TestServer) => Promise<void>,
): Promise<void> {
  const server = await TestServer.fresh(kind);
  try {
    await flushDisk();
    await server.start();
    const warmup = { workload: 'mix90', connections: 64, depth: 16, count: 0, warmupSeconds: 0 } as const;
    await load(server, { ...warmup, seconds: timing.firstWarmupSeconds });
    await work(server);
  } finally {
    await server.discard();
  }
}

/** Start-up time and idle memory; with `znodes` above zero also the fill, the memory it takes, and a restart. */
export async function measureLife(kind: ServerKind, znodes: number): Promise<Partial<Record<LifeKey, number>>> {
  const server = await TestServer.fresh(kind);
  try {
    await flushDisk();
    const start = await server.start();
    await pause(settleMs);
    const idle = megabytes(server.residentBytes);
    if (znodes === 0) return { start, idle };
    const filled = await load(server, { workload: 'fill', ...fillShape, count: znodes, warmupSeconds: 0, seconds: 0 });
    await pause(settleMs);
    const full = megabytes(server.residentBytes);
    const stop = await server.stop();
    const again = await server.start(fillPath(znodes - 1));
    await pause(settleMs);
    return { start, idle, fill: filled.seconds, full, stop, again, fullAgain: megabytes(server.residentBytes) };
  } finally {
    await server.discard();
  }
}

/** Leaves no dirty pages of the previous server for the next one to wait for. */
const flushDisk = async (): Promise<void> => void (await run('sync'));

const megabytes = (bytes: number): number => bytes / (1024 * 1024);
