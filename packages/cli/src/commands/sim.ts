// `corral sim`: one run of a simulated ensemble, by its seed. The same seed does the same on every machine, so a failure
// that a campaign of thousands has found can be watched again, line by line.

import { reproduction, runSeed, seedLine } from '@corral/sim';
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { Context } from '../context.ts';

interface SimOptions {
  readonly seed: number;
  readonly defect: readonly string[];
  readonly knobs: string;
  readonly verbose?: boolean;
}

export function registerSim(program: Command, context: Context): void {
  program
    .command('sim')
    .description(
      'run a simulated ensemble with faults, by seed; every rule of the protocol is checked after every event',
    )
    .requiredOption('--seed <number>', 'which run', parseSeed)
    .option('--defect <name>', 'put a known defect back in: the checkers should find it (repeatable)', collect, [])
    .option('--knobs <list>', 'name=value,... instead of what the seed draws: voters=5,tickMs=100', '')
    .option('--verbose', 'tell what every server does')
    .addHelpText(
      'after',
      [
        '',
        'Prints one line about the run; exit code 1 when a rule was broken.',
        'Examples:',
        '  corral sim --seed 42 --verbose',
        '  corral sim --seed 7 --defect A14 --knobs voters=3',
      ].join('\n'),
    )
    .action((options: SimOptions) => simulate(options, context));
}

function simulate({ seed, defect, knobs, verbose }: SimOptions, { stdout }: Context): void {
  const options = { defects: new Set(defect), knobs };
  const note = verbose === true ? { note: (line: string) => stdout.write(`${line}\n`) } : {};
  const report = runSeed(seed, { ...options, ...note });
  stdout.write(`${seedLine(report)}\n`);
  if (report.verdict === 'pass') return;
  throw new Error(`${report.message}\nagain: ${reproduction(seed, options)}`);
}

function parseSeed(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('a seed is a number');
  return Number(text);
}

const collect = (name: string, names: readonly string[]): string[] => [...names, name];
