// What every part of a simulation shares.

import type { Trace } from './trace.ts';
import type { EventQueue } from './events.ts';
import type { Knobs } from './knobs.ts';
import type { MachineKind } from './machine.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { Defect } from '@corral/core';
import type { EnsembleConfig } from '@corral/protocol';
import type { Watch } from './checkers/watch.ts';

export interface World {
  readonly seed: number;
  readonly random: Random;
  readonly queue: EventQueue;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly trace: Trace;
  readonly knobs: Knobs;
  readonly config: EnsembleConfig;
  /** What a server is told when it is set up. */
  configFor(sid: number): EnsembleConfig;
  readonly kind: MachineKind;
  readonly defects: ReadonlySet<Defect>;
  readonly watch: Watch;
  /** A line for whoever reads along; never part of the trace. */
  note(line: string, sid?: number): void;
}
