// `corral doctor`: whether a server can start on a data directory, why not, and what to do.

import { existsSync } from 'node:fs';
import { describeDiagnosis, diagnose, repair } from '@corral/server';
import type { DataDirectories } from '@corral/server';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { ProblemsFound, onFiles } from './data-files.ts';

interface DoctorOptions {
  readonly dataDir: string;
  readonly dataLogDir?: string;
  readonly repair?: boolean;
  readonly json?: boolean;
}

export function registerDoctor(program: Command, context: Context): void {
  program
    .command('doctor')
    .description('examine the data directory of a stopped server; with --repair, make it start again')
    .requiredOption('--data-dir <dir>', 'the dataDir of the configuration')
    .option('--data-log-dir <dir>', 'the dataLogDir, when it is another directory')
    .option('--repair', 'move damaged files into a quarantine folder; says which transactions are lost')
    .option('--json', 'the findings as JSON')
    .action((options: DoctorOptions) => onFiles(() => doctor(options, context)));
}

function doctor(options: DoctorOptions, context: Context): void | Promise<void> {
  const directories: DataDirectories = { dataDir: options.dataDir, dataLogDir: options.dataLogDir };
  for (const dir of [options.dataDir, options.dataLogDir]) {
    if (dir !== undefined && !existsSync(dir)) throw new UsageError(`${dir} does not exist`);
  }
  return options.repair === true
    ? repairAndTell(directories, options, context)
    : examine(directories, options, context);
}

function examine(directories: DataDirectories, { json }: DoctorOptions, { stdout }: Context): void {
  const diagnosis = diagnose(directories);
  stdout.write(`${json === true ? JSON.stringify(diagnosis) : describeDiagnosis(diagnosis)}\n`);
  const problems = diagnosis.findings.filter((finding) => finding.level === 'problem').length;
  if (problems > 0) throw new ProblemsFound(problems === 1 ? 'one problem found' : `${problems} problems found`);
}

async function repairAndTell(
  directories: DataDirectories,
  { json }: DoctorOptions,
  { stdout }: Context,
): Promise<void> {
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-');
  const result = await repair(directories, stamp);
  if (json === true) stdout.write(`${JSON.stringify(result)}\n`);
  else {
    const done = result.actions.length > 0 ? result.actions : ['Nothing was changed.'];
    const lost = result.losses.map((loss) => `LOST     ${loss}`);
    stdout.write(`${[...done, ...lost, '', describeDiagnosis(result.diagnosis)].join('\n')}\n`);
  }
  if (!result.diagnosis.starts) throw new ProblemsFound('the directory could not be repaired');
}
