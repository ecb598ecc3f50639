// Renders the figures as Markdown and puts them between two markers of the page that explains them.

import type { BenchCase, LifeKey, Suite } from './cases.ts';
import type { LifeRun } from './measure.ts';
import type { LoadResult } from './run.ts';
import type { ServerKind } from './server-process.ts';
import { figuresOf, quietCoresMax, ratio, spread } from './stats.ts';
import type { CaseFigures, Spread } from './stats.ts';

/** Everything one invocation measured. */
export interface Measured {
  readonly suite: Suite;
  /** Those of the suite that were run. */
  readonly cases: readonly BenchCase[];
  /** Runs of a case by a server, one per round. */
  readonly runs: ReadonlyMap<string, readonly LoadResult[]>;
  readonly lives: ReadonlyMap<ServerKind, readonly LifeRun[]>;
  readonly znodes: number;
}

export const runKey = (kind: ServerKind, one: BenchCase): string => `${kind} ${one.name}`;

const none = '–';

function figures(measured: Measured, kind: ServerKind, one: BenchCase): CaseFigures {
  return figuresOf(measured.runs.get(runKey(kind, one)) ?? []);
}

/** Three significant digits, thousands grouped. */
function number(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  if (value >= 100) return value.toFixed(0);
  return value.toFixed(value >= 10 ? 1 : 2);
}

const shown = (figure: Spread | undefined): string => (figure === undefined ? none : number(figure.median));
const ranged = (figure: Spread | undefined): string =>
  figure === undefined ? none : `${number(figure.median)} [${number(figure.min)}..${number(figure.max)}]`;

function judged(value: number | undefined, bound: number | undefined, better: 'more' | 'less'): string {
  if (value === undefined) return none;
  const text = value.toFixed(2);
  if (bound === undefined) return text;
  const met = better === 'more' ? value >= bound : value <= bound;
  return `${text} (${better === 'more' ? '≥' : '≤'} ${bound.toFixed(1)}: ${met ? 'met' : '**missed**'})`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, column) => (column === 0 ? '---' : '--:'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

function throughputTable(measured: Measured): string {
  const rows = measured.cases.map((one) => {
    const [corral, apache, canned] = (['corral', 'apache', 'canned'] as const).map((kind) =>
      figures(measured, kind, one),
    );
    const won = ratio(corral?.opsPerSecond, apache?.opsPerSecond);
    const noisy = `${corral?.noisy ?? 0}/${apache?.noisy ?? 0}`;
    const cells = [one.name, ranged(corral?.opsPerSecond), ranged(apache?.opsPerSecond)];
    return [...cells, judged(won, one.target, 'more'), shown(canned?.opsPerSecond), noisy];
  });
  const head = ['case', 'Corral, ops/s', 'Apache, ops/s', 'ratio (target)', 'generator ceiling', 'noisy runs C/A'];
  return table(head, rows);
}

function costTable(measured: Measured): string {
  const { limits } = measured.suite;
  const rows = measured.cases.map((one) => {
    const corral = figures(measured, 'corral', one);
    const apache = figures(measured, 'apache', one);
    const both = (pick: (of: CaseFigures) => Spread | undefined): string =>
      `${shown(pick(corral))} / ${shown(pick(apache))}`;
    return [
      one.name,
      both((of) => of.p50Ms),
      both((of) => of.p99Ms),
      judged(ratio(corral.p99Ms, apache.p99Ms), limits.p99, 'less'),
      both((of) => of.serverMicrosPerOp),
      judged(ratio(corral.serverMicrosPerOp, apache.serverMicrosPerOp), limits.cpuPerOp, 'less'),
      both((of) => of.serverCores),
      both((of) => of.generatorCores),
    ];
  });
  const head = ['case', 'p50 ms C/A', 'p99 ms C/A', 'p99 ratio', 'server CPU µs/op C/A', 'CPU ratio'];
  return table([...head, 'server cores C/A', 'generator cores C/A'], rows);
}

function lifeTable(measured: Measured): string {
  const over = (kind: ServerKind, key: LifeKey): Spread | undefined => {
    const found = (measured.lives.get(kind) ?? []).map((life) => life[key]);
    return spread(found.filter((value) => value !== undefined));
  };
  const rows = measured.suite.lifeRows.flatMap(({ key, name, unit, limit }) => {
    const corral = over('corral', key);
    const apache = over('apache', key);
    if (corral === undefined && apache === undefined) return [];
    return [[`${name}, ${unit}`, ranged(corral), ranged(apache), judged(ratio(corral, apache), limit, 'less')]];
  });
  const heading =
    measured.znodes > 0 ? `With ${number(measured.znodes)} znodes of 100 bytes where it says so.\n\n` : '';
  return rows.length === 0 ? '' : `${heading}${table(['', 'Corral', 'Apache', 'ratio (target)'], rows)}`;
}

/** The section with all tables. */
export function render(measured: Measured, facts: readonly string[]): string {
  const { servers } = measured.suite;
  // Headings are unique on the page, so that each can be linked to.
  const of = servers === 1 ? '' : `, of ${servers} servers together`;
  const heading = (title: string): string => `### ${title}${of}`;
  const parts = [facts.map((fact) => `- ${fact}`).join('\n')];
  if (measured.cases.length > 0) {
    const noise = `A run is noisy when others and the host took more than ${quietCoresMax} cores.`;
    parts.push(heading('Throughput'), throughputTable(measured), noise);
    parts.push(heading('Latency and CPU time'), 'C/A: Corral / Apache.', costTable(measured));
  }
  const life = lifeTable(measured);
  if (life !== '') parts.push(heading('Start, memory, recovery'), life);
  return parts.join('\n\n');
}

/** The page with its old figures of this suite replaced; where it has none yet they come last. */
export function withFigures(page: string, { marker }: Suite, section: string): string {
  const begin = `<!-- ${marker}: written by npm run bench -->`;
  const end = `<!-- ${marker} end -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) return `${page.trimEnd()}\n\n${begin}\n\n${section}\n\n${end}\n`;
  return `${page.slice(0, from + begin.length)}\n\n${section}\n\n${page.slice(to)}`;
}
