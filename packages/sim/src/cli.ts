// The command `corral sim`: one simulated run, told in one line. The same seed always tells the same line.

import { formatKnobs, parseKnobs } from './knobs.ts';
import { memberKind } from './member-machine.ts';
import { randomRun } from './random-run.ts';
import type { RunReport } from './random-run.ts';

export interface SimArguments {
  readonly seed: number;
  readonly defects: ReadonlySet<string>;
  readonly knobs: string;
  readonly isVerbose: boolean;
}

export const simUsage = 'corral sim --seed N [--defect A14]... [--knobs name=value,...] [--verbose]';

/** Runs one seed. Returns the exit status: 0 when every check held, 1 when one did not, 2 for a wrong argument. */
export function runSim(argv: readonly string[], write: (text: string) => void): number {
  const parsed = parseArguments(argv);
  if (typeof parsed === 'string') {
    write(`${parsed}\n${simUsage}\n`);
    return 2;
  }
  const report = runSeed(parsed.seed, parsed, parsed.isVerbose ? (line) => write(`${line}\n`) : undefined);
  write(`${seedLine(report)}\n`);
  if (report.verdict === 'pass') return 0;
  write(`${report.message}\nagain: corral sim --seed ${reproduction(report.seed, parsed)}\n`);
  return 1;
}

export function runSeed(
  seed: number,
  { defects, knobs }: Pick<SimArguments, 'defects' | 'knobs'>,
  note?: (line: string) => void,
): RunReport {
  return randomRun({
    kind: memberKind,
    seed,
    defects,
    knobs: (drawn) => parseKnobs(knobs, drawn),
    ...(note && { note }),
  });
}

/** Everything about a run in one line. */
export function seedLine(report: RunReport): string {
  const { seed, knobs, scheduler, trace, events, simulatedMs, elections, syncs, txns, faults, verdict } = report;
  const struck = Object.entries(faults).map(([kind, count]) => `${kind}:${count}`);
  return [
    `seed=${seed}`,
    'tier=S',
    `verdict=${verdict}`,
    `trace=${trace}`,
    `events=${events}`,
    `simulated=${(simulatedMs / 1000).toFixed(1)}s`,
    `elections=${elections}`,
    `syncs=DIFF:${syncs.DIFF},TRUNC:${syncs.TRUNC},SNAP:${syncs.SNAP}`,
    `txns=${txns}`,
    `faults=${struck.join(',') || 'none'}`,
    `scheduler=${scheduler}`,
    `knobs=${formatKnobs(knobs)}`,
  ].join(' ');
}

export function reproduction(seed: number, { defects, knobs }: Pick<SimArguments, 'defects' | 'knobs'>): string {
  const withDefects = [...defects].map((defect) => ` --defect ${defect}`).join('');
  return `${seed}${withDefects}${knobs === '' ? '' : ` --knobs ${knobs}`} --verbose`;
}

/** The arguments, or what is wrong with them. */
export function parseArguments(argv: readonly string[]): SimArguments | string {
  let seed = 1;
  let knobs = '';
  let isVerbose = false;
  const defects = new Set<string>();
  for (let i = 0; i < argv.length; i++) {
    const value = argv[i + 1];
    switch (argv[i]) {
      case '--seed':
        if (!/^\d+$/.test(value ?? '')) return '--seed needs a number';
        seed = Number(value);
        i++;
        break;
      case '--defect':
        if (value === undefined) return '--defect needs a name';
        defects.add(value);
        i++;
        break;
      case '--knobs':
        knobs = value ?? '';
        i++;
        break;
      case '--verbose':
        isVerbose = true;
        break;
      default:
        return `unknown argument ${argv[i]}`;
    }
  }
  return { seed, defects, knobs, isVerbose };
}
