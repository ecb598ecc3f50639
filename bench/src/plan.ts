// What is asked of `npm run bench`, read from its command line.

import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { cacheDir } from './apache.ts';
import { suiteOf } from './cases.ts';
import type { BenchCase, Suite } from './cases.ts';
import type { Timing } from './measure.ts';
import type { ServerKind } from './server-process.ts';

const serverKinds: readonly ServerKind[] = ['corral', 'apache', 'canned'];
/** Fewer cannot lose one, more than this find no room beside each other. */
const ensembleSizes = [3, 5, 7] as const;

export const usage = `npm run bench -- [options]
  --ensemble N    N servers of each kind (3, 5 or 7) as an ensemble, all on this machine, instead of one; clients spread
                  over them; CPU time and memory are those of all; also measures fail-over
  --rounds N      rounds, medians are taken over them (3)
  --seconds N     measured seconds of a case (4)
  --warmup N      warm-up seconds of a case before that (2)
  --only LIST     only these: workloads (get, set, create, mix90, multi10, watchFanout, connectChurn), cases by name
                  ("get 64x16"), life (start, memory, recovery), or failover (of an ensemble)
  --quick         one round of one second, without the million znodes: whether it works, not how fast
  --no-million    start and idle memory only
  --znodes N      how many znodes to fill with instead of a million
  --kills N       how many times a round kills the leader of an ensemble (5; with --quick 1)
  --ceiling       also measure the generator against a server of ready-made replies
  --servers LIST  of corral, apache, canned (corral,apache)
  --out FILE      page whose figures are replaced (docs/benchmarks.md; with --only or --quick none)
  --json FILE     every single run, as JSON
  --help          this text

Servers run in turns, never at the same time, each on an empty data directory below .interop/ that is removed
afterwards. Needs Linux, a JDK and Maven. Ends by itself, with an error when a server or a reply fails.`;

export interface Plan {
  readonly suite: Suite;
  readonly rounds: number;
  readonly timing: Timing;
  readonly cases: readonly BenchCase[];
  readonly life: boolean;
  readonly znodes: number;
  /** How often a round kills the leader; 0 where there is none, or no wish. */
  readonly kills: number;
  readonly kinds: readonly ServerKind[];
  readonly out: string | undefined;
  readonly json: string | undefined;
}

const optionTable = {
  ensemble: { type: 'string' },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  warmup: { type: 'string' },
  only: { type: 'string' },
  quick: { type: 'boolean' },
  'no-million': { type: 'boolean' },
  znodes: { type: 'string' },
  kills: { type: 'string' },
  ceiling: { type: 'boolean' },
  servers: { type: 'string' },
  out: { type: 'string' },
  json: { type: 'string' },
  help: { type: 'boolean' },
} as const;

const refusal = (reason: string): Error => new Error(`${reason}\n\n${usage}`);

function positive(text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!Number.isFinite(value) || value <= 0) throw refusal(`${text} is not a number above zero`);
  return value;
}

const whole = (text: string | undefined, fallback: number): number => Math.ceil(positive(text, fallback));

function sizeOf(text: string | undefined): number {
  if (text === undefined) return 1;
  const size = ensembleSizes.find((one) => String(one) === text);
  if (size === undefined) throw refusal(`an ensemble to measure has ${ensembleSizes.join(', ')} servers, not ${text}`);
  return size;
}

function kindsOf(list: string | undefined, ceiling: boolean): ServerKind[] {
  const names = list?.split(',') ?? ['corral', 'apache'];
  const unknown = names.find((name) => !serverKinds.some((kind) => kind === name));
  if (unknown !== undefined) throw refusal(`no server is called ${unknown}`);
  return serverKinds.filter((kind) => names.includes(kind) || (ceiling && kind === 'canned'));
}

/** Undefined when help is asked for; an error says what is wrong with the arguments. */
export function planOf(args: readonly string[]): Plan | undefined {
  const { values } = parseArgs({ args: [...args], options: optionTable });
  if (values.help) return undefined;
  const suite = suiteOf(sizeOf(values.ensemble));
  const quick = values.quick ?? false;
  const only = values.only?.split(',').map((word) => word.trim());
  const wanted = (...words: readonly string[]): boolean =>
    only === undefined || words.some((word) => only.includes(word));
  const chosen = suite.cases.filter((one) => wanted(one.workload, one.name));
  const life = wanted('life');
  const failOver = suite.servers > 1 && wanted('failover');
  if (chosen.length === 0 && !life && !failOver) throw refusal(`nothing is called ${values.only}`);
  const fallbackOut = quick || only !== undefined ? undefined : resolve(dirname(cacheDir), 'docs', 'benchmarks.md');
  return {
    suite,
    rounds: whole(values.rounds, quick ? 1 : 3),
    timing: {
      seconds: positive(values.seconds, quick ? 1 : 4),
      warmupSeconds: positive(values.warmup, quick ? 0.5 : 2),
      firstWarmupSeconds: quick ? 1 : 5,
    },
    cases: chosen,
    life,
    znodes: quick || values['no-million'] ? 0 : whole(values.znodes, 1_000_000),
    kills: failOver ? whole(values.kills, quick ? 1 : 5) : 0,
    kinds: kindsOf(values.servers, values.ceiling ?? false),
    out: values.out === undefined ? fallbackOut : resolve(values.out),
    json: values.json === undefined ? undefined : resolve(values.json),
  };
}
