// Figures that a member keeps about its part in the ensemble: plain fields, read by whoever reports them. Names are those of
// ZooKeeper's metrics.

/** Durations in ms and sizes that are reported to `observe`. */
export type PeerMeasure =
  | 'election_time'
  | 'unavailable_time'
  | 'leader_unavailable_time'
  | 'follower_sync_time'
  | 'observer_sync_time'
  | 'inflight_snap_count'
  | 'inflight_diff_count'
  | 'learner_handler_qp_size'
  | 'learner_handler_qp_time_ms';

type SyncKind = 'DIFF' | 'TRUNC' | 'SNAP';

export class PeerStats {
  /** Since when this server serves in its present role, and until when it did in the last one. */
  servingSince = 0;
  servedUntil = 0;
  /** Elections entered. */
  elections = 0;
  /** Proposals made as leader; received as learner. */
  proposals = 0;
  proposalsReceived = 0;
  /** Decisions received as learner. */
  commitsReceived = 0;
  /** Learners that this leader brought up to date, by the kind of synchronisation. */
  readonly syncs = { DIFF: 0, TRUNC: 0, SNAP: 0 };
  /** Sessions that learners asked this leader about. */
  revalidations = 0;
  /** Leaderships given up because a voter had promised a later epoch to somebody else. */
  disloyalVoters = 0;
  lastProposalBytes = -1;
  minProposalBytes = -1;
  maxProposalBytes = -1;
  /** Set by the host: hears of every measurement; `key` is the learner it is about. */
  observe: ((name: PeerMeasure, value: number, key?: string) => void) | undefined;

  established(state: 'leading' | 'following' | 'observing', now: number): void {
    this.servingSince = now;
    this.observe?.(state === 'leading' ? 'leader_unavailable_time' : 'unavailable_time', now - this.servedUntil);
  }

  /** A leader begins to bring a learner up to date; `learners` are all it has, this one not yet among those under way. */
  synchronising(
    kind: SyncKind,
    learners: Iterable<{ readonly state: string; readonly sync: 'none' | SyncKind }>,
  ): void {
    this.syncs[kind]++;
    let underWay = 1;
    for (const { state, sync } of learners)
      if (state === 'sending' && (sync === 'SNAP') === (kind === 'SNAP')) underWay++;
    this.observe?.(kind === 'SNAP' ? 'inflight_snap_count' : 'inflight_diff_count', underWay);
  }

  synchronised(kind: 'following' | 'observing', ms: number): void {
    this.observe?.(kind === 'following' ? 'follower_sync_time' : 'observer_sync_time', ms);
  }

  proposed(bytes: number): void {
    this.proposals++;
    this.lastProposalBytes = bytes;
    if (this.minProposalBytes < 0 || bytes < this.minProposalBytes) this.minProposalBytes = bytes;
    if (bytes > this.maxProposalBytes) this.maxProposalBytes = bytes;
  }

  reset(): void {
    this.lastProposalBytes = this.minProposalBytes = this.maxProposalBytes = -1;
  }
}
