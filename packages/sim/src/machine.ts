// What a simulated server runs, seen from outside: inputs in, effects on the host, and a few facts for the checkers. The
// real thing is put behind this in member-machine.ts; tests put small fakes there.

import type { Defect, DiskOp, EnsembleHost, Input, Moment, RestoredState, SnapshotSource } from '@corral/core';
import type { EnsembleConfig, Zxid } from '@corral/protocol';
import type { Knobs } from './knobs.ts';

export type { EnsembleHost as MachineHost };
export type { DiskOp };
export type Role = 'looking' | 'leading' | 'following' | 'observing';

export interface Machine {
  start(moment: Moment): void;
  step(input: Input): void;
  /** Lets another server lead. */
  handOver(moment: Moment, restMs: number): void;
  readonly role: Role;
  /** Epoch whose leader it follows or is. */
  readonly epoch: number;
  /** Whether clients are served. */
  readonly isServing: boolean;
  /** Last transaction in memory. */
  readonly applied: Zxid;
  /** Digest of the tree in memory. */
  readonly digest: bigint;
  /** The data of a node in memory; undefined: there is none. */
  read(path: string): string | undefined;
  /** Ephemeral nodes in memory. */
  readonly ephemerals: number;
  /** Sessions in memory that every server knows. */
  readonly sessions: readonly bigint[];
  /** The state as a snapshot file. */
  snapshotSource(): SnapshotSource;
}

/** What was found on the disk. */
export interface Recovered {
  readonly state: RestoredState;
  readonly replayed: number;
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  readonly historyId: number;
  /** It may have lost what it promised: it has no vote until it is synchronised. */
  readonly isUnknown: boolean;
  /** There is nothing, and nobody has said that this is a new ensemble. */
  readonly isEmpty: boolean;
}

export interface MachineSetup {
  readonly sid: number;
  readonly config: EnsembleConfig;
  /** Proposed before the server stopped, newer than `config`. */
  readonly nextConfig: EnsembleConfig | undefined;
  readonly isObserver: boolean;
  readonly knobs: Knobs;
  readonly seed: number;
  readonly startedAt: number;
  readonly defects: ReadonlySet<Defect>;
  readonly host: EnsembleHost;
  readonly recovered: Recovered;
}

export interface MachineKind {
  create(setup: MachineSetup): Machine;
  /** An empty state to restore into. */
  emptyState(sid: number, knobs: Knobs): RestoredState;
}
