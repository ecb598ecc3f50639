// The first frames of a connection, in the order that keeps every promise: session, identities, watches. Only then may
// user traffic follow; an operation sent before its identity would be refused.

import { JuteReader, encodeText, opcodes, records, xids } from '@corral/protocol';
import { encodeFrame } from './call.ts';
import { serverError } from './errors.ts';
import { isBytes } from './results.ts';
import type { Rearm } from './watches.ts';

/** The session as the servers gave it. */
export interface SessionState {
  readonly id: bigint;
  readonly password: Uint8Array;
  readonly timeoutMs: number;
}

export interface Credential {
  readonly scheme: string;
  readonly auth: Uint8Array;
}

/** Refuses what is neither text nor bytes before any connection does. */
export function toCredential(scheme: string, auth: Uint8Array | string): Credential {
  const bytes = typeof auth === 'string' ? encodeText(auth) : auth;
  if (typeof scheme === 'string' && isBytes(bytes)) return { scheme, auth: bytes };
  throw new TypeError('an identity is the name of a scheme and an id, which is text or bytes');
}

const noPassword = new Uint8Array(16);

export interface Greeting {
  readonly lastZxid: bigint;
  readonly timeoutMs: number;
  readonly session: SessionState | null;
  readonly acceptReadOnly: boolean;
}

export function encodeGreeting(greeting: Greeting): Uint8Array {
  // The greeting has no request header: the frame is built with one and the eight bytes are cut out again.
  const framed = encodeFrame(0, (to) => {
    records.connectRequest.write(to, {
      protocolVersion: 0,
      lastZxidSeen: greeting.lastZxid,
      timeOut: greeting.timeoutMs,
      sessionId: greeting.session?.id ?? 0n,
      passwd: greeting.session?.password ?? noPassword,
    });
    to.bool(greeting.acceptReadOnly);
  });
  const frame = framed.slice(records.requestHeaderBytes);
  new DataView(frame.buffer).setInt32(0, frame.length - 4);
  return frame;
}

export interface Welcome {
  readonly session: SessionState;
  /** The session offered is gone. */
  readonly expired: boolean;
  readonly readOnly: boolean;
}

export function decodeWelcome(frame: Uint8Array): Welcome {
  const reader = new JuteReader(frame);
  // A server that only reads, and may not make sessions of its own, answers as if to a request.
  if (frame.length === records.replyHeaderBytes) {
    throw serverError(records.replyHeader.read(reader).err, { op: 'connect' });
  }
  const { timeOut, sessionId, passwd } = records.connectResponse.read(reader);
  return {
    session: { id: sessionId, password: passwd?.slice() ?? noPassword, timeoutMs: timeOut },
    expired: timeOut <= 0,
    readOnly: reader.remaining > 0 && reader.bool(),
  };
}

export const encodeAuth = ({ scheme, auth }: Credential): Uint8Array =>
  encodeFrame(opcodes.auth, (to) => records.authPacket.write(to, { type: 0, scheme, auth }), xids.auth);

/** Nothing else is in flight while identities are proved, so that the number needs no turn among the calls. */
const saslXid = 1;
export const encodeSasl = (token: Uint8Array): Uint8Array =>
  encodeFrame(opcodes.sasl, (to) => records.saslToken.write(to, { token }), saslXid);

export const encodePing = (): Uint8Array => encodeFrame(opcodes.ping, () => undefined, xids.ping);

/** Path characters in one setWatches frame: well below the smallest frame limit in use, whatever their encoding. */
const batchCharactersMax = 128 * 1024;

/** The frames that set all watches again. Without persistent watches the older form is used, which every server knows. */
export function encodeRearm(rearm: Rearm, relativeZxid: bigint): Uint8Array[] {
  return batches(rearm).map((batch) => {
    const lists = { relativeZxid, data: batch.data, exist: batch.exists, child: batch.children };
    const { persistent, persistentRecursive } = batch;
    if (persistent.length === 0 && persistentRecursive.length === 0) {
      return encodeFrame(opcodes.setWatches, (to) => records.setWatchesRequest.write(to, lists), xids.setWatches);
    }
    const all = { ...lists, persistent, persistentRecursive };
    return encodeFrame(opcodes.setWatches2, (to) => records.setWatches2Request.write(to, all), xids.setWatches);
  });
}

const emptyRearm = (): Rearm => ({ data: [], exists: [], children: [], persistent: [], persistentRecursive: [] });

function batches(rearm: Rearm): Rearm[] {
  const full: Rearm[] = [];
  let batch = emptyRearm();
  let characters = 0;
  for (const kind of ['data', 'exists', 'children', 'persistent', 'persistentRecursive'] as const) {
    for (const path of rearm[kind]) {
      if (characters > 0 && characters + path.length > batchCharactersMax) {
        full.push(batch);
        batch = emptyRearm();
        characters = 0;
      }
      batch[kind].push(path);
      characters += path.length;
    }
  }
  if (characters > 0) full.push(batch);
  return full;
}
