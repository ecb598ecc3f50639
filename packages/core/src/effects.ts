// Everything the core may do to the outside world, and everything it may hear from it. The server implements these
// effects with sockets and files, a simulator with whatever it likes; the core calls them while it handles an input and
// never waits for one: what a disk operation led to arrives as a later input.

import type { JuteWriter, SessionId, Zxid } from '@corral/protocol';

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

export interface Host {
  /** Appends framed records to the log and answers with the input `appended` once they are durable. */
  append(op: DiskOp, firstZxid: Zxid, bytes: Uint8Array): void;
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

export type Note =
  | { readonly kind: 'sessionExpired'; readonly session: SessionId }
  | { readonly kind: 'sessionMoved'; readonly session: SessionId; readonly address: string }
  | { readonly kind: 'authFailed'; readonly scheme: string; readonly address: string }
  | { readonly kind: 'softQuotaExceeded'; readonly path: string };

/** Monotonic milliseconds for all timeouts, wall clock only for what is stored. */
export interface Moment {
  readonly now: number;
  readonly wall: number;
}

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
  | (Moment & { readonly kind: 'snapshotDone'; readonly zxid: Zxid; readonly error: string | undefined });
