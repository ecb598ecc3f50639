// Everything that four-letter words, the AdminServer and the metrics may know about a running server, in one place.
// The host implements it; the renderers (four-letter.ts, http.ts, metrics-text.ts) only read. Plain data and a few
// functions: what costs something is a function, called when somebody asks.

import type { Decision } from '@corral/core';
import type { EnsembleConfig } from '@corral/protocol';
import type { Config } from '../config/load.ts';
import type { GaugeName, RoleGaugeName } from './metrics-table.ts';
import type { Metrics } from './metrics.ts';

export type ServerMode = 'standalone' | 'leader' | 'follower' | 'observer' | 'read-only' | 'looking';

/** One client connection. Times are milliseconds, clock times milliseconds since 1970. */
export interface ConnectionFacts {
  /** `127.0.0.1:53852` or `[::1]:53852`. */
  readonly address: string;
  readonly secure: boolean;
  /** 1 when the server reads from it, 5 when it also waits to write, 0 when it is on hold. */
  readonly interestOps: number;
  readonly outstanding: number;
  readonly received: number;
  readonly sent: number;
  /** 0n before there is a session. */
  readonly sessionId: bigint;
  /** Four letters, as EXIS; NA at first. */
  readonly lastOperation: string;
  readonly establishedAt: number;
  readonly sessionTimeoutMs: number;
  /** -1 when there was none. */
  readonly lastCxid: number;
  readonly lastZxid: number;
  /** On the server's own clock, whose zero is anywhere. */
  readonly lastResponseAt: number;
  readonly lastLatency: number;
  readonly minLatency: number;
  readonly avgLatency: number;
  readonly maxLatency: number;
}

export interface SessionBucket {
  readonly expiresAt: number;
  readonly sessions: readonly bigint[];
}

export interface ConnectionBucket {
  readonly expiresAt: number;
  readonly connections: readonly { readonly address: string; readonly sessionId: bigint }[];
}

/** A learner as its leader sees it. */
export interface LearnerFacts {
  readonly sid: number;
  readonly address: string;
  readonly isObserver: boolean;
  /** Whether it has the whole history and gets every proposal. */
  readonly isSynced: boolean;
  /** How it was brought up to date; `none` before it was. */
  readonly sync: string;
  readonly connectedAt: number;
  /** Last transaction it has acknowledged; of an observer, that was sent to it. */
  readonly lastZxid: number;
  readonly queuedBytes: number;
}

/** A member of an ensemble: its place, its role, what it knows of the others. */
export interface EnsembleFacts {
  readonly sid: number;
  readonly config: EnsembleConfig;
  readonly isVoter: boolean;
  readonly state: 'looking' | 'leading' | 'following' | 'observing';
  /** In the words of ZooKeeper's zabstate. */
  readonly phase: 'election' | 'discovery' | 'synchronization' | 'broadcast';
  /** Undefined while there is none. */
  readonly leader: number | undefined;
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  /** Empty unless this server leads. */
  readonly learners: readonly LearnerFacts[];
  /** What this server remembers of one transaction. */
  decision(zxid: number): Decision | undefined;
}

/** Data watches only, as in Apache. */
export interface WatchCounts {
  readonly connections: number;
  readonly paths: number;
  readonly watches: number;
}

export interface DigestFact {
  readonly zxid: number;
  readonly digest: bigint;
  readonly version: number;
}

/** A quota of one first path element; -1 is no limit. */
export interface QuotaFact {
  readonly namespace: string;
  readonly countLimit: number;
  readonly bytesLimit: number;
  readonly count: number;
  readonly bytes: number;
}

/** A finished snapshot, ready to be sent. The reader must be consumed or returned, so that the file is closed. */
export interface TakenSnapshot {
  readonly zxid: number;
  readonly bytes: number;
  read(): AsyncIterable<Uint8Array>;
}

export interface Credential {
  readonly scheme: string;
  /** Empty for schemes such as ip that look at the connection. */
  readonly credential: string;
  /** Address of the caller, without port. */
  readonly address: string;
}

/** `unknown`: the credential is wrong or its scheme is not there. `denied`: valid, but without ALL on the root. */
export type Authorization = 'granted' | 'unknown' | 'denied';

export interface ServerFacts {
  readonly config: Config;
  /** The configuration file with secrets masked (`LoadedConfig.initialText`). */
  readonly initialConfiguration: string;
  /** What follows `Zookeeper version: `. Tools parse its first number, so it is a release of ZooKeeper we match. */
  readonly version: string;
  readonly metrics: Metrics;

  /** Clock time, for what is printed. */
  now(): number;
  mode(): ServerMode;
  /** Whether requests are answered; with a reason in words when not, such as `loading the snapshot`. */
  serving(): { readonly serving: boolean; readonly reason: string };
  lastZxid(): number;
  /** Undefined for a standalone server. */
  ensemble(): EnsembleFacts | undefined;
  /** Lets another server lead, once what is in flight is answered. Rejects when this server does not lead. */
  handOver(): Promise<void>;
  gauges(): Readonly<Record<GaugeName, number>>;
  roleGauges(): Readonly<Partial<Record<RoleGaugeName, number>>>;
  quotas(): readonly QuotaFact[];

  connections(): Iterable<ConnectionFacts>;
  sessionBuckets(): readonly SessionBucket[];
  connectionBuckets(): readonly ConnectionBucket[];
  ephemeralsBySession(): Iterable<readonly [bigint, Iterable<string>]>;
  watchCounts(): WatchCounts;
  watchesByPath(): Iterable<readonly [string, Iterable<bigint>]>;
  watchesBySession(): Iterable<readonly [bigint, Iterable<string>]>;
  digests(): readonly DigestFact[];
  /** Bytes of all files in the two directories. */
  directoryBytes(): { readonly dataDir: number; readonly dataLogDir: number };
  /** fsyncs that took longer than the warning threshold. */
  slowFsyncs(): number;
  /** Undefined before the first one. */
  lastSnapshot(): { readonly zxid: number; readonly takenAt: number } | undefined;

  traceMask(): bigint;
  setTraceMask(mask: bigint): void;
  /** Statistics of every connection start again. */
  resetConnectionStats(): void;
  /** Latencies and packet counts start again; the caller resets `metrics` itself. */
  resetServerStats(): void;

  /**
   * Who calls, and may they do what changes the server or shows everything: the super user; whom the ACL of the root node
   * names with ALL; and with the scheme ip, callers on this machine where it gives ALL to everyone.
   */
  authorize(credential: Credential): Promise<Authorization>;
  takeSnapshot(): Promise<TakenSnapshot>;
  /** Replaces the tree by a snapshot; resolves with the zxid it stands for. */
  restore(snapshot: AsyncIterable<Uint8Array>): Promise<{ readonly lastZxid: number }>;
}
