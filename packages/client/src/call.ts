// A call: one request on its way through the client. Its frame is encoded once, when it is made; only the xid is filled
// in for each connection that it is sent on.

import { JuteWriter, opcodes, ops } from '@corral/protocol';
import type { JuteReader, OpName, OpRequest, OpResponse, OpRow } from '@corral/protocol';
import type { ZkError } from './errors.ts';
import type { Watcher } from './watches.ts';

export interface CallSpec<T> {
  readonly op: OpName;
  /** Path for error messages, as the caller wrote it. */
  readonly path: string | null;
  /** Length, xid (filled in when sent), opcode and request record. */
  readonly frame: Uint8Array;
  /** Reads the response record. May throw a ZkError of its own. */
  decode(from: JuteReader): T;
  /**
   * A pinned call belongs to the session under which it was made and is sent at most once; the others are repeated on
   * the next connection, whatever its session.
   */
  readonly pinned: boolean;
  /** Watcher that a successful answer sets. */
  readonly watcher: Watcher | null;
}

export interface Call<T = unknown> extends CallSpec<T> {
  settled: boolean;
  /** Number of the session that a pinned call belongs to. */
  generation: number;
  xid: number;
  sentAt: number;
  resolve(value: T): void;
  reject(error: unknown): void;
}

const headerBytes = 12;
const xidAt = 4;

export function encodeFrame(code: number, write: (to: JuteWriter) => void, xid = 0): Uint8Array {
  const writer = new JuteWriter(128);
  const start = writer.beginFrame();
  writer.int(xid);
  writer.int(code);
  write(writer);
  writer.endFrame(start);
  return writer.detach(0);
}

export function setXid(frame: Uint8Array, xid: number): void {
  new DataView(frame.buffer, frame.byteOffset, headerBytes).setInt32(xidAt, xid);
}

export interface CallParts<N extends OpName, T> {
  readonly request: OpRequest<N>;
  readonly path: string | null;
  readonly map: (response: OpResponse<N>) => T;
  readonly pinned?: boolean;
  readonly watcher?: Watcher | null;
}

/** A call of one row of the operation table. Writes are pinned unless told otherwise. */
export function makeCall<N extends OpName, T>(op: N, parts: CallParts<N, T>): CallSpec<T> {
  const row: OpRow<OpRequest<N>, OpResponse<N>> = ops[op] as unknown as OpRow<OpRequest<N>, OpResponse<N>>;
  return {
    op,
    path: parts.path,
    frame: encodeFrame(opcodes[op], (to) => row.request.write(to, parts.request)),
    decode: (from) => parts.map(row.response.read(from)),
    pinned: parts.pinned ?? row.access === 'write',
    watcher: parts.watcher ?? null,
  };
}

/** What ends a call besides its answer. */
export interface Cancellation {
  readonly call: Call;
  /** Error for a call whose outcome is certain: not sent, or a read. */
  readonly plain: unknown;
  /** Error for a write that has left. */
  readonly ambiguous: ZkError;
}
