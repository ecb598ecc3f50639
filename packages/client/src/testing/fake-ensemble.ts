// An ensemble in memory: scripted servers behind the client's own Transport interface. It speaks real frames, records
// what it is sent, and misbehaves on request.

import { JuteReader, JuteWriter, opName, ops, records, xids } from '@corral/protocol';
import type { OpName, OpResponse, OpRow } from '@corral/protocol';
import { FrameSplitter } from '../frames.ts';
import type { Endpoint, Link, LinkEvents, Target, Transport } from '../transport.ts';

export interface Received {
  readonly op: OpName;
  readonly xid: number;
  /** Request record, for the operations that have one. */
  readonly request: Record<string, unknown>;
  /** The request record as it came, for the operations whose rows do not describe it. */
  readonly body: Uint8Array;
}

/** What a server does with a connection. */
export type Manner =
  | 'serves'
  | 'refuses'
  /** Refuses with this failure. */
  | Error
  | 'accepts and says nothing'
  | 'greets and says nothing'
  | 'accepts and closes'
  | 'greets and closes';

export class FakeEnsemble implements Transport {
  /** Addresses by host name; a host that is not listed is its own address, null does not resolve. */
  readonly names = new Map<string, readonly string[] | null>();
  readonly manners = new Map<string, Manner>();
  readonly links: FakeServerLink[] = [];
  readonly dialled: string[] = [];
  /** Service records. */
  readonly services = new Map<string, readonly Endpoint[]>();
  /** Addresses of servers that are cut off from their majority. */
  readonly readOnly = new Set<string>();
  /** Answers a SASL token; null as an answer ends the exchange with a refusal. Without one servers do not know SASL. */
  sasl: ((token: Uint8Array) => Uint8Array | null) | null = null;
  /** Sessions that the ensemble has forgotten. */
  readonly expired = new Set<bigint>();
  readonly refusedSchemes = new Set<string>();
  nextSessionId = 1n;
  timeoutMs: number | null = null;
  zxid = 100n;
  /** Answers a request; without one the server stays silent on ordinary operations. */
  handler: (received: Received, link: FakeServerLink) => void = () => undefined;

  resolve(host: string): Promise<readonly string[]> {
    const found = this.names.get(host);
    return found === null ? Promise.reject(new Error(`${host} does not resolve`)) : Promise.resolve(found ?? [host]);
  }

  resolveService(name: string): Promise<readonly Endpoint[]> {
    const found = this.services.get(name);
    return found === undefined ? Promise.reject(new Error(`${name} does not resolve`)) : Promise.resolve(found);
  }

  open(target: Target, events: LinkEvents): Link {
    this.dialled.push(`${target.address}:${target.port}`);
    const manner = this.manners.get(target.address) ?? 'serves';
    const link = new FakeServerLink(this, events, { manner, readOnly: this.readOnly.has(target.address) });
    if (manner === 'refuses') queueMicrotask(() => link.fail(new Error('connection refused')));
    else if (manner instanceof Error) queueMicrotask(() => link.fail(manner));
    else {
      this.links.push(link);
      queueMicrotask(() => link.begin());
    }
    return link;
  }

  /** The connection in use. */
  get link(): FakeServerLink {
    return this.links.findLast(({ sessionId }) => sessionId !== 0n) ?? this.links.at(-1)!;
  }
}

export class FakeServerLink implements Link {
  readonly received: Received[] = [];
  readonly #ensemble: FakeEnsemble;
  readonly #events: LinkEvents;
  readonly #manner: Manner;
  readonly #readOnly: boolean;
  readonly #splitter = new FrameSplitter(1 << 24);
  #greeted = false;
  #over = false;
  closedByClient = false;
  /** The session that this connection carries. */
  sessionId = 0n;

  constructor(
    ensemble: FakeEnsemble,
    events: LinkEvents,
    kind: { readonly manner: Manner; readonly readOnly: boolean },
  ) {
    this.#ensemble = ensemble;
    this.#events = events;
    this.#manner = kind.manner;
    this.#readOnly = kind.readOnly;
  }

  /** What comes is noted and not answered any more. */
  isDeaf = false;

  get ops(): OpName[] {
    return this.received.map(({ op }) => op);
  }

  begin(): void {
    if (this.#over) return;
    this.#events.opened();
    if (this.#manner === 'accepts and closes' || this.#manner === 'greets and closes') this.fail();
  }

  /** Ends the connection from the server's side. */
  fail(cause: Error | null = null): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.closed(cause);
  }

  // The client's end

  send(bytes: Uint8Array): void {
    if (this.#over) return;
    if (new TextDecoder().decode(bytes) === 'isro') {
      this.#events.received(new TextEncoder().encode(this.#readOnly ? 'ro' : 'rw'));
      return this.fail();
    }
    for (const frame of this.#splitter.push(bytes.slice())) {
      if (frame.kind !== 'frame' || String(this.#manner).startsWith('accepts')) continue;
      if (this.#greeted) this.#request(frame.bytes);
      else this.#greet(frame.bytes);
    }
  }
  close(): void {
    this.#over = true;
    this.closedByClient = true;
  }

  // The server's end

  #greet(bytes: Uint8Array): void {
    const { sessionId, timeOut } = records.connectRequest.read(new JuteReader(bytes));
    this.#greeted = true;
    const gone = this.#ensemble.expired.has(sessionId);
    const id = sessionId === 0n ? this.#ensemble.nextSessionId++ : sessionId;
    this.sessionId = id;
    const writer = new JuteWriter();
    const at = writer.beginFrame();
    records.connectResponse.write(writer, {
      protocolVersion: 0,
      timeOut: gone ? 0 : (this.#ensemble.timeoutMs ?? timeOut),
      sessionId: gone ? 0n : id,
      passwd: new Uint8Array(16),
    });
    writer.bool(this.#readOnly);
    writer.endFrame(at);
    this.#events.received(writer.toBytes());
    if (gone) this.fail();
  }

  #request(bytes: Uint8Array): void {
    const reader = new JuteReader(bytes, 0, bytes.length, 1 << 24);
    const { xid, type } = records.requestHeader.read(reader);
    const op = opName(type)!;
    const body = bytes.slice(records.requestHeaderBytes);
    const request = (ops[op] as OpRow).request.read(reader) as Record<string, unknown>;
    const received: Received = { op, xid, request: structuredClone(request), body };
    this.received.push(received);
    if (this.isDeaf || this.#manner === 'greets and says nothing') return;
    if (op === 'ping') return this.raw(xids.ping, 0);
    if (op === 'sasl') return this.#prove(xid, request['token'] as Uint8Array);
    if (op === 'auth') return this.#authenticate(String(request['scheme']));
    if (op === 'setWatches' || op === 'setWatches2') return this.raw(xids.setWatches, 0);
    if (op === 'closeSession') {
      this.raw(xid, 0);
      return this.fail();
    }
    this.#ensemble.handler(received, this);
  }

  #authenticate(scheme: string): void {
    const refused = this.#ensemble.refusedSchemes.has(scheme);
    this.raw(xids.auth, refused ? -115 : 0);
    if (refused) this.fail();
  }

  #prove(xid: number, token: Uint8Array): void {
    const { sasl } = this.#ensemble;
    const answer = sasl?.(token.slice()) ?? null;
    const refused = sasl !== null && answer === null;
    this.raw(xid, refused ? -115 : 0, (to) => records.saslToken.write(to, { token: answer }), 0n);
    if (refused) this.fail();
  }

  /** A reply with any header and body. */
  raw(xid: number, err: number, body: (to: JuteWriter) => void = () => undefined, zxid = this.#ensemble.zxid): void {
    if (this.#over) return;
    this.#events.received(frameOf(xid, zxid, err, body));
  }

  reply<N extends OpName>(to: Received, op: N, response: OpResponse<N>): void {
    const row = ops[op] as unknown as OpRow<unknown, OpResponse<N>>;
    this.raw(to.xid, 0, (writer) => row.response.write(writer, response));
  }
  refuse(to: Received, err: number): void {
    this.raw(to.xid, err);
  }
  event(type: number, path: string): void {
    this.raw(xids.watchEvent, 0, (to) => records.watcherEvent.write(to, { type, state: 3, path }));
  }
  /** Several frames in one delivery. */
  deliver(...frames: Uint8Array[]): void {
    const all = new Uint8Array(frames.reduce((sum, frame) => sum + frame.length, 0));
    let at = 0;
    for (const frame of frames) {
      all.set(frame, at);
      at += frame.length;
    }
    this.#events.received(all);
  }
}

export function frameOf(xid: number, zxid: bigint, err: number, body: (to: JuteWriter) => void): Uint8Array {
  const writer = new JuteWriter();
  const at = writer.beginFrame();
  records.replyHeader.write(writer, { xid, zxid, err });
  body(writer);
  writer.endFrame(at);
  return writer.toBytes();
}

export const stat = (version = 0) => ({
  czxid: 1n,
  mzxid: 2n,
  ctime: 1000,
  mtime: 2000,
  version,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 0,
  numChildren: 0,
  pzxid: 1n,
});

/** Answers every read and write as if all went well. */
export function agreeable(received: Received, link: FakeServerLink): void {
  const { path } = received.request as { readonly path?: string };
  switch (received.op) {
    case 'getData':
      return link.reply(received, 'getData', { data: new Uint8Array([104, 105]), stat: stat() });
    case 'exists':
      return link.reply(received, 'exists', { stat: stat() });
    case 'setData':
      return link.reply(received, 'setData', { stat: stat(1) });
    case 'setACL':
      return link.reply(received, 'setACL', { stat: stat() });
    case 'getChildren2':
      return link.reply(received, 'getChildren2', { children: ['a'], stat: stat() });
    case 'create2':
      return link.reply(received, 'create2', { path: path ?? null, stat: stat() });
    case 'addWatch':
      return link.reply(received, 'addWatch', { err: 0 });
    default:
      return link.raw(received.xid, 0);
  }
}
