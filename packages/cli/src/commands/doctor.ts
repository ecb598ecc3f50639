// `corral doctor`: how a running ensemble is; or, with --data-dir, whether a stopped server can start on a data directory,
// why not, and what to do.

import { describeDiagnosis, diagnose, repair, reviewConfig, tidyUp } from '@corral/server';
import type { DataDirectories } from '@corral/server';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { CodedError, UsageError } from '../exit-codes.ts';
import { report } from '../output.ts';
import type { OutputFormat } from '../output.ts';
import { colorsFor, examples, lines } from '../verb.ts';
import { globalsOf } from '../with-client.ts';
import type { GlobalOptions } from '../with-client.ts';
import { ProblemsFound, existing } from './data-files.ts';

interface DoctorOptions {
  readonly config?: string;
  readonly dataDir?: string;
  readonly dataLogDir?: string;
  readonly fix?: boolean;
  readonly dryRun?: boolean;
  readonly repair?: boolean;
  readonly json?: boolean;
}

export function registerDoctor(program: Command, context: Context): void {
  const command = program
    .command('doctor')
    .description('examine a running ensemble, a configuration, or the data directory of a stopped server')
    .option('--config <file>', 'tell what of a zoo.cfg is used, what is not, and what a server refuses')
    .option('--data-dir <dir>', 'the dataDir of a stopped server')
    .option('--data-log-dir <dir>', 'the dataLogDir, when it is another directory')
    .option('--fix', 'put right what costs nothing: delete leftovers of interrupted writes')
    .option('-n, --dry-run', 'with --fix: say what would be done')
    .option('--repair', 'move damaged files into a quarantine folder; says which transactions are lost')
    .option('--json', 'the findings as JSON')
    .action((options: DoctorOptions, command: Command) => {
      const { dataDir, config } = options;
      if (config !== undefined) return reviewAndTell(config, outputOf(options, command), context);
      if (dataDir !== undefined) return doctor({ ...options, dataDir }, outputOf(options, command), context);
      const needy = options.repair === true ? '--repair' : options.fix === true ? '--fix' : undefined;
      if (needy !== undefined) throw new UsageError(`${needy} needs --data-dir, and the server stopped`);
      return live(globalsOf(command), context);
    });
  examples(
    command,
    'doctor',
    'doctor -s zk1:2181,zk2:2181,zk3:2181',
    'doctor --config /etc/zookeeper/conf/zoo.cfg',
    'doctor --data-dir /var/lib/zookeeper',
    'doctor --data-dir /var/lib/zookeeper --fix --dry-run',
    'doctor --data-dir /var/lib/zookeeper --repair',
  );
}

const marks = { ok: '✔', warning: '▲', problem: '✖' } as const;

async function live(globals: GlobalOptions, context: Context): Promise<void> {
  const { examineLive } = await import('../doctor/examine.ts');
  const { findings } = await import('../doctor/live.ts');
  const facts = await examineLive(globals, context);
  const found = findings(facts);
  const colors = colorsFor(context.stdout, context, globals.color);
  const paint = { ok: colors.green, warning: colors.yellow, problem: colors.red };
  const text = () =>
    lines(
      found.flatMap(({ level, text: what, advice }) => [
        `${paint[level](marks[level])} ${what}`,
        ...(advice === undefined ? [] : [colors.dim(`    ${advice}`)]),
      ]),
    );
  await report(context, globals.output, { value: found, rows: found, text });
  if (facts.tree === null) throw new CodedError('ConnectFailed', nobodyServes);
  failOn(found);
}

const nobodyServes = 'no server serves clients: start those that are down; a majority has to be up';

const words = { ok: 'ok     ', note: 'note   ', problem: 'PROBLEM' } as const;

async function reviewAndTell(file: string, output: OutputFormat, context: Context): Promise<void> {
  const found = reviewConfig({ argv: [file], env: context.env, cwd: process.cwd() });
  const text = (): string => lines(found.map((one) => `${words[one.level]}  ${one.text}`));
  await report(context, output, { value: found, rows: found, text });
  failOn(found);
}

function failOn(found: readonly { readonly level: string }[]): void {
  const problems = found.filter(({ level }) => level === 'problem').length;
  if (problems > 0) throw new ProblemsFound(problems === 1 ? 'one problem found' : `${problems} problems found`);
}

type OnDirectory = DoctorOptions & { readonly dataDir: string };

/** `--json` is older than `-o json`, and means the same on one line. */
const outputOf = ({ json }: DoctorOptions, command: Command): OutputFormat =>
  json === true ? 'ndjson' : globalsOf(command).output;

function doctor(options: OnDirectory, output: OutputFormat, context: Context): Promise<void> {
  const directories = existing({ dataDir: options.dataDir, dataLogDir: options.dataLogDir });
  if (options.repair === true) return repairAndTell(directories, output, context);
  if (options.fix === true) return fixAndTell(directories, options.dryRun === true, output, context);
  return examine(directories, output, context);
}

/** What costs nothing: nobody would miss what is deleted. Damage is for --repair, which says what is lost. */
async function fixAndTell(
  directories: DataDirectories,
  dryRun: boolean,
  output: OutputFormat,
  context: Context,
): Promise<void> {
  const files = await tidyUp(directories, { dryRun });
  if (output === 'text')
    context.stdout.write(lines(files.map((file) => `${dryRun ? 'would delete' : 'deleted'} ${file}`)));
  await examine(directories, output, context);
}

async function examine(directories: DataDirectories, output: OutputFormat, context: Context): Promise<void> {
  const diagnosis = diagnose(directories);
  await report(context, output, { value: diagnosis, text: () => `${describeDiagnosis(diagnosis)}\n` });
  failOn(diagnosis.findings);
}

async function repairAndTell(directories: DataDirectories, output: OutputFormat, context: Context): Promise<void> {
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-');
  const result = await repair(directories, stamp);
  const done = result.actions.length > 0 ? result.actions : ['Nothing was changed.'];
  const lost = result.losses.map((loss) => `LOST     ${loss}`);
  const text = (): string => lines([...done, ...lost, '', describeDiagnosis(result.diagnosis)]);
  await report(context, output, { value: result, text });
  if (!result.diagnosis.starts) throw new ProblemsFound('the directory could not be repaired');
}
