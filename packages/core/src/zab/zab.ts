// What the phases of Zab share: the history, the epochs, the host, and the state machine above that sees entries as bytes
// with a zxid. Each field has one owner, named here; the phases are written against this.

import type {
  EnsembleConfig,
  Epoch,
  HandOver,
  JuteReader,
  JuteWriter,
  Notification,
  SessionId,
  Zxid,
} from '@corral/protocol';
import type {
  DiskOp,
  EnsembleHost,
  EnsembleNote,
  EpochFile,
  Entry,
  PeerLink,
  RecoveryTarget,
  SnapshotSource,
} from '../effects.ts';
import type { DecisionTrace, Step } from './decision-trace.ts';
import type { Defect } from './defects.ts';
import type { EpochClaims } from './epoch-claims.ts';
import type { LearnerLink } from './learner-link.ts';
import type { History, Replacement } from './history.ts';
import type { LogBatches } from './log-batches.ts';
import type { PeerStats } from './peer-stats.ts';
import type { Quorums } from './quorum.ts';
import type { RepeatedNotes } from './repeated-notes.ts';
import type { ReconfigRequest } from './reconfiguration.ts';

/** What a member has to know from its configuration. Times in milliseconds. */
export interface EnsembleOptions {
  readonly sid: number;
  /** In force when the server starts. */
  readonly config: EnsembleConfig;
  /** Proposed before the server stopped, newer than `config`. */
  readonly nextConfig?: EnsembleConfig;
  readonly peerType: 'participant' | 'observer';
  readonly tickMs: number;
  readonly initLimitMs: number;
  readonly syncLimitMs: number;
  readonly electionMinMs: number;
  readonly electionMaxMs: number;
  readonly electionFinalizeMs: number;
  /** Decided transactions kept in memory for learners that are a little behind. */
  readonly commitLogCount: number;
  readonly commitLogBytes: number;
  readonly forceSnapshotSync: boolean;
  /** A leader whose counter has come this far makes room for a new epoch. */
  readonly counterMax: number;
  readonly leaderServes: boolean;
  readonly readOnlyEnabled: boolean;
  readonly reconfigEnabled: boolean;
  readonly standaloneEnabled: boolean;
  /** Known defects put back in, to show that the checkers of a simulation find them. Never set by a server. */
  readonly defects?: ReadonlySet<Defect>;
}

/** The two values a member promises by: each is durable before anything is said that rests on it. */
export interface Epochs {
  /** Highest epoch this server has agreed to take part in. */
  accepted: number;
  /** Epoch of the leader whose history this server has. */
  current: number;
  /** Number of the history (history-identity.ts), as its file has it. */
  historyId?: number;
}

/** A snapshot that is arriving as a stream. */
export interface IncomingSnapshot {
  /** Takes bytes[start, end); returns where the stream ended, or `end` while it goes on. Throws ProtocolError. */
  push(bytes: Uint8Array, start: number, end: number): number;
  readonly isComplete: boolean;
  /** The received state as a snapshot file, named `zxid`. */
  source(zxid: Zxid): SnapshotSource;
  /** From now on this is the state. */
  adopt(): void;
}

/** What the disk has behind its newest snapshot. */
export interface RestoredHistory {
  /** Zxid before the first of `entries`. */
  readonly base: Zxid;
  readonly entries: readonly Entry[];
}

/** How the state machine reaches the leader from a learner. */
export interface LeaderAccess {
  request(session: SessionId, cxid: number, opcode: number, body: Uint8Array, identities: Identities): void;
  revalidate(session: SessionId, timeoutMs: number): void;
}

/** Identities of a connection in the form of the wire; null for the server's own requests. */
export type Identities = readonly { readonly scheme: string | null; readonly id: string | null }[] | null;

/** How the state machine has its transactions ordered as the leader. */
export interface Ordering {
  /** Zxid before the first proposal of the epoch. */
  readonly epochStart: Zxid;
  /** Takes the next proposal: the caller appends its record to what is returned, then says which part is the payload. */
  begin(zxid: Zxid): JuteWriter;
  end(zxid: Zxid, payload: Uint8Array): void;
  /** The configuration that is asked for with the version `zxid`, or the error code that refuses it. */
  plan(request: ReconfigRequest, expectedVersion: bigint, zxid: Zxid): EnsembleConfig | number;
  /** The proposal `zxid` was the transaction of a configuration. */
  reconfigure(zxid: Zxid, config: EnsembleConfig): void;
  /** Calls back when a majority has confirmed this leader and all proposed so far is decided. */
  confirm(done: () => void): void;
}

/** The state machine that the broadcast keeps in step on all servers. */
export interface Application {
  /** Last transaction in memory. */
  readonly applied: Zxid;
  /** A decided transaction, next in order. Returns whether the tree is the one its digest speaks of, as far as it has one. */
  deliver(entry: Entry): boolean;
  /** Next in order in the history of a leader that is not established yet: it may not be decided, so no client hears of it. */
  assume(entry: Entry): void;
  /** Leading: what this server proposed is decided up to zxid. */
  decided(zxid: Zxid): void;
  lead(ordering: Ordering): void;
  /** Learning from server `sid`, which leads `epoch`. */
  follow(leader: LeaderAccess, sid: number, epoch: Epoch): void;
  serveReadOnly(): void;
  /** Answers what is in flight, takes nothing new, and then begins a new epoch. */
  makeWay(reason: string): void;
  /** Learning: no more requests for this leader. */
  hold(): void;
  /** The term of the leader, or of this one, is over, and this is who leads the next epoch. */
  handedOver(over: HandOver, epoch: Epoch): void;
  /** Serves nobody any more; memory stays at what is decided. */
  stop(): void;
  /** The ensemble's configuration as clients read it in /zookeeper/config. */
  configured(config: EnsembleConfig): void;

  // What learners ask of the leader's state machine.
  request(
    learner: number,
    session: SessionId,
    cxid: number,
    opcode: number,
    body: JuteReader,
    identities: Identities,
  ): void;
  revalidate(learner: number, session: SessionId, timeoutMs: number): boolean;
  touched(session: SessionId): void;

  // What a learner's state machine hears.
  revalidated(session: SessionId, isValid: boolean): void;
  synced(): void;
  takeTouched(): readonly (readonly [session: SessionId, timeoutMs: number])[];

  /**
   * Looks into a transaction before it is logged; returns the configuration in that of a reconfiguration. Throws
   * UnreadableTxn for one that could not be applied.
   */
  check(zxid: Zxid, payload: Uint8Array): EnsembleConfig | undefined;
  /** The configuration in a reconfiguration's transaction; undefined for any other. */
  configOf(entry: Entry): EnsembleConfig | undefined;

  /** The state in memory as a stream for a learner, or as a file. */
  snapshot(form: 'stream' | 'file'): SnapshotSource;
  receiveSnapshot(): IncomingSnapshot;
  /** Where the disk's state is restored to, and how it becomes the state. */
  reload(): { makeTarget(): RecoveryTarget; adopt(): RestoredHistory };
}

/** What is known of members whose trees differ: differences.ts. */
export interface DifferenceReports {
  found(leader: number, zxid: Zxid): boolean;
  reported(voter: number): boolean;
  told(leader: number, zxid: Zxid): void;
  agreed(learner: number): void;
  replaced(): void;
  heard(from: number, notification: Notification): boolean;
  mustKeep: boolean;
}

/** Which history this server has: history-identity.ts. */
export interface HistoryNumber {
  readonly told: number;
  readonly number: number;
  readonly counts: boolean;
  contradicts(told: number, isChosen?: boolean): boolean;
  choose(promised: readonly LearnerLink[], then: () => void): void;
  count(): void;
  refused(sid: number, told: number, isServing: boolean): boolean;
  accept(number: number, then: () => void): void;
  keep(number: number): void;
  keptOut(leader: number, number: number, isEstablished: boolean): void;
}

export interface Zab {
  readonly options: EnsembleOptions;
  readonly host: EnsembleHost;
  readonly app: Application;
  readonly history: History;
  /** What this server says its history ends with. */
  readonly end: Zxid;
  readonly batches: LogBatches;
  readonly epochs: Readonly<Epochs>;
  readonly quorums: Quorums;
  readonly trace: DecisionTrace;
  readonly stats: PeerStats;
  readonly claims: EpochClaims;
  /** Lines that strangers could cause in any number. */
  readonly repeated: RepeatedNotes;
  readonly differences: DifferenceReports;
  readonly identity: HistoryNumber;
  /** Notes that transactions in (after, to] took a step. */
  traced(step: Step, sid: number, after: Zxid, to: Zxid): void;
  /** Moment of the input that is being handled. */
  readonly now: number;
  /** Last disk operation reported done, all before it included. */
  readonly durable: DiskOp;
  /** Whether this server cannot say what it has promised: it counts nowhere until it is synchronised. */
  isUnknown: boolean;
  readonly replacement: Replacement;
  /** Appends a transaction that arrived as bytes to history and log; `payload` is copied. */
  log(zxid: Zxid, payload: Uint8Array): Entry;
  /** `then` is skipped when the role has ended meanwhile. */
  writeEpoch(file: EpochFile, value: number, then: () => void): void;
  /** Cuts the history behind `zxid`, as far as that is possible: `history` says where it ends then. */
  truncate(zxid: Zxid, then: () => void): void;
  install(snapshot: IncomingSnapshot, zxid: Zxid, then: () => void): void;
  /** A leader of a new ensemble begins with a snapshot of nothing: a log alone would not be trusted. */
  secureBase(then: () => void): void;
  /** Calls back when everything logged so far is durable. */
  whenLogged(then: () => void): void;
  nextDial(): number;
  /** Wants the input `turn`. */
  requestTurn(): void;
  /** Keeps a configuration that is proposed, or brings one into force. */
  propose(config: EnsembleConfig): void;
  activate(config: EnsembleConfig): void;
  /** The leader of `epoch` is established: what earlier ones proposed and it has not is given up. */
  abandonProposed(epoch: Epoch): void;
  /** The role has a leader that a quorum follows: LOOKING servers are told of it. */
  established(state: 'leading' | 'following' | 'observing', epoch: Epoch): void;
  /** Ends the role and looks for a leader again. */
  leave(reason: string, designated?: number): void;
  /** Ends the role and takes no part in elections for `restMs`. */
  resign(reason: string, restMs: number): void;
  /** When voter `sid` was last heard to look for a leader while this server had one; -Infinity: never. */
  lookedAt(sid: number): number;
  /** Something that must not be survived. */
  fail(reason: string): void;
  /** The elected leader could not be reached, or it was and announced no epoch. */
  didNotLead(sid: number, wasReached: boolean, costMs: number): void;
  note(level: EnsembleNote['level'], message: string, facts?: EnsembleNote['facts']): void;
  has(defect: Defect): boolean;
}

/** What a role does with the inputs of its term. */
export interface Role {
  readonly kind: 'leading' | 'following' | 'observing';
  /** Whether clients are served in this role. */
  readonly isServing: boolean;
  opened(connection: number, link: PeerLink, dial: number | undefined): void;
  received(connection: number, bytes: Uint8Array, start: number, end: number): void;
  drained(connection: number): void;
  closed(connection: number): void;
  dialFailed(dial: number, reason: string): void;
  /** Everything logged up to zxid is durable here. */
  accepted(zxid: Zxid): void;
  turn(): void;
  tick(): void;
  /** When `tick` is wanted next. */
  readonly deadline: number;
  /** Sends what the step has written. */
  flush(): void;
  /** Closes all connections of the role. */
  end(): void;
}
