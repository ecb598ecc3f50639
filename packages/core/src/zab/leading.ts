// What the parts of a leader share: admission, discovery and synchronisation each see the leader as this.

import type { LearnerLink } from './learner-link.ts';
import type { Zab } from './zab.ts';

/** What the parts of a leader share with it. */
export interface Leading {
  readonly zab: Zab;
  /** By connection. */
  readonly learners: ReadonlyMap<number, LearnerLink>;
  /** Whether a quorum has this leader's history. */
  readonly isServing: boolean;
  /** Ends the connection to a learner. */
  drop(learner: LearnerLink, reason: string): void;
  /** A quorum has initLimit from now on to get through the next phase. */
  restartClock(): void;
}

/** What a learner says of itself. */
export interface Greeting {
  readonly sid: number;
  readonly accepted: number;
  readonly configVersion: number;
  readonly isObserver: boolean;
}
