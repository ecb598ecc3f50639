// Bytes of a connection as frames, and what a frame says: which operation, on which paths.

import { JuteReader, JuteWriter, errorCodes, opName, ops, records } from '@corral/protocol';
import type { ErrorName, OpName, OpRow } from '@corral/protocol';

/** Longer than this is no frame: whoever sends it speaks something else. */
const lengthMax = 64 << 20;

/** Cuts a stream into frames, lengths included. What cannot be a frame comes out as it is. */
export class FrameCutter {
  #rest = new Uint8Array(0);

  push(bytes: Uint8Array): Uint8Array[] {
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    const frames: Uint8Array[] = [];
    let at = 0;
    while (all.length - at >= 4) {
      const length = new DataView(all.buffer).getInt32(at);
      const end = length < 0 || length > lengthMax ? all.length : at + 4 + length;
      if (end > all.length) break;
      frames.push(all.subarray(at, end));
      at = end;
    }
    this.#rest = all.slice(at);
    return frames;
  }
}

/** connect: the first frame of a connection. watchEvent: from the server. */
export type FrameOp = OpName | 'connect' | 'watchEvent';

export interface FrameFacts {
  readonly xid: number;
  readonly op: FrameOp;
  /** What is in a multi or multiRead; otherwise the operation alone. */
  readonly parts: readonly FrameOp[];
  readonly paths: readonly string[];
}

export const greeting: FrameFacts = { xid: 0, op: 'connect', parts: ['connect'], paths: [] };

/** What a client asks for; undefined when it cannot be read. */
export function requestFacts(frame: Uint8Array): FrameFacts | undefined {
  try {
    const body = new JuteReader(frame, 4);
    const { xid, type } = records.requestHeader.read(body);
    const op = opName(type);
    if (op === undefined) return undefined;
    if (op === 'multi' || op === 'multiRead') return { xid, op, ...partsOf(body) };
    return { xid, op, parts: [op], paths: pathOf(op, body) };
  } catch {
    return undefined; // the server will say so
  }
}

function partsOf(body: JuteReader): Pick<FrameFacts, 'parts' | 'paths'> {
  const parts: FrameOp[] = [];
  const paths: string[] = [];
  for (;;) {
    const [type, isLast] = [body.int(), body.bool()];
    body.int();
    const op = opName(type);
    if (isLast || op === undefined) return { parts, paths };
    parts.push(op);
    paths.push(...pathOf(op, body));
  }
}

function pathOf(op: OpName, body: JuteReader): string[] {
  const request = (ops[op] as OpRow).request.read(body) as { readonly path?: unknown };
  return typeof request.path === 'string' ? [request.path] : [];
}

export const replyXid = (frame: Uint8Array): number => new JuteReader(frame, 4).int();

export function eventFacts(frame: Uint8Array): FrameFacts {
  const body = new JuteReader(frame, 4);
  const { xid } = records.replyHeader.read(body);
  const { path } = records.watcherEvent.read(body);
  return { xid, op: 'watchEvent', parts: ['watchEvent'], paths: path === null ? [] : [path] };
}

/** The session that a server's greeting gives; 0 when it refuses. */
export const greetedSession = (frame: Uint8Array): bigint =>
  records.connectResponse.read(new JuteReader(frame, 4)).sessionId;

/** The same reply, with an error instead of what it says. */
export function refusal(frame: Uint8Array, error: ErrorName): Uint8Array {
  const { xid, zxid } = records.replyHeader.read(new JuteReader(frame, 4));
  return framed((to) => records.replyHeader.write(to, { xid, zxid, err: errorCodes[error] }));
}

/** A request that changes nothing and is answered in its turn. */
export const harmless = (xid: number): Uint8Array =>
  framed((to) => {
    records.requestHeader.write(to, { xid, type: ops.exists.code });
    ops.exists.request.write(to, { path: '/', watch: false });
  });

function framed(write: (to: JuteWriter) => void): Uint8Array {
  const writer = new JuteWriter(64);
  const at = writer.beginFrame();
  write(writer);
  writer.endFrame(at);
  return writer.toBytes();
}
