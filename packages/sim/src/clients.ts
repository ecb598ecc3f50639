// Clients of a simulated ensemble: each holds a session, asks one thing at a time and moves to another server when its
// connection breaks. They remember what they were answered, which is all that counts in the end.

import type { JuteReader } from '@corral/protocol';
import { JuteWriter, openAcl, opcodes, records, encodeText, xids } from '@corral/protocol';
import { checkAnswer } from './checkers/answers.ts';
import { FrameReader } from './frame-reader.ts';
import type { Connection, End } from './pipe.ts';
import type { Random } from './random.ts';
import type { SimEvent } from './events.ts';
import type { World } from './world.ts';
import { ops } from '@corral/protocol';

export type ClientOp =
  | {
      readonly kind: 'create' | 'set';
      readonly path: string;
      readonly value: string;
      readonly ephemeral?: boolean;
      /** The server appends a number to the name. */
      readonly sequential?: boolean;
    }
  /** Creates `path` and `path` + `twin`, or neither. */
  | { readonly kind: 'multi'; readonly path: string; readonly value: string }
  | {
      readonly kind: 'reconfig';
      readonly path: string;
      readonly joining: string;
      readonly leaving: string;
      readonly members: string;
    }
  | { readonly kind: 'delete' | 'get' | 'sync' | 'close'; readonly path: string };

/** What the second node of a multi has behind the name of the first. */
export const twin = '-too';

/** What became of an operation. Unknown: the connection broke before an answer came. */
export interface Done {
  readonly client: number;
  readonly session: bigint;
  readonly op: ClientOp;
  readonly calledAt: number;
  readonly answeredAt: number;
  readonly outcome: 'ok' | 'refused' | 'unknown';
  readonly error: number;
  /** Of the answer. */
  readonly zxid: number;
  /** What a get has read. */
  readonly value?: string;
  readonly mzxid?: number;
  /** Name that the server chose. */
  readonly created?: string;
}

interface Waiting {
  readonly op: ClientOp;
  readonly xid: number;
  readonly calledAt: number;
}

const connectionLossError = -4;
const answerTimeoutMs = 5000;
const noPassword = new Uint8Array(16);

export class SimClient {
  readonly id: number;
  readonly history: Done[] = [];
  /** Operations still to be done. */
  readonly plan: ClientOp[] = [];
  session = 0n;
  isExpired = false;
  isStopped = false;
  /** Servers it may use. */
  servers: readonly number[];
  readonly #world: World;
  readonly #random: Random;
  #password: Uint8Array = noPassword;
  #connection: Connection | undefined;
  #isConnected = false;
  #isDialling = false;
  #frames = new FrameReader();
  #waiting: Waiting | undefined;
  #nextXid = 1;
  #lastZxid = 0;
  #timeout: SimEvent | undefined;
  #attempt = 0;
  readonly #timeoutMs: number;

  constructor(world: World, id: number, servers: readonly number[], timeoutMs: number) {
    this.#world = world;
    this.id = id;
    this.servers = servers;
    this.#random = world.random.stream(`client ${id}`);
    this.#timeoutMs = timeoutMs;
  }

  get isIdle(): boolean {
    return this.isStopped || (this.plan.length === 0 && this.#waiting === undefined);
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  submit(op: ClientOp): void {
    this.plan.push(op);
    this.#goOn();
  }

  /** Looks for a server. */
  start(): void {
    if (this.#isDialling || this.#connection !== undefined || this.isStopped) return;
    this.#isDialling = true;
    const attempt = ++this.#attempt;
    const isCurrent = (): boolean => attempt === this.#attempt;
    const end: End = {
      isAlive: true,
      opened: (connection) => isCurrent() && this.#opened(connection),
      received: (bytes, start, stop) => isCurrent() && this.#received(bytes, start, stop),
      drained: () => undefined,
      closed: () => this.#lost(attempt),
    };
    const target = this.#random.pick(this.servers);
    this.#world.network.dial(-this.id, target, 'client', end, () => this.#lost(attempt));
  }

  /** Leaves its server without a word and looks for one again. */
  reconnect(): void {
    if (this.#connection !== undefined) this.#lost(this.#attempt);
  }

  /** Comes back after a stop, at one of these servers, with the session it had. */
  comeBack(servers: readonly number[]): void {
    this.isStopped = false;
    this.servers = servers;
    this.#isConnected = this.#isDialling = false;
    this.start();
  }

  /** Knows the session of another client, as a thief would. */
  takeSession(other: SimClient): void {
    this.session = other.session;
    this.#password = other.#password;
  }

  stop(): void {
    this.isStopped = true;
    this.#timeout?.cancel();
    if (this.#connection) this.#world.network.resetConnection(this.#connection);
    this.#connection = undefined;
  }

  // The connection.

  #opened(connection: Connection): void {
    this.#isDialling = false;
    this.#connection = connection;
    this.#frames = new FrameReader();
    const w = new JuteWriter(64);
    const frame = w.beginFrame();
    records.connectRequest.write(w, {
      protocolVersion: 0,
      lastZxidSeen: BigInt(this.#lastZxid),
      timeOut: this.#timeoutMs,
      sessionId: this.session,
      passwd: this.#password,
    });
    w.bool(false);
    w.endFrame(frame);
    this.#send(w.toBytes());
    this.#expectAnswer();
  }

  #received(bytes: Uint8Array, start: number, end: number): void {
    this.#frames.push(bytes, start, end);
    for (let frame = this.#frames.next(); frame !== undefined; frame = this.#frames.next()) {
      if (this.#connection === undefined) return;
      if (this.#isConnected) this.#answered(frame);
      else this.#welcomed(frame);
    }
  }

  #lost(attempt: number): void {
    if (attempt !== this.#attempt) return;
    this.#attempt++;
    this.#timeout?.cancel();
    const connection = this.#connection;
    this.#connection = undefined;
    this.#isConnected = false;
    this.#isDialling = false;
    if (connection !== undefined) this.#world.network.resetConnection(connection);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) this.#remember(waiting, 'unknown', connectionLossError, 0);
    if (this.isStopped) return;
    this.#world.queue.after(20 + this.#random.below(200), () => this.start());
  }

  #send(bytes: Uint8Array): void {
    if (this.#connection !== undefined) this.#world.network.send(this.#connection.toAcceptor, bytes);
  }

  #expectAnswer(): void {
    this.#timeout?.cancel();
    const attempt = this.#attempt;
    this.#timeout = this.#world.queue.after(answerTimeoutMs, () => this.#lost(attempt));
  }

  #welcomed(frame: JuteReader): void {
    const { sessionId, passwd } = records.connectResponse.read(frame);
    this.#timeout?.cancel();
    if (sessionId === 0n) {
      this.isExpired = this.session !== 0n;
      this.session = 0n;
      this.#password = noPassword;
      this.#lost(this.#attempt);
      return;
    }
    this.session = sessionId;
    this.#password = passwd?.slice() ?? noPassword;
    this.#isConnected = true;
    this.#goOn();
    this.#pingLater();
  }

  #pingLater(): void {
    const attempt = this.#attempt;
    this.#world.queue.after(Math.floor(this.#timeoutMs / 3), () => {
      if (attempt !== this.#attempt || !this.#isConnected || this.isStopped) return;
      if (this.#waiting === undefined) this.#request(xids.ping, opcodes.ping, new Uint8Array(0));
      this.#pingLater();
    });
  }

  // Operations.

  #goOn(): void {
    if (!this.#isConnected || this.#waiting !== undefined) return;
    const op = this.plan.shift();
    if (op === undefined) return;
    const xid = this.#nextXid++;
    this.#waiting = { op, xid, calledAt: this.#world.queue.now };
    this.#request(xid, opcodeOf(op), bodyOf(op));
    this.#expectAnswer();
  }

  #request(xid: number, opcode: number, body: Uint8Array): void {
    const w = new JuteWriter(32 + body.length);
    const frame = w.beginFrame();
    w.int(xid);
    w.int(opcode);
    w.raw(body);
    w.endFrame(frame);
    this.#send(w.toBytes());
  }

  #answered(frame: JuteReader): void {
    const xid = frame.int();
    const zxid = frame.longNumber();
    const error = frame.int();
    if (xid < 0) return;
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#timeout?.cancel();
    this.#waiting = undefined;
    if (zxid > 0) {
      checkAnswer(this.#world.watch.ghost, this.id, { xid: waiting.xid, seen: this.#lastZxid }, { xid, zxid });
      this.#lastZxid = zxid;
    }
    if (error === 0 && waiting.op.kind === 'get') {
      const { data, stat } = ops.getData.response.read(frame);
      const value = data === null ? '' : String.fromCharCode(...data);
      this.#remember(waiting, 'ok', 0, zxid, { value, mzxid: Number(stat.mzxid) });
    } else if (error === 0 && waiting.op.kind === 'create') {
      this.#remember(waiting, 'ok', 0, zxid, { created: ops.create.response.read(frame).path ?? '' });
    } else if (error === 0 && waiting.op.kind === 'multi' && frame.int() < 0)
      this.#remember(waiting, 'refused', -1, zxid);
    else this.#remember(waiting, error === 0 ? 'ok' : 'refused', error, zxid);
    if (waiting.op.kind === 'close') return this.stop();
    this.#goOn();
  }

  #remember(
    { op, calledAt }: Waiting,
    outcome: Done['outcome'],
    error: number,
    zxid: number,
    facts: Pick<Done, 'value' | 'mzxid' | 'created'> = {},
  ): void {
    const answeredAt = this.#world.queue.now;
    this.#world.trace.number(zxid);
    const { id: client, session } = this;
    this.history.push({ client, session, op, calledAt, answeredAt, outcome, error, zxid, ...facts });
  }
}

function opcodeOf(op: ClientOp): number {
  switch (op.kind) {
    case 'create':
      return opcodes.create;
    case 'set':
      return opcodes.setData;
    case 'delete':
      return opcodes.delete;
    case 'get':
      return opcodes.getData;
    case 'sync':
      return opcodes.sync;
    case 'close':
      return opcodes.closeSession;
    case 'multi':
      return opcodes.multi;
    case 'reconfig':
      return opcodes.reconfig;
  }
}

function bodyOf(op: ClientOp): Uint8Array {
  const w = new JuteWriter(64);
  switch (op.kind) {
    case 'create': {
      const flags = (op.ephemeral === true ? 1 : 0) | (op.sequential === true ? 2 : 0);
      ops.create.request.write(w, { path: op.path, data: encodeText(op.value), acl: openAcl, flags });
      break;
    }
    case 'set':
      ops.setData.request.write(w, { path: op.path, data: encodeText(op.value), version: -1 });
      break;
    case 'delete':
      ops.delete.request.write(w, { path: op.path, version: -1 });
      break;
    case 'get':
      ops.getData.request.write(w, { path: op.path, watch: false });
      break;
    case 'sync':
      ops.sync.request.write(w, { path: op.path });
      break;
    case 'multi':
      for (const path of [op.path, op.path + twin]) {
        writeMultiHeader(w, opcodes.create, false);
        ops.create.request.write(w, { path, data: encodeText(op.value), acl: openAcl, flags: 0 });
      }
      writeMultiHeader(w, -1, true);
      break;
    case 'reconfig':
      ops.reconfig.request.write(w, {
        joiningServers: op.joining,
        leavingServers: op.leaving,
        newMembers: op.members,
        curConfigId: -1n,
      });
      break;
    case 'close':
  }
  return w.toBytes();
}

function writeMultiHeader(w: JuteWriter, opcode: number, isLast: boolean): void {
  w.int(opcode);
  w.bool(isLast);
  w.int(-1);
}
