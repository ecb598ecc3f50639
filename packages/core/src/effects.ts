// Everything the core may do to the outside world, and everything it may hear from it. The server implements these
// effects with sockets and files, a simulator with whatever it likes; the core calls them while it handles an input and
// never waits for one: what a disk operation led to arrives as a later input.

import type { EnsembleConfig, JuteWriter, SessionId, Zxid } from '@corral/protocol';
import type { RecoveryTarget } from './log/recovery.ts';

export type { RecoveryTarget } from './log/recovery.ts';

/** A transaction as Zab knows it. */
export interface Entry {
  readonly zxid: Zxid;
  /** Header, body and digest, as in a PROPOSAL and in a log record. Never changed. */
  readonly payload: Uint8Array;
}

/** Number of a disk operation; an effect that promises durability names the one it waited for. */
export type DiskOp = number;

/** The host's side of one client connection. */
export interface Link {
  /** Frames are written here; `flush` sends them. */
  readonly out: JuteWriter;
  /** Bytes handed over and not yet taken by the network. */
  readonly backlog: number;
  /** Sends what `out` holds. It rests on all disk operations up to `durable`, which have been reported done. */
  flush(durable: DiskOp): void;
  /** Sends what is left, then closes. */
  close(): void;
  /** Closes at once, and frees what the network has not taken. */
  cut(): void;
  /** Stops and restarts the arrival of bytes. */
  pause(): void;
  resume(): void;
}

/** A snapshot on its way to a file: pull until it returns null. */
export interface SnapshotSource {
  readonly zxid: Zxid;
  next(): Uint8Array | null;
  /** Gives up: nothing more will be pulled. */
  abandon(): void;
}

/** Where a member of the ensemble listens for the others; the name is resolved at every dial. */
export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

/** election: votes. quorum: between a leader and those who learn from it. */
export type PeerPort = 'election' | 'quorum';

/** The host's side of one connection to another member. */
export interface PeerLink {
  /** The other end, for reports. */
  readonly address: string;
  /** Bytes handed over and not yet taken by the network. */
  readonly backlog: number;
  /** Sends bytes, which must not change any more. They rest on all disk operations up to `durable`, reported done. */
  send(bytes: Uint8Array, durable: DiskOp): void;
  /** Sends what is left, then closes. */
  close(): void;
  /** Stops and restarts the arrival of bytes. */
  pause(): void;
  resume(): void;
}

export interface Host {
  /** Appends so many framed records to the log and answers with the input `appended` once they are durable. */
  append(op: DiskOp, firstZxid: Zxid, bytes: Uint8Array, count: number): void;
  /** The next append starts a new log file. */
  rollLog(): void;
  /** Writes a snapshot and answers with the input `snapshotDone`. */
  writeSnapshot(source: SnapshotSource): void;
  /** Asks for the input `turn`, after the inputs that wait already. */
  requestTurn(): void;
  /** Something that must not be survived: the process stops, nothing more is acknowledged. */
  halt(reason: string): void;
  /** Worth a line in the log, never on the path of an ordinary request. */
  note(event: Note): void;
}

/** What a member of an ensemble needs from its host besides. Every disk operation ends in `diskDone` or `diskFailed`. */
export interface EnsembleHost extends Host {
  /** Connects to the first of the addresses that answers: `peerOpened` with this number, or `dialFailed`. */
  dial(dial: number, port: PeerPort, addresses: readonly PeerAddress[]): void;
  /** Wants a `tick` at `now` or soon after. A later call replaces an earlier one. */
  wakeAt(now: number): void;
  /** Replaces an epoch file, durably, its name included. */
  writeEpoch(op: DiskOp, file: EpochFile, value: number): void;
  /** Cuts the history on disk behind `zxid`, as `truncateHistory` does. */
  truncate(op: DiskOp, zxid: Zxid): void;
  /**
   * Writes a snapshot that replaces the history before it: once it is durable, the log files before it are retired, as
   * `retireHistory` does. `aside`: name of a directory beside them into which they are moved instead.
   */
  installSnapshot(op: DiskOp, source: SnapshotSource, aside: string | undefined): void;
  /** Restores the state from the disk into the last target that is asked for. */
  reload(op: DiskOp, makeTarget: () => RecoveryTarget): void;
  /** Keeps a configuration of the ensemble: `next` is proposed, `active` is in force. */
  writeConfig(op: DiskOp, which: 'next' | 'active', config: EnsembleConfig): void;
}

/** Two epochs, and the number of the history they belong to. */
export type EpochFile = 'acceptedEpoch' | 'currentEpoch' | 'historyId';

export type Note =
  | { readonly kind: 'sessionExpired'; readonly session: SessionId }
  | { readonly kind: 'sessionMoved'; readonly session: SessionId; readonly address: string }
  | { readonly kind: 'authFailed'; readonly scheme: string; readonly address: string }
  | { readonly kind: 'softQuotaExceeded'; readonly path: string }
  | EnsembleNote;

/** What happens between members, in words for the log. */
export interface EnsembleNote {
  readonly kind: 'ensemble';
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly facts?: Readonly<Record<string, string | number | boolean>>;
}

/** Monotonic milliseconds for all timeouts, wall clock only for what is stored. */
export interface Moment {
  readonly now: number;
  readonly wall: number;
}

/** What a core says to a host that gives it an input, or another task, before the one under way is handled. */
export const reentered = (what: string): string =>
  `the host gave '${what}' to the core from inside an effect: inputs must come one after the other`;

export type Input =
  /** `connection` is a small number, free again after `closed`. */
  | (Moment & { readonly kind: 'opened'; readonly connection: number; readonly link: Link; readonly address: string })
  /** bytes[start, end) arrived; the memory is only borrowed. */
  | (Moment & {
      readonly kind: 'received';
      readonly connection: number;
      readonly bytes: Uint8Array;
      readonly start: number;
      readonly end: number;
    })
  /** The backlog of a link has gone. */
  | (Moment & { readonly kind: 'drained'; readonly connection: number })
  | (Moment & { readonly kind: 'closed'; readonly connection: number })
  | (Moment & { readonly kind: 'turn' })
  /** At least once per tickTime. */
  | (Moment & { readonly kind: 'tick' })
  | (Moment & { readonly kind: 'appended'; readonly op: DiskOp })
  /** A log write failed: the replica halts. */
  | (Moment & { readonly kind: 'diskFailed'; readonly op: DiskOp; readonly reason: string })
  | (Moment & { readonly kind: 'snapshotDone'; readonly zxid: Zxid; readonly error: string | undefined })
  | EnsembleInput;

export type EnsembleInput =
  /** `dial` is there when this side asked for the connection. Numbers as with client connections, but of their own. */
  | (Moment & {
      readonly kind: 'peerOpened';
      readonly connection: number;
      readonly link: PeerLink;
      readonly port: PeerPort;
      readonly dial: number | undefined;
    })
  | (Moment & { readonly kind: 'dialFailed'; readonly dial: number; readonly reason: string })
  /** bytes[start, end) arrived; the memory is only borrowed. */
  | (Moment & {
      readonly kind: 'peerReceived';
      readonly connection: number;
      readonly bytes: Uint8Array;
      readonly start: number;
      readonly end: number;
    })
  | (Moment & { readonly kind: 'peerDrained'; readonly connection: number })
  | (Moment & { readonly kind: 'peerClosed'; readonly connection: number })
  | (Moment & { readonly kind: 'diskDone'; readonly op: DiskOp });
