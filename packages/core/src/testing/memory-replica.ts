// A replica without a machine: links that collect frames, a log that answers when it is told to, a clock that moves when
// it is told to. Memory handed to the replica is poisoned after every step, so that whatever was kept without a copy
// shows.

import { JuteReader, JuteWriter, eventTypes, opcodes, ops, records, xids } from '@corral/protocol';
import type { Acl, OpName, OpRequest, OpResponse, OpRow, SessionId, Zxid } from '@corral/protocol';
import type { DiskOp, Host, Input, Link, Moment, Note, SnapshotSource } from '../effects.ts';
import type { ReplicaOptions } from '../options.ts';
import { Replica } from '../replica.ts';
import { RestoredState } from '../restored-state.ts';

export type WithoutMoment<T> = T extends Moment ? Omit<T, keyof Moment> : never;

export const open: readonly Acl[] = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];
export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
export const textOf = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : new TextDecoder().decode(bytes);

/** Not a hash at all, but the core does not care. */
const reversed = (bytes: Uint8Array): Uint8Array => bytes.slice().reverse();

export const plainOptions: ReplicaOptions = {
  serverId: 1,
  tickMs: 1000,
  minSessionTimeoutMs: 2000,
  maxSessionTimeoutMs: 20_000,
  frameBytesMax: 1_048_575,
  fieldBytesMax: 2_097_150,
  extendedTypes: false,
  emulate353: false,
  enforceQuota: false,
  skipAcl: false,
  reconfigEnabled: false,
  digestSchemeEnabled: true,
  digest: reversed,
  superDigest: undefined,
  requiredSchemes: [],
  outstandingMax: 1000,
  outputBytesMax: 1 << 20,
  sessionlessTimeoutMs: 10_000,
  containerCheckMs: 60_000,
  containersPerMinuteMax: 10_000,
  containerNeverUsedMs: 0,
  snapCount: 1_000_000,
  snapBytes: 0,
  logBytesMax: 0,
  serializeLastZxid: true,
  digestEnabled: true,
  closeSessionPaths: true,
  seed: 7,
  startedAt: 1_700_000_000_000,
};

interface Append {
  readonly op: DiskOp;
  readonly firstZxid: Zxid;
  readonly bytes: Uint8Array;
}

export class MemoryReplica implements Host {
  readonly replica: Replica;
  readonly state: RestoredState;
  readonly halts: string[] = [];
  readonly notes: Note[] = [];
  /** Everything that was appended to the log. */
  readonly log: Append[] = [];
  readonly snapshots: SnapshotSource[] = [];
  rolls = 0;
  now = 1000;
  wall = plainOptions.startedAt;
  /** While true the disk does not answer. */
  isLogHeld = false;
  /** Last disk operation reported done. */
  durable: DiskOp = 0;
  readonly #clients: TestClient[] = [];
  readonly #appends: Append[] = [];
  #turnRequested = false;

  constructor(options: Partial<ReplicaOptions> = {}, state?: RestoredState, replayed = 0) {
    const all = { ...plainOptions, ...options };
    this.state = state ?? RestoredState.fresh(all);
    this.replica = new Replica(all, this, this.state, replayed);
  }

  get tree(): RestoredState['tree'] {
    return this.state.tree;
  }

  // Host.

  append(op: DiskOp, firstZxid: Zxid, bytes: Uint8Array): void {
    const append = { op, firstZxid, bytes: bytes.slice() };
    this.log.push(append);
    this.#appends.push(append);
  }
  rollLog(): void {
    this.rolls++;
  }
  writeSnapshot(source: SnapshotSource): void {
    this.snapshots.push(source);
  }
  requestTurn(): void {
    this.#turnRequested = true;
  }
  halt(reason: string): void {
    this.halts.push(reason);
  }
  note(event: Note): void {
    if (event.kind === 'ensemble' && event.level === 'error') throw new Error(event.message);
    this.notes.push(event);
  }

  // The world.

  step(input: WithoutMoment<Input>): void {
    this.replica.step({ ...input, now: this.now, wall: this.wall });
  }

  /** A client whose connection is open; it has not said anything yet. */
  open(address = '10.0.0.1'): TestClient {
    const client = new TestClient(this, this.#clients.length, address);
    this.#clients.push(client);
    this.step({ kind: 'opened', connection: client.id, link: client.link, address });
    return client;
  }

  /** A client with a session. */
  connect(options: Greeting = {}): TestClient {
    const client = this.open();
    client.greet(options);
    client.greeting();
    return client;
  }

  get disksWaiting(): number {
    return this.#appends.length;
  }

  /** Lets one thing happen that is due; false when nothing is. */
  advance(): boolean {
    for (const client of this.#clients) if (client.deliver()) return true;
    if (this.#turnRequested) {
      this.#turnRequested = false;
      this.step({ kind: 'turn' });
      return true;
    }
    const done = this.isLogHeld ? undefined : this.#appends.shift();
    if (done === undefined) return false;
    this.durable = done.op;
    this.step({ kind: 'appended', op: done.op });
    return true;
  }

  /** Lets everything happen that is due. */
  settle(): void {
    while (this.advance());
  }

  releaseLog(): void {
    this.isLogHeld = false;
    this.settle();
  }

  failLog(): void {
    const failed = this.#appends.shift();
    if (failed === undefined) throw new Error('the disk has nothing to do');
    this.step({ kind: 'diskFailed', op: failed.op, reason: 'no space left on device' });
  }

  /** Time passes, with a tick every tickTime as a host gives it. */
  pass(ms: number): void {
    const step = this.replica.pipeline.ctx.options.tickMs / 2;
    for (let left = ms; left > 0; left -= step) {
      this.now += Math.min(step, left);
      this.wall += Math.min(step, left);
      this.step({ kind: 'tick' });
      this.settle();
    }
  }
}

/** What a client and its connection need of the world around the replica. */
export interface World {
  readonly durable: DiskOp;
  step(input: WithoutMoment<Input>): void;
  settle(): void;
}

export class MemoryLink implements Link {
  readonly out = new JuteWriter(64);
  readonly #world: World;
  /** What the client can read. */
  readonly arrived = new JuteWriter(256);
  readonly #unsent = new JuteWriter(256);
  isPaused = false;
  isClosed = false;
  /** While true nothing gets through to the client. */
  isStuck = false;
  pauses = 0;

  constructor(world: World) {
    this.#world = world;
  }

  get backlog(): number {
    return this.#unsent.length;
  }

  flush(durable: DiskOp): void {
    if (durable > this.#world.durable) throw new Error('sent before the disk was done');
    this.#send();
  }

  close(): void {
    this.#send();
    this.isClosed = true;
  }

  cut(): void {
    this.out.clear();
    this.#unsent.clear();
    this.isClosed = true;
  }

  pause(): void {
    this.isPaused = true;
    this.pauses++;
  }

  resume(): void {
    this.isPaused = false;
  }

  /** The network takes what has piled up. */
  unstick(): void {
    this.isStuck = false;
    this.arrived.raw(this.#unsent.view());
    this.#unsent.clear();
  }

  #send(): void {
    if (this.isClosed) throw new Error('sent behind the end of a connection');
    (this.isStuck ? this.#unsent : this.arrived).raw(this.out.view());
    this.out.clear();
  }
}

export interface Greeting {
  readonly timeoutMs?: number;
  readonly sessionId?: bigint;
  readonly password?: Uint8Array | null;
  readonly lastZxidSeen?: bigint;
  readonly readOnly?: boolean | undefined;
}

export interface Welcome {
  readonly timeoutMs: number;
  readonly sessionId: SessionId;
  readonly password: Uint8Array;
  readonly extraBytes: number;
}

export interface Event {
  readonly kind: 'event';
  readonly type: number;
  readonly path: string | null;
  readonly zxid: number;
}
export interface Reply {
  readonly kind: 'reply';
  readonly xid: number;
  readonly zxid: number;
  readonly err: number;
  readonly body: Uint8Array;
}

const eventNames = new Map<number, string>([
  [eventTypes.nodeCreated, 'created'],
  [eventTypes.nodeDeleted, 'deleted'],
  [eventTypes.nodeDataChanged, 'changed'],
  [eventTypes.nodeChildrenChanged, 'children'],
]);

const rowOf = <N extends OpName>(op: N): OpRow<OpRequest<N>, OpResponse<N>> =>
  ops[op] as unknown as OpRow<OpRequest<N>, OpResponse<N>>;

export function encodeRequest<N extends OpName>(op: N, request: OpRequest<N>): Uint8Array {
  const w = new JuteWriter();
  rowOf(op).request.write(w, request);
  return w.toBytes();
}

/** A request frame, length included. */
export function frameOf(xid: number, opcode: number, body: Uint8Array): Uint8Array {
  const w = new JuteWriter();
  const frame = w.beginFrame();
  w.int(xid);
  w.int(opcode);
  w.raw(body);
  w.endFrame(frame);
  return w.toBytes();
}

export function greetingFrame(greeting: Greeting): Uint8Array {
  const w = new JuteWriter();
  const frame = w.beginFrame();
  records.connectRequest.write(w, {
    protocolVersion: 0,
    lastZxidSeen: greeting.lastZxidSeen ?? 0n,
    timeOut: greeting.timeoutMs ?? 10_000,
    sessionId: greeting.sessionId ?? 0n,
    passwd: greeting.password === undefined ? new Uint8Array(16) : greeting.password,
  });
  const readOnly = 'readOnly' in greeting ? greeting.readOnly : false;
  if (readOnly !== undefined) w.bool(readOnly);
  w.endFrame(frame);
  return w.toBytes();
}

export class TestClient {
  readonly id: number;
  readonly address: string;
  readonly link: MemoryLink;
  readonly #world: World;
  readonly #inbound: Uint8Array[] = [];
  #read = 0;
  #nextXid = 1;
  #isClosed = false;
  welcome: Welcome | undefined;

  constructor(world: World, id: number, address: string) {
    this.#world = world;
    this.id = id;
    this.address = address;
    this.link = new MemoryLink(world);
  }

  get isClosed(): boolean {
    return this.link.isClosed;
  }

  get session(): SessionId {
    return this.welcome!.sessionId;
  }

  /** Puts bytes on the wire; they arrive as soon as the server reads. */
  send(bytes: Uint8Array): void {
    this.#inbound.push(bytes);
  }

  /** Hands the next bytes to the replica, unless it does not read. */
  deliver(): boolean {
    if (this.link.isClosed) return this.drop();
    if (this.link.isPaused) return false;
    const next = this.#inbound.shift();
    if (next === undefined) return false;
    const borrowed = new Uint8Array(next.length + 6).fill(0xdd);
    borrowed.set(next, 3);
    this.#world.step({ kind: 'received', connection: this.id, bytes: borrowed, start: 3, end: 3 + next.length });
    borrowed.fill(0xdd);
    return true;
  }

  /** The connection breaks; true when it was still there. */
  drop(): boolean {
    if (this.#isClosed) return false;
    this.#isClosed = true;
    this.#world.step({ kind: 'closed', connection: this.id });
    return true;
  }

  greet(greeting: Greeting): void {
    this.send(greetingFrame(greeting));
  }

  /** The answer to `greet`; undefined when the connection was closed without one. */
  greeting(): Welcome | undefined {
    this.#world.settle();
    const frame = this.#nextFrame();
    if (frame === undefined) return undefined;
    const { timeOut, sessionId, passwd } = records.connectResponse.read(frame);
    const extraBytes = frame.remaining;
    this.welcome = {
      timeoutMs: timeOut,
      sessionId: sessionId as SessionId,
      password: passwd!.slice(),
      extraBytes,
    };
    return this.welcome;
  }

  /** Sends a request and does not wait; returns its xid. */
  submit<N extends OpName>(op: N, request: OpRequest<N>, xid = this.#nextXid++): number {
    return this.submitRaw(opcodes[op], encodeRequest(op, request), xid);
  }

  submitRaw(opcode: number, body: Uint8Array, xid = this.#nextXid++): number {
    this.send(frameOf(xid, opcode, body));
    return xid;
  }

  /** Sends a request and returns its answer; what else came before it stays in `events`. */
  call<N extends OpName>(op: N, request: OpRequest<N>, xid?: number): Reply & { readonly result: OpResponse<N> } {
    const reply = this.callRaw(opcodes[op], encodeRequest(op, request), xid);
    return Object.assign(reply, { result: this.decode(op, reply) });
  }

  callRaw(opcode: number, body: Uint8Array, xid?: number): Reply {
    this.submitRaw(opcode, body, xid);
    this.#world.settle();
    const replies = this.take().filter((message) => message.kind === 'reply');
    if (replies.length !== 1) throw new Error(`${replies.length} replies to one request`);
    return replies[0];
  }

  /** Body of a reply; fields are undefined when it is an error. */
  decode<N extends OpName>(op: N, reply: Reply): OpResponse<N> {
    if (reply.err !== 0) return {} as OpResponse<N>;
    const body = new JuteReader(reply.body);
    const result = rowOf(op).response.read(body);
    if (body.remaining !== 0) throw new Error(`${body.remaining} bytes too many in a reply`);
    return result;
  }

  readonly #events: Event[] = [];

  /** Everything that arrived and was not taken yet, in order. Events are also remembered for `events`. */
  take(): (Reply | Event)[] {
    this.#world.settle();
    const messages: (Reply | Event)[] = [];
    for (let frame = this.#nextFrame(); frame !== undefined; frame = this.#nextFrame()) messages.push(messageOf(frame));
    for (const message of messages) if (message.kind === 'event') this.#events.push(message);
    return messages;
  }

  /** Replies that arrived and were not taken yet. */
  replies(): Reply[] {
    return this.take().filter((message) => message.kind === 'reply');
  }

  /** Events since the last call, as `changed /a`. */
  events(): string[] {
    this.take();
    return this.#events.splice(0).map(({ type, path }) => `${eventNames.get(type) ?? type} ${path}`);
  }

  #nextFrame(): JuteReader | undefined {
    const { bytes, length } = this.link.arrived;
    if (length - this.#read < 4) return undefined;
    const size = new JuteReader(bytes, this.#read, length).int();
    const start = this.#read + 4;
    if (start + size > length) throw new Error('half a frame was sent');
    this.#read = start + size;
    return new JuteReader(bytes.slice(start, start + size));
  }

  // Shorthands.

  create(path: string, options: { data?: string | null; acl?: readonly Acl[] | null; flags?: number } = {}): Reply {
    const { data = '', acl = open, flags = 0 } = options;
    return this.call('create', { path, data: data === null ? null : bytesOf(data), acl, flags });
  }
  setData(path: string, data: string, version = -1): Reply {
    return this.call('setData', { path, data: bytesOf(data), version });
  }
  delete(path: string, version = -1): Reply {
    return this.call('delete', { path, version });
  }
  exists(path: string, watch = false): Reply & { result: OpResponse<'exists'> } {
    return this.call('exists', { path, watch });
  }
  getData(path: string, watch = false): Reply & { result: OpResponse<'getData'> } {
    return this.call('getData', { path, watch });
  }
  children(path: string, watch = false): string[] {
    return [...(this.call('getChildren', { path, watch }).result.children ?? [])].map(String).sort();
  }
  authenticate(scheme: string | null, credential: string | null): Reply {
    const auth = credential === null ? null : bytesOf(credential);
    return this.call('auth', { type: 0, scheme, auth }, xids.auth);
  }
}

function messageOf(frame: JuteReader): Reply | Event {
  const xid = frame.int();
  const zxid = frame.longNumber();
  const err = frame.int();
  if (xid !== xids.watchEvent) return { kind: 'reply', xid, zxid, err, body: frame.bytes.slice(frame.at, frame.end) };
  const { type, path } = records.watcherEvent.read(frame);
  return { kind: 'event', type, path, zxid };
}
