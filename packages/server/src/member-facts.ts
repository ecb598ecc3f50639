// What a member of an ensemble says about its role: the part of HostFacts that a standalone server does not have.

import type { Peer } from '@corral/core';
import type { EnsembleFacts, LearnerFacts, ServerMode } from './admin/facts.ts';
import type { RoleGaugeName } from './admin/metrics-table.ts';
import type { Metrics } from './admin/metrics.ts';

const modes = {
  looking: 'looking',
  leaving: 'looking',
  leading: 'leader',
  following: 'follower',
  observing: 'observer',
} as const satisfies Record<Peer['state'], ServerMode>;

export function modeOf(peer: Peer): ServerMode {
  if (peer.isReadOnly) return 'read-only';
  return peer.isServing ? modes[peer.state] : 'looking';
}

export function memberFacts(peer: Peer): EnsembleFacts {
  const { options, quorums, epochs, leaderSid } = peer;
  return {
    sid: options.sid,
    config: quorums.committed.config,
    isVoter: quorums.committed.isVoter(options.sid),
    state: peer.state === 'leaving' ? 'looking' : peer.state,
    phase: phaseOf(peer),
    leader: peer.isServing ? leaderSid : undefined,
    acceptedEpoch: epochs.accepted,
    currentEpoch: epochs.current,
    learners: learnersOf(peer),
    decision: (zxid) => peer.trace.find(zxid as Parameters<typeof peer.trace.find>[0]),
  };
}

function phaseOf({ role }: Peer): EnsembleFacts['phase'] {
  switch (role?.phase) {
    case undefined:
      return 'election';
    case 'connecting':
    case 'discovery':
      return 'discovery';
    case 'broadcast':
    case 'serving':
      return 'broadcast';
    default:
      return 'synchronization';
  }
}

function learnersOf(peer: Peer): LearnerFacts[] {
  const { role, now, wall } = peer;
  if (role?.kind !== 'leading') return [];
  return [...role.learners.values()]
    .filter(({ sid, isGone }) => sid >= 0 && !isGone)
    .map((learner) => ({
      sid: learner.sid,
      address: learner.link.address,
      isObserver: learner.isObserver,
      isSynced: learner.hasHistory && learner.isForwarded,
      sync: learner.sync,
      connectedAt: Math.round(wall - (now - learner.since)),
      // An observer acknowledges nothing: what is decided has been sent to it.
      lastZxid: learner.isObserver && learner.isForwarded ? peer.history.committed : learner.acked,
      queuedBytes: learner.link.backlog,
    }));
}

export function memberGauges(peer: Peer): Partial<Record<RoleGaugeName, number>> {
  const { committed } = peer.quorums;
  const gauges: Partial<Record<RoleGaugeName, number>> = { quorum_size: committed.voters.length };
  if (peer.role?.kind === 'observing' && peer.leaderSid !== undefined) gauges.observer_master_id = peer.leaderSid;
  if (peer.role?.kind !== 'leading' || !peer.isServing) return gauges;
  const learners = learnersOf(peer);
  const synced = learners.filter(({ isSynced }) => isSynced);
  const followers = synced.filter(({ isObserver }) => !isObserver);
  const { stats } = peer;
  return {
    ...gauges,
    learners: learners.length,
    synced_followers: followers.length,
    synced_non_voting_followers: followers.filter(({ sid }) => !committed.isVoter(sid)).length,
    synced_observers: synced.length - followers.length,
    pending_syncs: peer.role.broadcast?.pendingSyncs ?? 0,
    leader_uptime: Math.round(peer.now - stats.servingSince),
    last_proposal_size: stats.lastProposalBytes,
    max_proposal_size: stats.maxProposalBytes,
    min_proposal_size: stats.minProposalBytes,
  };
}

/** Counters that the core keeps as fields. */
export function copyMemberCounters({ stats }: Peer, metrics: Metrics): void {
  metrics.counter('looking_count').value = stats.elections;
  metrics.counter('proposal_count').value = stats.proposals;
  metrics.counter('prep_processor_request_queued').value = stats.proposals;
  metrics.counter('outstanding_changes_queued').value = stats.proposals;
  metrics.counter('quit_leading_due_to_disloyal_voter').value = stats.disloyalVoters;
  metrics.counter('revalidate_count').value = stats.revalidations;
  metrics.counter('diff_count').value = stats.syncs.DIFF + stats.syncs.TRUNC;
  metrics.counter('snap_count').value = stats.syncs.SNAP;
  metrics.counter('learner_proposal_received_count').value = stats.proposalsReceived;
  metrics.counter('learner_commit_received_count').value = stats.commitsReceived;
}

/** Durations go to the metrics as they come. */
export function observeMember(peer: Peer, metrics: Metrics): void {
  peer.stats.observe = (name, value, key) => {
    if (name === 'learner_handler_qp_size') metrics.summarySet(name).of(String(key)).record(value);
    else if (name === 'learner_handler_qp_time_ms') metrics.advancedSet(name).of(String(key)).record(Math.round(value));
    else metrics.summary(name).record(Math.round(value));
  };
  const decided = metrics.advanced('quorum_ack_latency');
  const own = metrics.advanced('proposal_ack_creation_latency');
  const followers = metrics.advancedSet('ack_latency');
  const waited = metrics.advanced('sync_processor_queue_and_flush_time_ms');
  peer.trace.observe = (step, sid, ms) => {
    const whole = Math.round(ms);
    if (step === 'decided') decided.record(whole);
    else if (sid === peer.options.sid) {
      own.record(whole);
      waited.record(whole);
    } else followers.of(String(sid)).record(whole);
  };
}
