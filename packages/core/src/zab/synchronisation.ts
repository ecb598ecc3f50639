// Synchronisation, the leader's side: bringing a learner's history to the leader's before it takes part. The learner said
// where its history ends; it is sent what is missing (DIFF), told to cut what no one else has (TRUNC), or given the whole
// state (SNAP). Everything comes from one ordered history with one cursor, so nothing can fall between two sources.

import { epochOf, packetTypes, writePacket, zxidZero } from '@corral/protocol';
import type { JuteWriter, Zxid } from '@corral/protocol';
import type { Entry } from '../effects.ts';
import type { Defect } from './defects.ts';
import { isEpochStart } from './history.ts';
import type { History } from './history.ts';

export type SyncPlan =
  | { readonly kind: 'DIFF'; readonly after: Zxid }
  | { readonly kind: 'TRUNC'; readonly to: Zxid }
  | { readonly kind: 'SNAP' };

/**
 * How to bring a history that ends at `last` to ours as far as that is decided. A zxid of ours in its place means the same
 * history up to there.
 */
export function planSync(
  history: History,
  last: number,
  decided: Zxid,
  has: (defect: Defect) => boolean = sound,
): SyncPlan {
  if (last === zxidZero) return history.last === zxidZero ? { kind: 'DIFF', after: zxidZero } : { kind: 'SNAP' };
  if (last < 0) return { kind: 'SNAP' };
  const zxid = last as Zxid;
  if (has('A01') && zxid >= history.base && zxid <= history.last) return { kind: 'DIFF', after: zxid };
  if (has('A18') && zxid < history.base) return { kind: 'DIFF', after: zxid };
  // The mark where an epoch begins is no transaction: its history is the one before it.
  if (isEpochStart(zxid) && zxid > history.base && zxid < history.last) return { kind: 'DIFF', after: zxid };
  if (zxid > decided) {
    // A tail of the same epoch that nobody else has, or one this leader proposed and has not decided: the learner gets
    // that again, with everybody. Across epochs its history may differ before the cut already.
    const isTail = epochOf(zxid) === epochOf(decided) || (zxid <= history.last && history.continues(zxid));
    return isTail ? { kind: 'TRUNC', to: decided } : { kind: 'SNAP' };
  }
  return zxid >= history.base && history.continues(zxid) ? { kind: 'DIFF', after: zxid } : { kind: 'SNAP' };
}

const sound = (): boolean => false;

/** Bytes on the way to one learner before the rest waits. */
export const syncBacklogMax = 1 << 20;

/** Writes a decided transaction of the past: proposal and commit. */
export function writeDecided(out: JuteWriter, { zxid, payload }: Entry): void {
  writePacket(out, packetTypes.proposal, zxid, payload);
  writePacket(out, packetTypes.commit, zxid);
}
