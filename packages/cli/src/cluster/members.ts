// The state of an ensemble as a list of its members and a sentence about its quorum. Pure: collect.ts brings the facts,
// status-text.ts prints the result.

import type { EnsembleConfig, MemberRole } from '@corral/protocol';
import { hex } from '../output.ts';
import type { Latency, ServerFacts } from './ask.ts';
import { count, observersOf, quorumFacts, survivesWords } from './quorum.ts';

/** One server: what the configuration says of it, and what it said itself. */
export interface Seen {
  /** Null for a server that the configuration does not name, or when there is none to be had. */
  readonly id: number | null;
  readonly address: string;
  readonly type: MemberRole | null;
  readonly facts: ServerFacts;
}

export interface MemberStatus {
  readonly id: number | null;
  readonly address: string;
  readonly type: MemberRole | null;
  readonly state: ServerFacts['kind'];
  /** Why it does not serve. */
  readonly reason: string | null;
  readonly role: string | null;
  readonly zxid: string | null;
  readonly epoch: number | null;
  /** Transactions it is behind the leader. */
  readonly lag: number | null;
  readonly clients: number | null;
  readonly latencyMs: Latency | null;
  readonly version: string | null;
}

export interface ClusterStatus {
  readonly members: readonly MemberStatus[];
  readonly leader: number | null;
  readonly quorum: {
    readonly voters: number;
    readonly up: number;
    readonly size: number;
    readonly survives: number;
    readonly summary: string;
  } | null;
  /** Sentences; none when all is well. */
  readonly problems: readonly string[];
}

/** `config` is null when no server told it, `'standalone'` when the server is not part of an ensemble. */
export function clusterStatus(seen: readonly Seen[], config: EnsembleConfig | 'standalone' | null): ClusterStatus {
  const newest = newestZxid(seen);
  const members = seen.map((one) => memberStatus(one, newest));
  const leaders = members.filter(({ role }) => role === 'leader');
  const quorum = config === null || config === 'standalone' ? null : quorumStatus(members, config);
  const problems = members
    .filter(({ state }) => state !== 'serving')
    .map(({ id, address, state, reason }) =>
      state === 'not asked'
        ? `${nameOf(id, address)} was not asked: ${reason ?? ''}`
        : `${nameOf(id, address)} is ${state}: ${reason ?? ''}`,
    );
  if (config === null) problems.push('who votes is unknown: no server told the configuration of the ensemble');
  // A leader may be among those that nobody could ask.
  if (quorum !== null && leaders.length === 0 && !isQuorumSeen(members)) problems.push('no server says that it leads');
  if (leaders.length > 1) {
    const names = leaders.map(({ id, address, epoch }) => `${nameOf(id, address)} (epoch ${epoch ?? '?'})`);
    problems.push(`several servers say that they lead: ${names.join(', ')}; the highest epoch is right`);
  }
  return { members, leader: leaders.length === 1 ? leaders[0].id : null, quorum, problems };
}

export const nameOf = (id: number | null, address: string): string =>
  id === null ? `the server at ${address}` : `server ${id} (${address})`;

/** Of the leader; of whoever is furthest when none answers. Of two leaders the later one counts. */
function newestZxid(seen: readonly Seen[]): bigint {
  const serving = seen.flatMap(({ facts }) => (facts.kind === 'serving' ? [facts] : []));
  const leading = serving.filter(({ mode }) => mode === 'leader');
  const zxids = (leading.length > 0 ? leading : serving).map(({ zxid }) => zxid);
  return zxids.reduce((newest, zxid) => (zxid > newest ? zxid : newest), 0n);
}

const epochOf = (zxid: bigint): number => Number(zxid >> 32n);
const counterOf = (zxid: bigint): number => Number(zxid & 0xffff_ffffn);

/** Servers are asked one after the other, so one may know more than the leader did a moment before. */
function lagOf(zxid: bigint, newest: bigint): number {
  if (zxid >= newest) return 0;
  return epochOf(zxid) === epochOf(newest) ? Number(newest - zxid) : counterOf(newest);
}

function memberStatus({ id, address, type, facts }: Seen, newest: bigint): MemberStatus {
  const about = { id, address, type, state: facts.kind };
  if (facts.kind !== 'serving') {
    const silent = { role: null, zxid: null, epoch: null, lag: null, clients: null, latencyMs: null, version: null };
    return { ...about, reason: facts.reason, ...silent };
  }
  const { mode, zxid, clients, latencyMs, version } = facts;
  const lag = lagOf(zxid, newest);
  return {
    ...about,
    reason: null,
    role: mode,
    zxid: hex(zxid),
    epoch: epochOf(zxid),
    lag,
    clients,
    latencyMs,
    version,
  };
}

const takesPart = new Set(['leader', 'follower']);

/** Nobody leads or follows without a quorum, whoever else of it was found. */
const isQuorumSeen = (members: readonly MemberStatus[]): boolean =>
  members.some(({ role }) => role === 'leader') ||
  (members.some(({ role }) => role === 'follower') && members.some(({ state }) => state === 'not asked'));

function quorumStatus(members: readonly MemberStatus[], config: EnsembleConfig): ClusterStatus['quorum'] {
  const up = members.flatMap(({ id, type, role }) =>
    id !== null && type === 'participant' && role !== null && takesPart.has(role) ? [id] : [],
  );
  const { voters, size, survives } = quorumFacts(config, up);
  const observers = observersOf(config);
  const observersUp = members.filter(({ id, role }) => id !== null && observers.includes(id) && role !== null).length;
  const watching = observers.length === 0 ? '' : `; ${count(observers.length, 'observer')}, ${observersUp} up`;
  const outcome =
    survives < 0
      ? isQuorumSeen(members)
        ? 'a quorum leads, of which not all was found'
        : `no quorum, which takes ${size}`
      : survives === 0 && up.length < voters.length
        ? 'survives no further failure'
        : survivesWords(survives);
  const summary = `${count(voters.length, 'voter')}, ${up.length} up, ${outcome}${watching}`;
  return { voters: voters.length, up: up.length, size, survives, summary };
}
