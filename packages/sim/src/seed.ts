// One simulated run by its seed, told in one line, and how to run it again. The same seed always tells the same line.

import { parseDefect } from './defects.ts';
import { formatKnobs, parseKnobs } from './knobs.ts';
import { memberKind } from './member-machine.ts';
import { randomRun } from './random-run.ts';
import type { RunReport } from './random-run.ts';

/** What may be said about a run beside its seed. */
export interface SeedOptions {
  /** Of those that are known: see `knownDefects`. */
  readonly defects?: readonly string[];
  /** `name=value,...`: instead of what the seed draws. */
  readonly knobs?: string;
  /** Hears what happens, in words. */
  readonly note?: (line: string) => void;
}

export function runSeed(seed: number, { defects = [], knobs = '', note }: SeedOptions = {}): RunReport {
  return randomRun({
    kind: memberKind,
    seed,
    knobs: (drawn) => parseKnobs(knobs, drawn),
    defects: new Set(defects.map(parseDefect)),
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

/** The command line that runs a seed again. */
export function reproduction(seed: number, { defects = [], knobs = '' }: SeedOptions = {}): string {
  const withDefects = defects.map((defect) => ` --defect ${defect}`).join('');
  return `corral sim --seed ${seed}${withDefects}${knobs === '' ? '' : ` --knobs ${knobs}`} --verbose`;
}
