// Invariants 1, 2, 8, 9, 11 and 17: what leaders propose and decide, and what acknowledgements rest on.

import { readTxnPayload } from '@corral/core';
import { decodeText, parseEnsembleConfig, systemPaths } from '@corral/protocol';
import type { EnsembleConfig } from '@corral/protocol';
import { epochOfZxid, counterOfZxid, hex, isMajority } from './ghost.ts';
import type { Attempt, Ghost, ServerView } from './ghost.ts';
import type { LoggedTxn } from './durable-history.ts';
import { establish } from './epochs.ts';

/** A leader proposes, on the wire or to its own log; or a learner logs what it was sent. */
export function proposed(ghost: Ghost, sid: number, txn: LoggedTxn, payload: Uint8Array, how: 'sent' | 'logged'): void {
  const known = ghost.proposals.get(txn.zxid);
  if (known !== undefined) {
    if (known.hash === txn.hash) return;
    ghost.fail(1, 'unique proposal', `${hex(txn.zxid)} is ${how} by ${sid} with other content than by ${known.leader}`);
    return;
  }
  const epoch = epochOfZxid(txn.zxid);
  const attempt = ghost.attempt(epoch, sid);
  if (attempt === undefined) {
    ghost.fail(11, 'integrity', `${sid} has ${how} ${hex(txn.zxid)}, which no leader has proposed`);
    return;
  }
  const counter = counterOfZxid(txn.zxid);
  if (counter > ghost.counterMax)
    ghost.fail(2, 'primary counter', `${sid} proposes ${hex(txn.zxid)} instead of making room for an epoch`);
  const before = counter === 1 ? attempt.initialLast : txn.zxid - 1;
  const isNext = counter === 1 || ghost.proposals.get(before)?.leader === sid;
  if (!isNext) ghost.fail(2, 'primary counter', `${sid} proposes ${hex(txn.zxid)} without ${hex(before)}`);
  if (!attempt.isEstablished) establish(ghost, attempt);
  const { zxid, hash } = txn;
  ghost.proposals.set(zxid, { zxid, hash, previous: before, leader: sid, payload: payload.slice() });
  const config = configIn(payload);
  // A leader that does not know yet that it is deposed proposes in vain.
  const isDeposed = [...ghost.established.keys()].some((later) => later > epoch);
  if (config !== undefined && !isDeposed) ghost.pendingConfigs.set(zxid, config);
}

/** The configuration that a transaction brings. */
function configIn(payload: Uint8Array): EnsembleConfig | undefined {
  const { txn } = readTxnPayload(payload, 0, payload.length);
  if (txn.kind !== 'setData' || txn.path !== systemPaths.config || txn.data === null) return undefined;
  return parseEnsembleConfig(decodeText(txn.data, 0, txn.data.length));
}

/** A transaction became durable somewhere: it must be a proposal, behind the one that comes before it. */
export function becameDurable(ghost: Ghost, view: ServerView, txn: LoggedTxn, previous: LoggedTxn | undefined): void {
  const proposal = ghost.proposals.get(txn.zxid);
  if (proposal?.hash !== txn.hash) {
    ghost.fail(11, 'integrity', `the log of ${view.sid} has ${hex(txn.zxid)}, which was not proposed like this`);
    return;
  }
  const before = previous === undefined || previous.zxid < view.history.base ? undefined : previous.zxid;
  if (before === undefined || before === proposal.previous || view.history.base >= proposal.previous) return;
  ghost.fail(
    17,
    'no hole',
    `the log of ${view.sid} has ${hex(txn.zxid)} right behind ${hex(before)}, not behind ${hex(proposal.previous)}`,
  );
}

/** A learner acknowledges a proposal. */
export function acknowledged(ghost: Ghost, view: ServerView, zxid: number): void {
  const proposal = ghost.proposals.get(zxid);
  if (proposal === undefined) {
    ghost.fail(8, 'ack means durable', `${view.sid} acknowledges ${hex(zxid)}, which was never proposed`);
    return;
  }
  for (let z = proposal; ;) {
    if (!ghost.has(view, z.zxid, z.hash)) {
      ghost.fail(
        8,
        'ack means durable',
        `${view.sid} acknowledges ${hex(zxid)}, but ${hex(z.zxid)} is not on its disk`,
      );
      return;
    }
    if (z.previous <= ghost.lastDecided || z.previous <= view.history.base) return;
    const previous = ghost.proposals.get(z.previous);
    if (previous === undefined) return;
    z = previous;
  }
}

/** A leader says that a transaction is decided. */
export function committed(ghost: Ghost, attempt: Attempt, zxid: number): void {
  if (epochOfZxid(zxid) === attempt.epoch) {
    if (!attempt.isEstablished) establish(ghost, attempt);
    decide(ghost, zxid, attempt.leader);
    return;
  }
  const leader = ghost.server(attempt.leader);
  const proposal = ghost.proposals.get(zxid);
  if (proposal === undefined || !ghost.has(leader, zxid, proposal.hash)) {
    ghost.fail(9, 'commit rule', `${attempt.leader} commits ${hex(zxid)}, which is not in its history`);
  }
}

/** The next transaction is decided, if a quorum has it on disk. */
export function decide(ghost: Ghost, zxid: number, by: number): void {
  if (ghost.decidedHash.has(zxid)) return;
  const proposal = ghost.proposals.get(zxid);
  if (proposal === undefined) {
    ghost.fail(9, 'commit rule', `${by} commits ${hex(zxid)}, which was never proposed`);
    return;
  }
  if (proposal.previous !== ghost.lastDecided) {
    const last = hex(ghost.lastDecided);
    ghost.fail(
      9,
      'commit rule',
      `${by} commits ${hex(zxid)} behind ${last}; before it comes ${hex(proposal.previous)}`,
    );
    return;
  }
  // Whoever has lost its disk since, or had it damaged, may have been one of them.
  const lost = [...ghost.servers.values()].filter((view) => view.isVoter && (view.isAmnesic || view.isDamaged));
  const holders =
    ghost.holders(zxid, proposal.hash) + lost.filter((view) => !ghost.has(view, zxid, proposal.hash)).length;
  if (holders < ghost.quorum) {
    ghost.fail(9, 'commit rule', `${by} commits ${hex(zxid)}, which is on ${holders} disks of ${ghost.quorum} needed`);
    return;
  }
  for (const voters of ghost.pendingVoters(zxid)) checkNewQuorum(ghost, proposal, voters, by);
  ghost.decide(zxid, proposal.hash);
}

/** From a proposed configuration on, a majority of its voters is needed as well (23). */
function checkNewQuorum(ghost: Ghost, { zxid, hash }: LoggedTxn, voters: ReadonlySet<number>, by: number): void {
  const views = [...ghost.servers.values()];
  const holders = views.filter((view) => view.isAmnesic || view.isDamaged || ghost.has(view, zxid, hash));
  const sids = new Set(holders.map(({ sid }) => sid));
  if (isMajority(voters, sids)) return;
  const facts = `${by} commits ${hex(zxid)}, which is on the disks of ${[...sids].join(', ')}; voters to come are ${[...voters].join(', ')}`;
  ghost.fail(23, 'configuration', facts);
}
