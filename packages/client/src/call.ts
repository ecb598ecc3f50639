// A call: one request on its way through the client. Its frame is encoded once, when it is made; only the xid is filled
// in for each connection that it is sent on.

import { JuteWriter, opcodes, ops } from '@corral/protocol';
import type { JuteReader, OpName, OpRequest, OpResponse, OpRow } from '@corral/protocol';
import type { ZkError } from './errors.ts';
import type { Watcher } from './watches.ts';

/** What is known of an answer besides its record. */
export interface Answer {
  /** For a write, its transaction. */
  readonly zxid: bigint;
  readonly session: bigint;
}

export interface CallSpec<T> {
  readonly op: OpName;
  /** Path for error messages, as the caller wrote it. */
  readonly path: string | null;
  /** Length, xid (filled in when sent), opcode and request record. */
  readonly frame: Uint8Array;
  /** Reads the response record. May throw a ZkError of its own. */
  readonly decode: (from: JuteReader, answer: Answer) => T;
  /** A read is repeated on the next connection when its answer is lost; a write is sent at most once. */
  readonly repeatable: boolean;
  /** Watcher that a successful answer sets. */
  readonly watcher: Watcher | null;
  /** The version that the node must have; -1 for any. */
  readonly expected?: number | undefined;
}

export interface Call<T = unknown> extends CallSpec<T> {
  settled: boolean;
  /** Waits for a connection whatever the limits say: it finishes what another call has begun. */
  readonly patient: boolean;
  /** Number of the session that the call is pinned to; null when it may run under any. */
  readonly generation: number | null;
  xid: number;
  sentAt: number;
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** Every call has the same shape, field by field: copying the spec with a spread costs more than sending it. */
export const newCall = <T>(
  spec: CallSpec<T>,
  parts: {
    readonly generation: number | null;
    readonly patient: boolean;
    readonly resolve: (value: T) => void;
    readonly reject: (error: unknown) => void;
  },
): Call<T> => ({
  op: spec.op,
  path: spec.path,
  frame: spec.frame,
  decode: spec.decode,
  repeatable: spec.repeatable,
  watcher: spec.watcher,
  expected: spec.expected,
  settled: false,
  patient: parts.patient,
  generation: parts.generation,
  xid: 0,
  sentAt: 0,
  resolve: parts.resolve,
  reject: parts.reject,
});

const headerBytes = 12;
const xidAt = 4;

/** Frames are written here and copied out: most are small, and small arrays cost next to nothing when their size is exact. */
const desk = new JuteWriter(4096);
const deskBytesMax = 64 * 1024;

export function encodeFrame(code: number, write: (to: JuteWriter) => void, xid = 0): Uint8Array {
  desk.clear();
  const start = desk.beginFrame();
  desk.int(xid);
  desk.int(code);
  write(desk);
  desk.endFrame(start);
  return desk.length > deskBytesMax ? desk.detach(4096) : desk.toBytes();
}

export function setXid(frame: Uint8Array, xid: number): void {
  new DataView(frame.buffer, frame.byteOffset, headerBytes).setInt32(xidAt, xid);
}

export interface CallParts<N extends OpName, T> {
  readonly request: OpRequest<N>;
  readonly path: string | null;
  readonly map: (response: OpResponse<N>, answer: Answer) => T;
  readonly watcher?: Watcher | null;
}

/** A call of one row of the operation table. */
export function makeCall<N extends OpName, T>(op: N, parts: CallParts<N, T>): CallSpec<T> {
  const row: OpRow<OpRequest<N>, OpResponse<N>> = ops[op] as unknown as OpRow<OpRequest<N>, OpResponse<N>>;
  return {
    op,
    path: parts.path,
    frame: encodeFrame(opcodes[op], (to) => row.request.write(to, parts.request)),
    decode: (from, answer) => parts.map(row.response.read(from), answer),
    repeatable: row.access !== 'write',
    watcher: parts.watcher ?? null,
    expected: (parts.request as { readonly version?: number }).version,
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
