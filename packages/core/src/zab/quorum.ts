// Who must agree. A verifier answers for one configuration whether a set of servers is a quorum of it; while a
// reconfiguration is on its way there are two, and a quorum is needed in both. Election, discovery, synchronisation,
// broadcast and the leader's check of its own followers all ask here, some of them for every batch of
// acknowledgements: asking allocates nothing.

import { formatEnsembleConfig } from '@corral/protocol';
import type { EnsembleConfig, Member, Zxid } from '@corral/protocol';

/** The servers that agree, as a set or as a question. */
export type Supporters = ReadonlySet<number> | ((sid: number) => boolean);

interface Group {
  readonly sids: readonly number[];
  /** Of the servers, in the order of `sids`. */
  readonly weights: readonly number[];
  readonly weight: number;
}

export class QuorumVerifier {
  readonly config: EnsembleConfig;
  /** Ascending. */
  readonly voters: readonly number[];
  /** Ascending. */
  readonly observers: readonly number[];
  readonly #isVoter: ReadonlySet<number>;
  /** Groups without weight decide nothing and are left out. Undefined: each voter has one vote. */
  readonly #groups: readonly Group[] | undefined;
  #text: string | undefined;

  constructor(config: EnsembleConfig) {
    this.config = config;
    const members = [...config.members.values()].sort((a, b) => a.sid - b.sid);
    this.voters = members.filter(({ role }) => role === 'participant').map(({ sid }) => sid);
    this.observers = members.filter(({ role }) => role === 'observer').map(({ sid }) => sid);
    this.#isVoter = new Set(this.voters);
    this.#groups = config.groups && groupsOf(config, config.groups, this.#isVoter);
  }

  get version(): Zxid {
    return this.config.version;
  }

  /** As it goes over the wire. */
  get text(): string {
    return (this.#text ??= formatEnsembleConfig(this.config));
  }

  isVoter(sid: number): boolean {
    return this.#isVoter.has(sid);
  }

  knows(sid: number): boolean {
    return this.config.members.has(sid);
  }

  /** A voter without weight can follow and never win; whoever is no voter has none. */
  weight(sid: number): number {
    if (!this.#isVoter.has(sid)) return 0;
    return this.#groups === undefined ? 1 : (this.config.weights?.get(sid) ?? 1);
  }

  isQuorum(supporters: Supporters): boolean {
    if (this.#groups !== undefined) return this.#isQuorumOfGroups(supporters, this.#groups);
    let votes = 0;
    for (const sid of this.voters) if (supports(supporters, sid)) votes++;
    return votes * 2 > this.voters.length;
  }

  /** More than half of the groups, each by more than half of its weight. */
  #isQuorumOfGroups(supporters: Supporters, groups: readonly Group[]): boolean {
    let won = 0;
    for (const { sids, weights, weight } of groups) {
      let votes = 0;
      for (let i = 0; i < sids.length; i++) if (supports(supporters, sids[i])) votes += weights[i];
      if (votes * 2 > weight) won++;
    }
    return won * 2 > groups.length;
  }
}

const supports = (supporters: Supporters, sid: number): boolean =>
  typeof supporters === 'function' ? supporters(sid) : supporters.has(sid);

function groupsOf(
  { weights }: EnsembleConfig,
  groups: ReadonlyMap<number, readonly number[]>,
  isVoter: ReadonlySet<number>,
): Group[] {
  return [...groups.values()].flatMap((members) => {
    const sids = members.filter((sid) => isVoter.has(sid));
    const weightsOfSids = sids.map((sid) => weights?.get(sid) ?? 1);
    const weight = weightsOfSids.reduce((sum, one) => sum + one, 0);
    return weight > 0 ? [{ sids, weights: weightsOfSids, weight }] : [];
  });
}

/** The committed configuration and the newer one that was proposed last, if any. A value: a change makes a new one. */
export class Quorums {
  readonly committed: QuorumVerifier;
  /** Always newer than `committed`. */
  readonly lastSeen: QuorumVerifier | undefined;
  /** Of both configurations, ascending. */
  readonly voters: readonly number[];

  /** A `lastSeen` that is not newer counts for nothing. */
  constructor(committed: EnsembleConfig, lastSeen?: EnsembleConfig) {
    this.committed = new QuorumVerifier(committed);
    const isNewer = lastSeen !== undefined && lastSeen.version > committed.version;
    this.lastSeen = isNewer ? new QuorumVerifier(lastSeen) : undefined;
    this.voters = [...new Set([...this.committed.voters, ...(this.lastSeen?.voters ?? [])])].sort((a, b) => a - b);
  }

  get newest(): QuorumVerifier {
    return this.lastSeen ?? this.committed;
  }

  isQuorum(supporters: Supporters): boolean {
    return this.committed.isQuorum(supporters) && (this.lastSeen === undefined || this.lastSeen.isQuorum(supporters));
  }

  isVoter(sid: number): boolean {
    return this.committed.isVoter(sid) || this.lastSeen?.isVoter(sid) === true;
  }

  knows(sid: number): boolean {
    return this.committed.knows(sid) || this.lastSeen?.knows(sid) === true;
  }

  /** As committed, or as proposed for a server that is not a member yet. */
  member(sid: number): Member | undefined {
    return this.committed.config.members.get(sid) ?? this.lastSeen?.config.members.get(sid);
  }

  weight(sid: number): number {
    return this.lastSeen === undefined || this.committed.isVoter(sid)
      ? this.committed.weight(sid)
      : this.lastSeen.weight(sid);
  }
}
