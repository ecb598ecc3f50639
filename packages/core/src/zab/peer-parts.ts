// What a peer is made of, and what it can be.

import type { JuteWriter } from '@corral/protocol';
import type { EnsembleHost } from '../effects.ts';
import type { Application, EnsembleOptions, Epochs, RestoredHistory } from './zab.ts';

/** How a member starts: what its disk holds. */
export interface PeerStart {
  readonly history: RestoredHistory;
  readonly epochs: Epochs;
  readonly isUnknown: boolean;
  /** There is no snapshot on disk yet. */
  readonly isEmpty: boolean;
}

export interface PeerParts {
  readonly options: EnsembleOptions;
  readonly host: EnsembleHost;
  readonly app: Application;
  readonly start: PeerStart;
  readonly random: () => number;
  /** Frames a payload as a log record; returns where the payload lies. */
  readonly frame: (out: JuteWriter, payload: Uint8Array) => number;
}

export type PeerState = 'looking' | 'leading' | 'following' | 'observing' | 'leaving';
