// corral bench: how many requests a second the servers answer to this machine, and how fast.

import { createHistogram } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Client } from '@corral/client';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { progress } from '../move/progress.ts';
import { report } from '../output.ts';
import { inWindows } from '../tree.ts';
import { parseBytes, parseCount, parseDuration } from '../values.ts';
import { confirmed, examples } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';
import type { GlobalOptions, Task } from '../with-client.ts';

interface BenchFlags {
  readonly mix: string;
  readonly clients: string;
  readonly inFlight: string;
  readonly size: string;
  readonly nodes: string;
  readonly duration: string;
  readonly path: string;
}

interface Plan {
  /** Part of the requests that read, from 0 to 1. */
  readonly reads: number;
  readonly clients: number;
  readonly inFlight: number;
  readonly size: number;
  readonly nodes: number;
  readonly durationMs: number;
  readonly path: string;
}

export function registerBench(program: Command, context: Context): void {
  const command = program
    .command('bench')
    .option('--mix <r90w10>', 'reads and writes in a hundred requests', 'r90w10')
    .option('--clients <n>', 'connections', '10')
    .option('--in-flight <n>', 'requests under way on each', '8')
    .option('--size <bytes>', 'data of a node', '128')
    .option('--nodes <n>', 'nodes that are read and written', '100')
    .option('--duration <time>', 'how long', '5s')
    .option('--path <path>', 'under which nodes are made, and deleted afterwards', '/corral-bench')
    .description('measure requests per second and latency')
    .action(async (flags: BenchFlags, command: Command) => {
      const globals = globalsOf(command);
      const plan = planOf(flags);
      const isLocal = /^(127\.|localhost|\[?::1)/.test(globals.server);
      const question = `Put load on ${globals.server} for ${plan.durationMs / 1000} s`;
      if (!isLocal && !(await confirmed(context, globals, question))) return;
      const found = await measure(plan, globals, context);
      await report(context, globals.output, { value: found, text: () => describe(found) });
    });
  examples(command, 'bench', 'bench --mix r0w100 --clients 50 --duration 10s', 'bench -o json');
}

function planOf(flags: BenchFlags): Plan {
  const [, reads, writes] = /^r(\d+)w(\d+)$/.exec(flags.mix) ?? [];
  const total = Number(reads) + Number(writes);
  if (!(total > 0)) throw new UsageError(`"${flags.mix}" is no mix such as r90w10`);
  return {
    reads: Number(reads) / total,
    clients: positive(flags.clients),
    inFlight: positive(flags.inFlight),
    size: parseBytes(flags.size),
    nodes: positive(flags.nodes),
    durationMs: parseDuration(flags.duration),
    path: flags.path,
  };
}

function positive(text: string): number {
  const count = parseCount(text);
  if (count > 0) return count;
  throw new UsageError('--clients, --in-flight and --nodes begin with 1');
}

type Kind = 'read' | 'write';

interface Found {
  readonly requestsPerSecond: number;
  readonly failed: number;
  readonly read: Latencies | null;
  readonly write: Latencies | null;
}

interface Latencies {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

async function measure(plan: Plan, globals: GlobalOptions, context: Context): Promise<Found> {
  return withClient(globals, 'one command', async (task) => {
    const paths = await prepare(task, plan);
    try {
      return await load(plan, paths, globals, context);
    } finally {
      await inWindows(paths, (path) => task.client.delete(path, task.call));
      await task.client.delete(plan.path, task.call);
    }
  });
}

async function prepare({ client, call }: Task, { path, nodes, size }: Plan): Promise<string[]> {
  await client.create(path, '', call);
  const paths = Array.from({ length: nodes }, (_, at) => `${path}/${at}`);
  await inWindows(paths, (one) => client.create(one, new Uint8Array(size), call));
  return paths;
}

async function load(plan: Plan, paths: readonly string[], globals: GlobalOptions, context: Context): Promise<Found> {
  const times = { read: createHistogram(), write: createHistogram() };
  let [done, failed] = [0, 0];
  const stop = new AbortController();
  const data = new Uint8Array(plan.size);
  const oneAfterTheOther = async (client: Client): Promise<void> => {
    while (!stop.signal.aborted && !context.interrupted().aborted) {
      const path = paths[Math.floor(Math.random() * paths.length)];
      const kind: Kind = Math.random() < plan.reads ? 'read' : 'write';
      const began = process.hrtime.bigint();
      try {
        await (kind === 'read' ? client.get(path) : client.set(path, data));
        times[kind].record(process.hrtime.bigint() - began);
        done += 1;
      } catch (error) {
        if (!(error instanceof Error) || !('code' in error)) throw error;
        failed += 1;
      }
    }
  };
  const shown = progress(context, 'requests');
  const ticking = setInterval(() => shown.count(done), 200);
  const connection = (): Promise<unknown> =>
    withClient(globals, 'until interrupted', ({ client }) =>
      Promise.all(Array.from({ length: plan.inFlight }, () => oneAfterTheOther(client))),
    );
  const began = performance.now();
  const running = Promise.all(Array.from({ length: plan.clients }, connection));
  // Interrupted, the work ends before its time, and the timer must not keep the program waiting.
  await Promise.race([sleep(plan.durationMs, undefined, { ref: false }), running]);
  stop.abort();
  const elapsed = performance.now() - began;
  clearInterval(ticking);
  shown.end();
  await running;
  const latencies = (kind: Kind): Latencies | null => (times[kind].count === 0 ? null : summary(times[kind]));
  return {
    requestsPerSecond: Math.round((done * 1000) / elapsed),
    failed,
    read: latencies('read'),
    write: latencies('write'),
  };
}

function summary(times: ReturnType<typeof createHistogram>): Latencies {
  const ms = (nanoseconds: number): number => Math.round(nanoseconds / 10_000) / 100;
  return { count: times.count, p50Ms: ms(times.percentile(50)), p99Ms: ms(times.percentile(99)), maxMs: ms(times.max) };
}

function describe({ requestsPerSecond, failed, read, write }: Found): string {
  const row = (name: string, found: Latencies | null): string =>
    found === null
      ? ''
      : `${name}  ${found.count} requests  p50 ${found.p50Ms} ms  p99 ${found.p99Ms} ms  max ${found.maxMs} ms\n`;
  const failures = failed === 0 ? '' : `${failed} failed\n`;
  return `${requestsPerSecond} requests/s\n${row('reads ', read)}${row('writes', write)}${failures}`;
}
