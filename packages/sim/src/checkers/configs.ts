// Invariant 23: one configuration follows the other. That decisions need majorities of both is checked where decisions are
// (proposals.ts, epochs.ts); here it is what servers then have on disk and in memory.

import { epochOf } from '@corral/protocol';
import type { EnsembleConfig } from '@corral/protocol';
import { establish } from './epochs.ts';
import type { Ghost, ServerView } from './ghost.ts';
import { hex } from './ghost.ts';
import { decide } from './proposals.ts';

/** A configuration is in force on a disk: it is decided, and no older than the one before it. */
export function activated(ghost: Ghost, view: ServerView, config: EnsembleConfig): void {
  const { version } = config;
  const before = view.config?.version ?? 0;
  view.config = config;
  if (ghost.isNewer(config)) decidedUnheard(ghost, view, config);
  const decided = ghost.config?.version ?? 0;
  if (version > decided) {
    const facts = `${view.sid} has configuration ${hex(version)} in force, decided is ${hex(decided)}`;
    ghost.fail(23, 'configuration', facts);
  } else if (version < before && !view.isAmnesic && !view.isDamaged) {
    ghost.fail(23, 'configuration', `${view.sid} goes back from configuration ${hex(before)} to ${hex(version)}`);
  }
}

/**
 * A leader may have learned that a quorum has its history, or a new configuration, and have brought that into force, or
 * told it in an election, before it was cut off or died: nobody hears a COMMIT, and with the quorum it is decided.
 */
function decidedUnheard(ghost: Ghost, view: ServerView, config: EnsembleConfig): void {
  for (const attempts of ghost.attempts.values())
    for (const attempt of attempts.values())
      if (attempt.config?.version === config.version && attempt.decidedThen !== undefined && !attempt.isEstablished)
        establish(ghost, attempt);
  if (!ghost.isNewer(config)) return;
  for (const { zxid } of ghost.undecidedTo(config.version)) decide(ghost, zxid, view.sid);
}

/** What a member has, as text. */
export interface HeldConfig {
  readonly sid: number;
  readonly inMemory: string;
  readonly onDisk: string;
}

/** In the end all members have the decided configuration, in memory and in their files. */
export function checkConfigs(ghost: Ghost, held: readonly HeldConfig[]): void {
  if (ghost.config === undefined) return;
  const version = `version=${ghost.config.version.toString(16)}`;
  for (const { sid, inMemory, onDisk } of held) {
    if (inMemory === onDisk && inMemory.split('\n').includes(version)) continue;
    const facts = `${version} of epoch ${epochOf(ghost.config.version)} is decided; ${sid} has ${inMemory}, on disk ${onDisk}`;
    ghost.fail(23, 'configuration', facts);
    return;
  }
}
