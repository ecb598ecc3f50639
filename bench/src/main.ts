// `npm run bench`: measures Corral and Apache ZooKeeper in turns on this machine and writes the comparison down.
// Servers alternate on fresh instances, group by group; who goes first changes from round to round.

import { readFile, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { cacheDir } from './apache.ts';
import { cases } from './cases.ts';
import type { BenchCase } from './cases.ts';
import { machineFacts, machineWarnings } from './machine.ts';
import { measureCase, measureLife, withFreshServer } from './measure.ts';
import type { Timing } from './measure.ts';
import { render, runKey, withFigures } from './report.ts';
import type { LifeRun } from './report.ts';
import type { LoadResult } from './run.ts';
import type { ServerKind } from './servers.ts';

const serverKinds: readonly ServerKind[] = ['corral', 'apache', 'canned'];

const usage = `npm run bench -- [options]
  --rounds N      rounds, medians are taken over them (3)
  --seconds N     measured seconds of a case (4)
  --warmup N      warm-up seconds of a case before that (2)
  --only LIST     only these: workloads (get, set, create, mix90, watchFanout, connectChurn, multi10), cases by name
                  ("get 64x16"), or life (start, memory, recovery)
  --quick         one round of one second, without the million znodes: whether it works, not how fast
  --no-million    start and idle memory only
  --znodes N      how many znodes to fill with instead of a million
  --ceiling       also measure the generator against a server of ready-made replies
  --servers LIST  of corral, apache, canned (corral,apache)
  --out FILE      page whose figures are replaced (with --only or --quick none by default)
  --json FILE     every single run, as JSON`;

interface Plan {
  readonly rounds: number;
  readonly timing: Timing;
  readonly cases: readonly BenchCase[];
  readonly life: boolean;
  readonly znodes: number;
  readonly kinds: readonly ServerKind[];
  readonly out: string | undefined;
  readonly json: string | undefined;
}

const optionTable = {
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  warmup: { type: 'string' },
  only: { type: 'string' },
  quick: { type: 'boolean' },
  'no-million': { type: 'boolean' },
  znodes: { type: 'string' },
  ceiling: { type: 'boolean' },
  servers: { type: 'string' },
  out: { type: 'string' },
  json: { type: 'string' },
  help: { type: 'boolean' },
} as const;

function positive(text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new Error(`${text} is not a number above zero\n\n${usage}`);
  return value;
}

function serversOf(list: string | undefined, ceiling: boolean): ServerKind[] {
  const names = list?.split(',') ?? ['corral', 'apache'];
  const unknown = names.find((name) => !serverKinds.some((kind) => kind === name));
  if (unknown !== undefined) throw new Error(`no server is called ${unknown}\n\n${usage}`);
  return serverKinds.filter((kind) => names.includes(kind) || (ceiling && kind === 'canned'));
}

function planOf(args: readonly string[]): Plan | undefined {
  const { values } = parseArgs({ args: [...args], options: optionTable });
  if (values.help) return undefined;
  const quick = values.quick ?? false;
  const only = values.only?.split(',').map((word) => word.trim());
  const chosen = cases.filter((one) => only === undefined || only.includes(one.workload) || only.includes(one.name));
  const life = only === undefined || only.includes('life');
  if (chosen.length === 0 && !life) throw new Error(`nothing is called ${values.only}\n\n${usage}`);
  const fallbackOut = quick || only !== undefined ? undefined : resolve(dirname(cacheDir), 'docs', 'benchmarks.md');
  const seconds = positive(values.seconds, quick ? 1 : 4);
  const warmupSeconds = positive(values.warmup, quick ? 0.5 : 2);
  return {
    rounds: Math.ceil(positive(values.rounds, quick ? 1 : 3)),
    timing: { seconds, warmupSeconds, firstWarmupSeconds: quick ? 1 : 5 },
    cases: chosen,
    life,
    znodes: quick || values['no-million'] ? 0 : Math.ceil(positive(values.znodes, 1_000_000)),
    kinds: serversOf(values.servers, values.ceiling ?? false),
    out: values.out === undefined ? fallbackOut : resolve(values.out),
    json: values.json === undefined ? undefined : resolve(values.json),
  };
}

const tell = (line: string): void => void process.stderr.write(`${line}\n`);

function tellRun(kind: ServerKind, one: BenchCase, run: LoadResult): void {
  const rate = Math.round(run.ops / run.seconds).toLocaleString('en-US');
  const cpu = ((run.serverCpuSeconds / run.ops) * 1e6).toFixed(1);
  const share = (run.generatorCpuSeconds / run.seconds).toFixed(2);
  const others = (run.otherCores + run.stealCores).toFixed(2);
  const latency = `p50 ${run.p50Ms.toFixed(2)} ms  p99 ${run.p99Ms.toFixed(2)} ms`;
  tell(
    `  ${kind.padEnd(6)}  ${one.name.padEnd(20)} ${rate.padStart(10)}/s  ${latency}  server ${cpu} us/op  ` +
      `generator ${share} cores  others ${others}`,
  );
}

class Benchmark {
  readonly #plan: Plan;
  readonly runs = new Map<string, LoadResult[]>();
  readonly lives = new Map<ServerKind, LifeRun[]>();

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  async round(index: number): Promise<void> {
    const { kinds, life, cases: chosen } = this.#plan;
    const order = index % 2 === 0 ? kinds : [...kinds].reverse();
    for (const group of new Set(chosen.map((one) => one.group))) {
      tell(`round ${index + 1}: ${group}`);
      const inGroup = chosen.filter((one) => one.group === group);
      for (const kind of order) await this.#group(kind, inGroup);
    }
    if (!life) return;
    tell(`round ${index + 1}: start, memory, recovery`);
    for (const kind of order) if (kind !== 'canned') await this.#life(kind);
  }

  async #group(kind: ServerKind, group: readonly BenchCase[]): Promise<void> {
    const { timing } = this.#plan;
    await withFreshServer(kind, timing, async (server) => {
      for (const one of group) {
        const run = await measureCase(server, one, timing);
        const key = runKey(kind, one);
        this.runs.set(key, [...(this.runs.get(key) ?? []), run]);
        tellRun(kind, one, run);
      }
    });
  }

  async #life(kind: ServerKind): Promise<void> {
    const life = await measureLife(kind, this.#plan.znodes);
    this.lives.set(kind, [...(this.lives.get(kind) ?? []), life]);
    const text = Object.entries(life).map(([key, value]) => `${key} ${value.toFixed(2)}`);
    tell(`  ${kind.padEnd(6)}  ${text.join('  ')}`);
  }
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const plan = planOf(args);
  if (plan === undefined) return void process.stdout.write(`${usage}\n`);
  const warnings = await machineWarnings();
  for (const warning of warnings) tell(`warning: ${warning}`);
  const { seconds, warmupSeconds } = plan.timing;
  const facts = [
    ...(await machineFacts()),
    `\`npm run bench${args.length > 0 ? ` -- ${args.join(' ')}` : ''}\`: ${plan.rounds} rounds, ${seconds} s a case ` +
      `after ${warmupSeconds} s of warm-up`,
    ...warnings.map((warning) => `**warning:** ${warning}`),
  ];
  const benchmark = new Benchmark(plan);
  for (let round = 0; round < plan.rounds; round++) await benchmark.round(round);
  const { runs, lives } = benchmark;
  const section = render({ cases: plan.cases, runs, lives, znodes: plan.life ? plan.znodes : 0 }, facts);
  process.stdout.write(`${section}\n`);
  if (plan.json !== undefined) {
    await writeFile(plan.json, JSON.stringify({ facts, runs: [...runs], lives: [...lives] }, undefined, 2));
  }
  if (plan.out !== undefined) await writeFile(plan.out, withFigures(await readFile(plan.out, 'utf8'), section));
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    tell(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exit(1);
  },
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
