// Invariants 10, 12, 13, 16, 19, 20 and 22: what servers apply, and that what is decided stays.

import type { Ghost, ServerView } from './ghost.ts';
import { hex } from './ghost.ts';
import type { SimFile } from '../sim-file.ts';
import type { LoggedTxn } from './durable-history.ts';
import { decide } from './proposals.ts';

/** A server's memory has come to another transaction. */
export function applied(ghost: Ghost, view: ServerView, zxid: number, digest: bigint): void {
  const before = view.applied;
  view.applied = zxid;
  const isServing = view.leads !== undefined || view.servesOn !== undefined;
  if (isServing && zxid < before) {
    ghost.fail(12, 'local primary order', `${view.sid} goes back from ${hex(before)} to ${hex(zxid)}`);
  }
  if (isServing && zxid > ghost.lastDecided && view.leads !== undefined) decideUpTo(ghost, view, zxid);
  if (isServing && zxid > ghost.lastDecided) {
    ghost.fail(10, 'prefix agreement', `${view.sid} has applied ${hex(zxid)}, decided is ${hex(ghost.lastDecided)}`);
  }
  checkDigest(ghost, view, zxid, digest);
}

/** A leader may apply before it tells anybody: then this is the moment of the decision. */
function decideUpTo(ghost: Ghost, view: ServerView, zxid: number): void {
  const chain: number[] = [];
  for (let at = zxid; at > ghost.lastDecided;) {
    chain.push(at);
    const proposal = ghost.proposals.get(at);
    if (proposal === undefined) break;
    at = proposal.previous;
  }
  for (const at of chain.reverse()) {
    if (ghost.violation === undefined) decide(ghost, at, view.sid);
  }
}

function checkDigest(ghost: Ghost, view: ServerView, zxid: number, digest: bigint): void {
  if (zxid % 4294967296 === 0) return;
  const known = ghost.digests.get(zxid);
  if (known === undefined) ghost.digests.set(zxid, { value: digest, sid: view.sid });
  else if (known.value !== digest) {
    const values = `${digest.toString(16)} on ${view.sid}, ${known.value.toString(16)} on ${known.sid}`;
    ghost.fail(22, 'digest equality', `at ${hex(zxid)}: ${values}`);
  }
}

/** Transactions are not certain to survive on a disk any more. */
export function removed(ghost: Ghost, view: ServerView, txns: readonly LoggedTxn[]): void {
  if (view.isDamaged || view.isAmnesic) return;
  // The leader may decide with others what it has told this server to cut; then the cut takes nothing that counted.
  const decided = view.decidedAtCut ?? Infinity;
  for (const { zxid, hash } of txns) {
    if (zxid > decided || ghost.decidedHash.get(zxid) !== hash || ghost.has(view, zxid, hash)) continue;
    ghost.fail(19, 'TRUNC safety', `${view.sid} has lost ${hex(zxid)}, which was decided`);
    return;
  }
}

/** What is decided is on the disks of a majority; disks that were destroyed are forgiven. */
export function checkDurability(ghost: Ghost): void {
  const last = ghost.decided.at(-1);
  if (last === undefined) return;
  let count = 0;
  for (const view of ghost.servers.values()) {
    if (view.isVoter && (view.isDamaged || view.isAmnesic || ghost.has(view, last.zxid, last.hash))) count++;
  }
  if (count >= ghost.quorum) return;
  ghost.fail(
    16,
    'committed durability',
    `${hex(last.zxid)} is decided and on ${count} disks of ${ghost.quorum} needed`,
  );
}

/** A snapshot became durable. */
export function snapshotTaken(ghost: Ghost, view: ServerView, zxid: number, digest: bigint | undefined): void {
  if (zxid % 4294967296 !== 0 && zxid > ghost.lastDecided && !isSynchronised(ghost, view, zxid)) {
    ghost.fail(
      20,
      'snapshot exactness',
      `${view.sid} has a snapshot at ${hex(zxid)}, decided is ${hex(ghost.lastDecided)}`,
    );
  }
  const known = ghost.digests.get(zxid);
  if (digest !== undefined && known !== undefined && known.value !== digest) {
    ghost.fail(
      20,
      'snapshot exactness',
      `the snapshot of ${view.sid} at ${hex(zxid)} has another digest than ${known.sid} had`,
    );
  }
}

/** A snapshot has its name for good, and its content is not there. */
export function unreadable(ghost: Ghost, view: ServerView, zxid: number, problem: string): void {
  if (view.isDamaged || view.isAmnesic) return;
  ghost.fail(21, 'a durable state', `the snapshot of ${view.sid} at ${hex(zxid)} cannot be read: ${problem}`);
}

/** Behind the newest snapshot the log goes on without a gap: what was purged was not needed. */
export function checkRestorable(ghost: Ghost, view: ServerView): void {
  const { base, txns } = view.history;
  if (view.isDamaged || view.isAmnesic) return;
  const first = txns.find(({ zxid }) => zxid > base);
  const previous = first && ghost.proposals.get(first.zxid)?.previous;
  if (previous === undefined || previous <= base || view.history.find(previous) !== undefined) return;
  const facts = `the newest snapshot of ${view.sid} is at ${hex(base)}, its log goes on behind ${hex(previous)}`;
  ghost.fail(21, 'a durable state', facts);
}

/** A leader that is about to begin gives its whole history away as a snapshot, which is not decided then. */
function isSynchronised(ghost: Ghost, view: ServerView, zxid: number): boolean {
  const attempts = ghost.attempts.get(view.history.acceptedEpoch)?.values() ?? [];
  return [...attempts].some(({ leader, initialLast }) => leader !== view.sid && zxid <= initialLast);
}

/** Behind a TRUNC nothing is left that the cut was to remove, nor can it come back. */
export function truncated(
  ghost: Ghost,
  view: ServerView,
  to: number,
  names: Iterable<readonly [string, SimFile]>,
): void {
  for (const [name, file] of names) {
    const match = /^\/data\/(?:snapshot|log)\.([0-9a-f]+)$/.exec(name);
    if (match === null) continue;
    const isBehind = Number.parseInt(match[1], 16) > to;
    if (!isBehind && file.durableSize <= file.size) continue;
    const what = isBehind ? name : `the end of ${name}`;
    ghost.fail(19, 'TRUNC safety', `${view.sid} was cut to ${hex(to)}, and ${what} is still on its disk`);
  }
}

/** In the end: what a restart would find is what there was in memory. */
export function checkRestart(ghost: Ghost, sid: number, zxid: number, digest: bigint): void {
  const known = ghost.digests.get(zxid);
  if (known === undefined || known.value === digest) return;
  ghost.fail(20, 'snapshot exactness', `a restart of ${sid} would find another tree at ${hex(zxid)}`);
}

/** At the end, or whenever somebody looks: a readable state is on every disk (21). */
export function checkStart(ghost: Ghost, view: ServerView, last: number): void {
  if (view.isDamaged || last === view.history.last) return;
  ghost.fail(17, 'no hole', `${view.sid} starts with ${hex(last)}, its disk ends at ${hex(view.history.last)}`);
}
