// What the checkers know of a run: more than any server can. Everything here was seen on the wire or on a disk, or
// follows from it by majority; nothing was asked of the servers' own bookkeeping.

import { counterOf, epochOf } from '@corral/protocol';
import type { EnsembleConfig, Zxid } from '@corral/protocol';
import type { DurableHistory } from './durable-history.ts';
import { Violation } from './violation.ts';
import type { Report } from './violation.ts';

export interface Proposal {
  readonly zxid: number;
  readonly hash: number;
  /** The transaction before it in its leader's history. */
  readonly previous: number;
  readonly leader: number;
  readonly payload: Uint8Array;
}

/** One server's try to lead one epoch. */
export interface Attempt {
  readonly epoch: number;
  readonly leader: number;
  /** End of its history when it announced the epoch. */
  readonly initialLast: number;
  /** Who promised this epoch because of it, and who has its history; itself included. */
  readonly promises: Set<number>;
  readonly followers: Set<number>;
  /** What it brings into force when it is established; undefined where nothing is ever reconfigured. */
  config: EnsembleConfig | undefined;
  isEstablished: boolean;
  /** What was decided when a quorum had its history. */
  decidedThen: number | undefined;
}

export interface ServerView {
  readonly sid: number;
  /** As the last decided configuration says. */
  isVoter: boolean;
  readonly history: DurableHistory;
  isUp: boolean;
  /** Highest epoch it has promised, in all its lives. */
  promised: number;
  /** Lost its disk, and was not brought up to date since. */
  isAmnesic: boolean;
  /** What was decided when its leader told it to cut its history, while that is under way. */
  decidedAtCut: number | undefined;
  /** Something was decided when it lost its disk: it may have been part of that. */
  hasForgotten: boolean;
  /** Its disk was damaged beyond what a crash may do: what it had may be gone. */
  isDamaged: boolean;
  /** Highest round of an election it spoke of in this life. */
  round: number;
  /** Connection on which it was told to serve, while that lasts. */
  servesOn: number | undefined;
  /** The epoch it leads, established. */
  leads: number | undefined;
  applied: number;
  /** The configuration in force, as its disk says; undefined: as it was told when it was set up. */
  config: EnsembleConfig | undefined;
}

export const epochOfZxid = (zxid: number): number => epochOf(zxid as Zxid);
export const counterOfZxid = (zxid: number): number => counterOf(zxid as Zxid);
export const hex = (zxid: number): string => `${epochOfZxid(zxid)}.${counterOfZxid(zxid)}`;

/** Whoever votes in a configuration. */
export const votersIn = ({ members }: EnsembleConfig): Set<number> =>
  new Set([...members.values()].filter(({ role }) => role === 'participant').map(({ sid }) => sid));

export const isMajority = (of: ReadonlySet<number>, sids: ReadonlySet<number>): boolean =>
  2 * [...of].filter((sid) => sids.has(sid)).length > of.size;

export class Ghost {
  readonly servers = new Map<number, ServerView>();
  readonly proposals = new Map<number, Proposal>();
  /** The one history: transactions in the order in which they were decided. */
  readonly decided: { readonly zxid: number; readonly hash: number }[] = [];
  readonly decidedHash = new Map<number, number>();
  readonly attempts = new Map<number, Map<number, Attempt>>();
  readonly established = new Map<number, number>();
  readonly promisedTo = new Map<number, number>();
  /** No epoch has more transactions than this. */
  counterMax = Infinity;
  /** Digest of the tree at a zxid, and who had it first. */
  readonly digests = new Map<number, { readonly value: bigint; readonly sid: number }>();
  /** Open sessions in the state at a zxid, and who had them first. */
  readonly sessions = new Map<number, { readonly text: string; readonly sid: number }>();
  readonly #report: Report;
  /** The first thing that went wrong. */
  violation: Violation | undefined;

  constructor(report?: Report) {
    this.#report = report ?? ((): undefined => undefined);
  }

  fail(invariant: number, title: string, facts: string): void {
    const violation = new Violation(invariant, title, facts);
    this.violation ??= violation;
    this.#report(violation);
  }

  /** The configuration that was decided last; undefined before the first reconfiguration. */
  config: EnsembleConfig | undefined;
  /** Configurations that were proposed and are not decided, by zxid. */
  readonly pendingConfigs = new Map<number, EnsembleConfig>();

  /** Voters of a configuration that was proposed, as long as it is not decided, at this zxid or before. */
  pendingVoters(zxid: number): Set<number>[] {
    return [...this.pendingConfigs].filter(([at]) => at <= zxid).map(([, config]) => votersIn(config));
  }

  isNewer(config: EnsembleConfig | undefined): config is EnsembleConfig {
    return config !== undefined && config.version > (this.config?.version ?? 0);
  }

  /** What was proposed up to this transaction, in its order, as far as it is not decided. */
  undecidedTo(zxid: number): Proposal[] {
    const chain: Proposal[] = [];
    for (let at = this.proposals.get(zxid); at !== undefined && at.zxid > this.lastDecided;) {
      chain.push(at);
      at = this.proposals.get(at.previous);
    }
    return chain.reverse();
  }

  /** The next transaction of the one history. A configuration says from now on who votes. */
  decide(zxid: number, hash: number): void {
    this.decided.push({ zxid, hash });
    this.decidedHash.set(zxid, hash);
    const config = this.pendingConfigs.get(zxid);
    for (const at of [...this.pendingConfigs.keys()]) if (at <= zxid) this.pendingConfigs.delete(at);
    if (config !== undefined) this.configure(config);
  }

  /** A configuration is decided. */
  configure(config: EnsembleConfig): void {
    this.config = config;
    for (const view of this.servers.values()) view.isVoter = config.members.get(view.sid)?.role === 'participant';
  }

  /** Servers that the last decided configuration names; undefined before the first reconfiguration. */
  get members(): EnsembleConfig['members'] | undefined {
    return this.config?.members;
  }

  get quorum(): number {
    let voters = 0;
    for (const { isVoter } of this.servers.values()) if (isVoter) voters++;
    return Math.floor(voters / 2) + 1;
  }

  get lastDecided(): number {
    return this.decided.at(-1)?.zxid ?? 0;
  }

  server(sid: number): ServerView {
    const view = this.servers.get(sid);
    if (view === undefined) throw new Error(`no server ${sid}`);
    return view;
  }

  attempt(epoch: number, leader: number): Attempt | undefined {
    return this.attempts.get(epoch)?.get(leader);
  }

  isQuorum(sids: ReadonlySet<number>): boolean {
    let count = 0;
    for (const sid of sids) if (this.servers.get(sid)?.isVoter) count++;
    return count >= this.quorum;
  }

  /** Whether a server certainly still has a transaction after a loss of power. */
  has(view: ServerView, zxid: number, hash: number): boolean {
    const logged = view.history.find(zxid);
    if (logged !== undefined) return logged.hash === hash;
    return zxid <= view.history.base && this.decidedHash.get(zxid) === hash;
  }

  /** Whether a server has the history that ends with this transaction. */
  hasHistory(view: ServerView, last: number): boolean {
    if (last === 0 || counterOfZxid(last) === 0) return true;
    const proposal = this.proposals.get(last);
    if (view.history.base >= last) return true;
    return proposal !== undefined && this.has(view, last, proposal.hash);
  }

  holders(zxid: number, hash: number): number {
    let count = 0;
    for (const view of this.servers.values()) if (view.isVoter && this.has(view, zxid, hash)) count++;
    return count;
  }
}
