// `corral sim`: one run of a simulated ensemble, by its seed. The same seed does the same on every machine, so a failure
// that a campaign of thousands has found can be watched again, line by line. `corral sim --scenario FILE` plays a script.

import { reproduction, runScenario, runSeed, seedLine } from '@corral/sim';
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { examples } from '../verb.ts';

interface SimOptions {
  readonly seed?: number;
  readonly scenario?: string;
  readonly defect: readonly string[];
  readonly knobs: string;
  readonly verbose?: boolean;
}

export function registerSim(program: Command, context: Context): void {
  const command = program
    .command('sim')
    .description(
      'run a simulated ensemble with faults, by seed; every rule of the protocol is checked after every event',
    )
    .option('--seed <number>', 'which run', parseSeed)
    .option('--scenario <file>', 'instead of a random run: what the file says, see the guide')
    .option('--defect <name>', 'put a known defect back in: the checkers should find it (repeatable)', collect, [])
    .option('--knobs <list>', 'name=value,... instead of what the seed draws: voters=5,tickMs=100', '')
    .option('--verbose', 'tell what every server does')
    .action(async (options: SimOptions) => {
      const { seed, scenario } = options;
      if (scenario !== undefined) await play(scenario, context);
      else if (seed !== undefined) simulate(seed, options, context);
      else throw new UsageError('say which run: --seed NUMBER, or --scenario FILE');
    });
  examples(
    command,
    'sim --seed 42 --verbose',
    'sim --seed 7 --defect A14 --knobs voters=3',
    'sim --scenario packages/sim/scenarios/A13-memory-kept-across-elections.scenario',
  );
  command.addHelpText('after', '\nPrints one line about the run; exit code 1 when a rule was broken.');
}

/** Prints what happens; fails when something does not come as the script says. */
async function play(file: string, context: Context): Promise<void> {
  const { transcript, failure } = runScenario(new TextDecoder().decode(await context.readFile(file)));
  context.stdout.write(transcript);
  if (failure !== undefined) throw new Error(`${file}: ${failure}`);
}

function simulate(seed: number, { defect, knobs, verbose }: SimOptions, { stdout }: Context): void {
  const options = { defects: defect, knobs };
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
