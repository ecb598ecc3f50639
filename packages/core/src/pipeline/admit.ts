// Admit: bytes become frames, frames become requests, and each request goes where its kind of operation is handled. Reads
// are answered at once unless an earlier write of the connection is in flight; writes are prepared at once and answered
// when they are applied. Replies leave in the order of requests.

import { JuteReader, ProtocolError, copyBytes, errorCodes, opcodes, records } from '@corral/protocol';
import type { OpName } from '@corral/protocol';
import { authenticate, declineSasl, isAdmitted } from './auth.ts';
import { blocks } from './connection.ts';
import type { Connection, DeferredFrame, Waiting, WaitingSync } from './connection.ts';
import type { Context } from './context.ts';
import * as reads from './reads.ts';
import type { ReadBehaviour, Request } from './reads.ts';
import { replyHeader } from './reply.ts';
import * as watchOps from './watch-ops.ts';
import { bytesShift, costs } from './work.ts';

/** What each operation of the table does; the rest of the pipeline decides when. */
type Behaviour =
  | { readonly kind: 'read'; readonly run: ReadBehaviour }
  | { readonly kind: 'immediate'; run(ctx: Context, c: Connection, xid: number, body: JuteReader): void }
  | { readonly kind: 'sync'; readonly run: ReadBehaviour }
  | { readonly kind: 'write' }
  | { readonly kind: 'refused' };

const read = (run: ReadBehaviour): Behaviour => ({ kind: 'read', run });
const write: Behaviour = { kind: 'write' };

const behaviours: { readonly [N in OpName]: Behaviour } = {
  create: write,
  delete: write,
  exists: read(reads.exists),
  getData: read(reads.getData),
  setData: write,
  getACL: read(reads.getAcl),
  setACL: write,
  getChildren: read(reads.getChildren),
  sync: { kind: 'sync', run: reads.sync },
  ping: read(reads.ping),
  getChildren2: read(reads.getChildren),
  check: { kind: 'refused' },
  multi: write,
  create2: write,
  reconfig: write,
  checkWatches: read(watchOps.checkWatches),
  removeWatches: read(watchOps.removeWatches),
  createContainer: write,
  deleteContainer: write,
  createTTL: write,
  multiRead: read(reads.multiRead),
  auth: { kind: 'immediate', run: authenticate },
  setWatches: read(watchOps.setWatches),
  sasl: { kind: 'immediate', run: declineSasl },
  getEphemerals: read(reads.getEphemerals),
  getAllChildrenNumber: read(reads.getAllChildrenNumber),
  setWatches2: read(watchOps.setWatches2),
  addWatch: read(watchOps.addWatch),
  whoAmI: read(reads.whoAmI),
  createSession: write,
  closeSession: write,
};
const behaviourByCode = new Map<number, Behaviour>(
  (Object.keys(behaviours) as OpName[]).map((name) => [opcodes[name], behaviours[name]]),
);

/** Reads of one connection that may wait behind a write: they are answered all at once, whatever their size. */
const deferredMax = 32;

/** When memory for answers is scarce, a client that does not read them waits from here on. */
const scarceOutputBytesMax = 65536;

/** What admitting needs from the stages behind it. */
export interface Next {
  greeting(connection: Connection, body: JuteReader): void;
  /** Prepares and proposes; answers itself, now or when applied. */
  write(connection: Connection, xid: number, opcode: number, body: JuteReader): void;
  /** Asks for everything decided so far; false when there is nobody to ask. `frame` makes the copy that waits. */
  sync(connection: Connection, xid: number, body: JuteReader, frame: () => DeferredFrame): boolean;
  /** The client of a session that this server alone knows was told that it has ended. */
  farewell(connection: Connection): void;
  /** Whether no request is taken any more: another server is about to lead. */
  readonly isHeld: boolean;
  /** Whether too much is in flight to take more requests. */
  readonly isFull: boolean;
}

export class Admission {
  readonly #ctx: Context;
  readonly #next: Next;
  readonly #body: JuteReader;
  readonly #request: Request;

  constructor(ctx: Context, next: Next) {
    this.#ctx = ctx;
    this.#next = next;
    this.#body = new JuteReader(new Uint8Array(0), 0, 0, ctx.options.fieldBytesMax);
    const nobody = undefined as unknown as Connection; // set before every use
    this.#request = { ctx, body: this.#body, connection: nobody, xid: 0, opcode: 0, identities: [], latency: 0 };
  }

  /** Handles the complete frames in bytes[start, end) and keeps the rest. */
  receive(connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    if (!connection.isOpen) return;
    if (connection.stashLength > 0) {
      connection.keep(bytes, start, end);
      this.resume(connection);
    } else {
      const consumed = this.#frames(connection, bytes, start, end);
      if (consumed === end || !connection.isOpen) return;
      connection.keep(bytes, consumed, end);
    }
    if (connection.isOpen) this.#ctx.memory.kept(connection);
  }

  /** Goes on with what was kept. */
  resume(connection: Connection): void {
    const [head] = connection.waiting;
    if (head !== undefined && !blocks(head)) this.release(connection);
    const { stash, stashLength } = connection;
    if (stash === undefined || connection.stalled === 'turn') return;
    connection.consume(this.#frames(connection, stash, 0, stashLength));
    if (connection.isOpen) this.#ctx.memory.kept(connection);
  }

  /** Returns where the first frame that was not handled begins. */
  #frames(connection: Connection, bytes: Uint8Array, start: number, end: number): number {
    const { work } = this.#ctx;
    let at = start;
    while (end - at >= 4 && connection.isOpen) {
      const length = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
      if (length <= 0 || length > this.#ctx.options.frameBytesMax) {
        this.#ctx.stats.tooLarge++;
        this.#ctx.hangUp(connection);
        break;
      }
      if (end - at - 4 < length || this.#mustStall(connection)) break;
      at += 4 + length;
      const before = work.spent;
      this.#frame(connection, bytes, at - length, at);
      work.spend(costs.request + (length >> bytesShift));
      work.charge(connection, before);
    }
    return connection.isOpen ? at : end;
  }

  /** Stops taking requests while too many are in flight or the client does not read its answers. */
  #mustStall(connection: Connection): boolean {
    const { link } = connection;
    const { options, memory } = this.#ctx;
    const outputMax = memory.isOutputScarce
      ? Math.min(scarceOutputBytesMax, options.outputBytesMax)
      : options.outputBytesMax;
    if (link.out.length + link.backlog > outputMax) connection.stalled = 'output';
    else if (
      this.#next.isHeld ||
      ((connection.waiting.length > 0 || connection.isRevalidating) && this.#mustWait(connection))
    )
      connection.stalled = 'outstanding';
    else if (this.#ctx.work.mustWait(connection)) connection.stalled = 'turn';
    else return false;
    this.#ctx.stalled.add(connection);
    link.pause();
    return true;
  }

  /** Leaves the rest of what may be answered for the next turn. */
  #stallForTurn(connection: Connection): void {
    if (connection.stalled !== 'no') this.#ctx.stalled.delete(connection);
    connection.stalled = 'turn';
    this.#ctx.stalled.add(connection);
    connection.link.pause();
  }

  /** Nothing is answered before the handshake is, not even what does not wait for its turn. */
  #mustWait({ session, waiting, deferred, isRevalidating }: Connection): boolean {
    if (isRevalidating || session?.persisted === false || this.#next.isFull) return true;
    return deferred >= deferredMax || waiting.length >= this.#ctx.options.outstandingMax;
  }

  #frame(connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    const ctx = this.#ctx;
    connection.packetsReceived++;
    ctx.stats.packetsReceived++;
    try {
      if (connection.state === 'greeting') this.#next.greeting(connection, this.#body.reset(bytes, start, end));
      else if (end - start < records.requestHeaderBytes) ctx.hangUp(connection);
      else this.#dispatch(connection, bytes, start, end);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      ctx.hangUp(connection); // what could be answered was; this is a handshake or an auth packet
    }
  }

  #dispatch(connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    const ctx = this.#ctx;
    const body = this.#body.reset(bytes, start, end);
    const xid = body.int();
    const opcode = body.int();
    const behaviour = behaviourByCode.get(opcode);
    connection.lastOpcode = opcode;
    ctx.stats.operation(opcode);
    if (behaviour?.kind === 'immediate') return behaviour.run(ctx, connection, xid, body);
    if (connection.session !== undefined) ctx.heard(connection.session);
    if (xid > 0) connection.lastXid = xid;
    if (!isAdmitted(ctx, connection)) {
      replyHeader(ctx, connection, xid, 0, errorCodes.SessionClosedRequireAuth);
      return ctx.hangUp(connection);
    }
    if (behaviour?.kind === 'write') return this.#write(connection, xid, opcode);
    if (behaviour?.kind === 'sync') {
      const at = body.at;
      const frame = (): DeferredFrame => this.#deferred(connection, bytes, start, end);
      if (this.#next.sync(connection, xid, body, frame)) return;
      body.at = at;
    }
    if (connection.waiting.length > 0) this.#defer(connection, bytes, start, end);
    else this.#run(connection, behaviour, xid, opcode, connection.identities, 0);
  }

  #defer(connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    connection.deferred++;
    connection.waiting.push(this.#deferred(connection, bytes, start, end));
  }

  #deferred({ identities }: Connection, bytes: Uint8Array, start: number, end: number): DeferredFrame {
    return { kind: 'frame', bytes: copyBytes(bytes, start, end), identities, receivedAt: this.#ctx.now };
  }

  #write(connection: Connection, xid: number, opcode: number): void {
    try {
      this.#next.write(connection, xid, opcode, this.#body);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.refuse(connection, xid, errorCodes.MarshallingError);
    }
  }

  /** Answers an error behind whatever is in flight. */
  refuse(connection: Connection, xid: number, code: number): void {
    if (connection.waiting.length > 0) connection.waiting.push({ kind: 'error', xid, code });
    else this.#answerError(connection, xid, code);
  }

  #answerError(connection: Connection, xid: number, code: number): void {
    const isFatal = code === errorCodes.Unimplemented;
    replyHeader(this.#ctx, connection, xid, isFatal ? -1 : this.#ctx.tree.lastZxid, code);
    if (isFatal) this.#ctx.hangUp(connection);
  }

  #run(
    connection: Connection,
    behaviour: Behaviour | undefined,
    xid: number,
    opcode: number,
    identities: Request['identities'],
    latency: number,
  ): void {
    if (behaviour?.kind !== 'read' && behaviour?.kind !== 'sync')
      return this.#answerError(connection, xid, errorCodes.Unimplemented);
    const request = this.#request;
    request.connection = connection;
    request.xid = xid;
    request.opcode = opcode;
    request.identities = identities;
    request.latency = latency;
    const out = connection.link.out;
    const before = out.length;
    try {
      behaviour.run(request);
      this.#ctx.stats.observe?.('readlatency', latency);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      out.length = before;
      reads.fail(request, errorCodes.MarshallingError);
    }
  }

  /** A sync takes its place in the queue. */
  await(connection: Connection, frame: DeferredFrame): WaitingSync {
    const sync: WaitingSync = { kind: 'sync', frame, isDone: false };
    connection.deferred++;
    connection.waiting.push(sync);
    return sync;
  }

  /** What a sync waited for has come. */
  arrived(connection: Connection, sync: WaitingSync): void {
    sync.isDone = true;
    if (connection.waiting[0] === sync) this.release(connection);
  }

  /**
   * Syncs in front of a write that is decided are done as well: the write was proposed after they were asked for, so a
   * majority has confirmed the leader since, and everything before the write is applied here.
   */
  passSyncs(connection: Connection, until: Waiting): void {
    for (
      let head = connection.waiting[0];
      head !== until && connection.state !== 'gone';
      head = connection.waiting[0]
    ) {
      if (head === undefined) throw new Error('a transaction that overtakes another of its session');
      if (head.kind === 'sync') head.isDone = true;
      else if (blocks(head)) throw new Error('a transaction that overtakes another of its session');
      this.release(connection, 'all');
    }
  }

  /** Says farewell behind whatever is in flight. */
  bid(connection: Connection, xid: number): void {
    if (connection.waiting.length > 0) connection.waiting.push({ kind: 'farewell', xid });
    else this.#farewell(connection, xid);
  }

  #farewell(connection: Connection, xid: number): void {
    replyHeader(this.#ctx, connection, xid, this.#ctx.tree.lastZxid, 0);
    this.#next.farewell(connection);
  }

  /**
   * What the queue waited for has come: what waited behind it follows, up to the next write; `modest`: or up to what one
   * turn has for this connection.
   */
  release(connection: Connection, how: 'modest' | 'all' = 'modest'): void {
    const { waiting, deferred } = connection;
    const { work } = this.#ctx;
    for (let next: Waiting | undefined = waiting[0]; next !== undefined && !blocks(next); next = waiting[0]) {
      if (how === 'modest' && work.mustWait(connection)) {
        this.#stallForTurn(connection);
        break;
      }
      waiting.shift();
      if (connection.state === 'gone') continue;
      if (next.kind === 'error') this.#answerError(connection, next.xid, next.code);
      else if (next.kind === 'farewell') this.#farewell(connection, next.xid);
      else if (next.kind === 'sync' || next.kind === 'frame') {
        connection.deferred--;
        const before = work.spent;
        work.spend(costs.request);
        this.#runDeferred(connection, next.kind === 'sync' ? next.frame : next);
        work.charge(connection, before);
      }
    }
    const answered = deferred - connection.deferred;
    if (answered > 0) this.#ctx.stats.observeReleased?.(answered);
  }

  #runDeferred(connection: Connection, { bytes, identities, receivedAt }: DeferredFrame): void {
    const body = this.#body.reset(bytes, 0, bytes.length);
    const xid = body.int();
    const opcode = body.int();
    const latency = Math.max(0, Math.round(this.#ctx.now - receivedAt));
    this.#run(connection, behaviourByCode.get(opcode), xid, opcode, identities, latency);
  }
}
