// `npm run bench`: measures Corral and Apache ZooKeeper in turns on this machine and writes the comparison down.
// Servers alternate on fresh instances, group by group; who goes first changes from round to round.

import { readFile, writeFile } from 'node:fs/promises';
import type { BenchCase } from './cases.ts';
import { machineFacts, machineWarnings } from './machine.ts';
import { measureCase, measureFailOver, measureLife, withFreshServers } from './measure.ts';
import type { LifeRun, Subject } from './measure.ts';
import { planOf, usage } from './plan.ts';
import type { Plan } from './plan.ts';
import { render, runKey, withFigures } from './report.ts';
import type { LoadResult } from './run.ts';
import type { ServerKind } from './server-process.ts';

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
    const { kinds, life, kills, cases: chosen } = this.#plan;
    const order = index % 2 === 0 ? kinds : [...kinds].reverse();
    for (const group of new Set(chosen.map((one) => one.group))) {
      tell(`round ${index + 1}: ${group}`);
      const inGroup = chosen.filter((one) => one.group === group);
      for (const kind of order) await this.#group(kind, inGroup);
    }
    const real = order.filter((kind) => kind !== 'canned');
    if (life) tell(`round ${index + 1}: start, memory, recovery`);
    if (life) for (const kind of real) this.#lived(kind, await measureLife(this.#subject(kind), this.#plan.znodes));
    if (kills > 0) tell(`round ${index + 1}: fail-over`);
    if (kills > 0) for (const kind of real) this.#lived(kind, await measureFailOver(this.#subject(kind), kills));
  }

  async #group(kind: ServerKind, group: readonly BenchCase[]): Promise<void> {
    const { timing } = this.#plan;
    await withFreshServers(this.#subject(kind), timing, async (servers) => {
      for (const one of group) {
        const run = await measureCase(servers, one, timing);
        const key = runKey(kind, one);
        this.runs.set(key, [...(this.runs.get(key) ?? []), run]);
        tellRun(kind, one, run);
      }
    });
  }

  #subject(kind: ServerKind): Subject {
    return { kind, size: this.#plan.suite.servers };
  }

  #lived(kind: ServerKind, life: LifeRun): void {
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
  const { suite } = plan;
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
  const section = render({ suite, cases: plan.cases, runs, lives, znodes: plan.life ? plan.znodes : 0 }, facts);
  process.stdout.write(`${section}\n`);
  if (plan.json !== undefined) {
    await writeFile(plan.json, JSON.stringify({ facts, runs: [...runs], lives: [...lives] }, undefined, 2));
  }
  if (plan.out !== undefined) await writeFile(plan.out, withFigures(await readFile(plan.out, 'utf8'), suite, section));
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    tell(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exit(1);
  },
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
