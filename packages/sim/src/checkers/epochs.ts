// Invariants 3 to 7, 14, 15, 18 and 24: what is promised in an election and when a leader may begin.

import type { Attempt, Ghost, ServerView } from './ghost.ts';
import { counterOfZxid, epochOfZxid, hex, isMajority, votersIn } from './ghost.ts';

/** A leader announces an epoch. */
export function announced(ghost: Ghost, view: ServerView, epoch: number): void {
  if (view.history.acceptedEpoch < epoch) {
    ghost.fail(4, 'epoch promise', `${view.sid} announces epoch ${epoch}, with ${view.history.acceptedEpoch} on disk`);
  }
  let attempts = ghost.attempts.get(epoch);
  if (attempts === undefined) ghost.attempts.set(epoch, (attempts = new Map<number, Attempt>()));
  if (attempts.has(view.sid)) return;
  const { sid } = view;
  const initialLast = view.history.last;
  const self = [sid];
  attempts.set(sid, {
    epoch,
    leader: sid,
    initialLast,
    promises: new Set(self),
    followers: new Set(self),
    config: undefined,
    isEstablished: false,
    decidedThen: undefined,
  });
}

/** A learner introduces itself with the highest epoch it has promised. */
export function introduced(ghost: Ghost, view: ServerView, accepted: number): void {
  if (view.history.acceptedEpoch < accepted) {
    ghost.fail(4, 'epoch promise', `${view.sid} claims epoch ${accepted}, with ${view.history.acceptedEpoch} on disk`);
  }
}

/** A learner promises an epoch; `current` is undefined when it had promised it before and does not count. */
export function promised(
  ghost: Ghost,
  view: ServerView,
  leader: number,
  epoch: number,
  current: number | undefined,
  last: number,
): void {
  const { sid, history } = view;
  if (history.acceptedEpoch < epoch) {
    ghost.fail(4, 'epoch promise', `${sid} promises epoch ${epoch}, with ${history.acceptedEpoch} on disk`);
  }
  checkClaim(ghost, view, 'ACKEPOCH', last);
  if (current === undefined) return;
  // Without its disk a server may promise again what it promised before: the promise says -1 and counts for nothing.
  if (epoch <= view.promised && view.isVoter && !(view.isAmnesic && last < 0)) {
    ghost.fail(4, 'epoch promise', `${sid} promises epoch ${epoch} again: it has promised ${view.promised}`);
  }
  view.promised = Math.max(view.promised, epoch);
  if (current !== history.currentEpoch) {
    ghost.fail(5, 'epoch files', `${sid} says its epoch is ${current}, with ${history.currentEpoch} on disk`);
  }
  const attempt = ghost.attempt(epoch, leader);
  if (attempt === undefined || last < 0) return;
  attempt.promises.add(sid);
  if (!ghost.isQuorum(attempt.promises)) return;
  const before = ghost.promisedTo.get(epoch);
  if (before !== undefined && before !== leader) {
    ghost.fail(3, 'one leader per epoch', `epoch ${epoch} is promised to ${leader} and to ${before} by majorities`);
  }
  ghost.promisedTo.set(epoch, leader);
}

/** What a server says of the end of its history is what its disk holds. */
export function checkClaim(ghost: Ghost, view: ServerView, where: string, claimed: number): void {
  const { last } = view.history;
  if (view.isAmnesic) {
    if (claimed > 0 || (claimed === 0 && view.hasForgotten))
      ghost.fail(24, 'amnesia', `${view.sid} has lost its disk and claims ${hex(claimed)} in ${where}`);
    return;
  }
  if (claimed === last || claimed < 0) return;
  // The mark where an epoch begins is no transaction.
  if (counterOfZxid(claimed) === 0 && epochOfZxid(claimed) <= view.history.currentEpoch && claimed > last) return;
  ghost.fail(
    18,
    'memory is disk at the vote',
    `${view.sid} claims ${hex(claimed)} in ${where}, its disk ends at ${hex(last)}`,
  );
}

/** A server votes for itself. */
export function voted(ghost: Ghost, view: ServerView, round: number, zxid: number, peerEpoch: number): void {
  const isStale = round <= view.round;
  view.round = Math.max(view.round, round);
  if (view.isAmnesic && zxid >= 0) return checkClaim(ghost, view, 'a vote', zxid);
  if (isStale && zxid <= view.history.last) return;
  checkClaim(ghost, view, 'a vote', zxid);
  if (zxid >= 0 && peerEpoch > view.history.currentEpoch) {
    ghost.fail(
      18,
      'memory is disk at the vote',
      `${view.sid} votes with epoch ${peerEpoch}, its disk has ${view.history.currentEpoch}`,
    );
  }
}

/** A learner says that it has the whole history of a new leader. */
export function hasHistory(ghost: Ghost, view: ServerView, leader: number, epoch: number): void {
  const attempt = ghost.attempt(epoch, leader);
  if (attempt === undefined) return;
  const { history, sid } = view;
  if (view.isVoter && history.currentEpoch < epoch) {
    ghost.fail(7, 'NEWLEADER ack', `${sid} accepts epoch ${epoch}, with ${history.currentEpoch} on disk`);
  }
  if (view.isVoter && (history.last < attempt.initialLast || !ghost.hasHistory(view, attempt.initialLast))) {
    ghost.fail(
      7,
      'NEWLEADER ack',
      `${sid} ends at ${hex(history.last)}, the history of ${leader} at ${hex(attempt.initialLast)}`,
    );
  }
  view.isAmnesic = false;
  view.decidedAtCut = undefined;
  view.isDamaged = false;
  attempt.followers.add(sid);
  if (ghost.isQuorum(attempt.followers)) attempt.decidedThen ??= ghost.lastDecided;
}

/** A leader begins: a quorum has its history, which holds everything that was ever decided. */
export function establish(ghost: Ghost, attempt: Attempt): void {
  const { epoch, leader, initialLast } = attempt;
  attempt.isEstablished = true;
  const view = ghost.server(leader);
  checkQuorums(ghost, attempt);
  const before = ghost.established.get(epoch);
  if (before !== undefined && before !== leader) {
    ghost.fail(3, 'one leader per epoch', `epoch ${epoch} is led by ${leader} and by ${before}`);
  }
  ghost.established.set(epoch, leader);
  view.leads = epoch;
  if (view.history.currentEpoch < epoch) {
    ghost.fail(7, 'NEWLEADER ack', `${leader} leads epoch ${epoch}, with ${view.history.currentEpoch} on its own disk`);
  }
  // It may learn late that a quorum has had its history; by then the others may have gone on without it.
  const needed = attempt.decidedThen ?? ghost.lastDecided;
  if (needed > initialLast || !ghost.hasHistory(view, needed)) {
    ghost.fail(
      15,
      'leader completeness',
      `${leader} leads epoch ${epoch} from ${hex(initialLast)}, decided was ${hex(needed)}`,
    );
  }
  // With the leader all of its history is decided. It may have it as a snapshot, without the transactions one by one.
  for (const { zxid, hash } of ghost.undecidedTo(initialLast)) ghost.decide(zxid, hash);
  if (ghost.isNewer(attempt.config)) ghost.configure(attempt.config);
}

/** Majorities of the voters there are, and of those of every configuration that comes with this leader (23). */
function checkQuorums(ghost: Ghost, { epoch, leader, initialLast, followers, decidedThen, config }: Attempt): void {
  // It may learn late that it has a quorum: by then others may vote.
  if (decidedThen === undefined) {
    ghost.fail(3, 'one leader per epoch', `${leader} leads epoch ${epoch} with ${followers.size} servers`);
  }
  // What others proposed before and this leader does not have never will be decided.
  for (const at of [...ghost.pendingConfigs.keys()]) {
    if (at > initialLast && epochOfZxid(at) < epoch) ghost.pendingConfigs.delete(at);
  }
  const toCome = ghost.pendingVoters(initialLast);
  if (ghost.isNewer(config)) toCome.push(votersIn(config));
  for (const voters of toCome) {
    if (isMajority(voters, followers)) continue;
    ghost.fail(23, 'configuration', `${leader} leads epoch ${epoch} without a majority of the voters to come`);
  }
}

/** Whether the epoch files fit each other and the history. */
export function checkEpochFiles(ghost: Ghost, view: ServerView): void {
  const { acceptedEpoch, currentEpoch, last } = view.history;
  const needed = Math.max(currentEpoch, epochOfZxid(last));
  if (acceptedEpoch >= needed || view.isAmnesic || view.isDamaged) return;
  const facts = `${view.sid}: accepted ${acceptedEpoch}, current ${currentEpoch}, history to ${hex(last)}`;
  ghost.fail(5, 'epoch files', facts);
}

/** Epoch files never go back. */
export function checkMonotone(
  ghost: Ghost,
  { sid, history, isDamaged, isAmnesic }: ServerView,
  before: { readonly accepted: number; readonly current: number },
): void {
  if (isDamaged || isAmnesic) return;
  if (history.acceptedEpoch >= before.accepted && history.currentEpoch >= before.current) return;
  const was = `accepted ${before.accepted}, current ${before.current}`;
  ghost.fail(5, 'epoch files', `${sid} had ${was}; now ${history.acceptedEpoch} and ${history.currentEpoch}`);
}

/** When the epoch changes on disk, the history that goes with it is there. */
export function currentEpochChanged(ghost: Ghost, view: ServerView, epoch: number): void {
  const leader = ghost.promisedTo.get(epoch);
  if (leader === undefined || leader === view.sid || !view.isVoter) return;
  const attempt = ghost.attempt(epoch, leader);
  if (attempt === undefined) return;
  if (ghost.hasHistory(view, attempt.initialLast)) {
    // A majority without this server has promised the epoch, so this history has all that the lost one was needed for.
    view.isAmnesic = false;
    return;
  }
  ghost.fail(6, 'history before epoch', `${view.sid} has epoch ${epoch} on disk without ${hex(attempt.initialLast)}`);
}
