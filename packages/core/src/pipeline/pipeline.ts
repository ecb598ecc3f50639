// The pipeline of one replica: admit -> prepare -> (broadcast, outside) -> apply -> reply. It owns the connections and
// the writes in flight; the tree, sessions and watches are each their own owner.

import {
  JuteWriter,
  ProtocolError,
  encodeText,
  errorCodes,
  formatEnsembleConfig,
  nextZxid,
  opcodes,
  parentPath,
  perms,
  records,
  systemPaths,
} from '@corral/protocol';
import type { EnsembleConfig, JuteReader, SessionId, Zxid } from '@corral/protocol';
import type { Txn, TxnHeader } from '../log/txn.ts';
import { Permissions } from '../acl/permissions.ts';
import { makeSchemes } from '../acl/schemes.ts';
import type { Identity } from '../acl/schemes.ts';
import type { Host, Input } from '../effects.ts';
import type { ReplicaOptions } from '../options.ts';
import type { RestoredState } from '../restored-state.ts';
import { firstSessionId, nextSessionId } from '../sessions/session-id.ts';
import { ReplicaStats } from '../stats.ts';
import { WatchTable } from '../watches/watch-table.ts';
import { Admission } from './admit.ts';
import type { Next } from './admit.ts';
import { WatchNotifier, applyAndReply, greet } from './apply.ts';
import { Arena } from './arena.ts';
import { Connection } from './connection.ts';
import type { DeferredFrame, Write } from './connection.ts';
import type { Context } from './context.ts';
import { handshake } from './handshake.ts';
import type { Sessions } from './handshake.ts';
import { LearnerSide } from './learner-side.ts';
import type { Ordering } from './ordering.ts';
import { Outstanding } from './outstanding.ts';
import { isWrite, prepareReap, prepareSingle } from './prepare.ts';
import type { Requester } from './prepare.ts';
import { prepareMulti } from './prepare-multi.ts';
import { WriteQueue } from './write-queue.ts';

/** Owner of a session whose client is connected to this very server. */
const local = -1;

type Of<K extends Input['kind']> = Extract<Input, { kind: K }>;

const asTxn = (prepared: Txn | number): Txn =>
  typeof prepared === 'number' ? { kind: 'error', code: prepared } : prepared;
/** What is said of a transaction that no client of this server waits for. */
const unasked = { opcode: 0, partOpcodes: undefined, receivedAt: 0 };

export class Pipeline implements Next, Sessions {
  readonly ctx: Context;
  readonly #connections = new Map<number, Connection>();
  readonly #holders = new Map<SessionId, Connection>();
  readonly #inFlight = new WriteQueue();
  readonly #admission: Admission;
  readonly #notifier: WatchNotifier;
  readonly ordering: Ordering;
  /** What needs the leader, when that is another server. */
  readonly learner: LearnerSide;
  /** Through which server the client of a session is connected, as far as the leader knows. */
  readonly #owners = new Map<SessionId, number>();
  #dirty: Connection[] = [];
  /** What the proposal under way will bring into force. */
  #reconfiguration: EnsembleConfig | undefined;
  #lastProposed: Zxid;
  #nextSession: SessionId;

  /** `before`: the pipeline of the role before. Counters go on, and no session id is ever given out twice. */
  constructor(
    options: ReplicaOptions,
    host: Host,
    state: Pick<RestoredState, 'tree' | 'sessions'>,
    ordering: Ordering,
    before?: Pipeline,
  ) {
    const { tree, sessions } = state;
    const schemes = makeSchemes({
      digestEnabled: options.digestSchemeEnabled,
      digest: options.digest,
      superDigest: options.superDigest,
    });
    this.ctx = {
      options,
      host,
      tree,
      sessions,
      schemes,
      outstanding: new Outstanding(tree),
      watches: new WatchTable(),
      permissions: new Permissions(schemes, options.skipAcl),
      connections: this.#connections,
      stalled: new Set(),
      stats: before?.ctx.stats ?? new ReplicaStats(),
      isReadOnly: ordering.kind === 'readOnly',
      heard:
        ordering.kind === 'learning' ? (session) => this.learner.touch(session) : (session) => sessions.touch(session),
      arena: new Arena(),
      scratch: new JuteWriter(1024),
      now: 0,
      wall: options.startedAt,
      markDirty: (connection) => this.#markDirty(connection),
      hangUp: (connection) => this.#hangUp(connection),
    };
    this.ordering = ordering;
    const admission = new Admission(this.ctx, this);
    this.#admission = admission;
    this.learner = new LearnerSide(() => this.ctx, ordering, {
      holder: (id) => this.#holders.get(id),
      attach: (connection, id) => this.attach(connection, id),
      refuse: (connection, xid, code) => admission.refuse(connection, xid, code),
      release: (connection) => admission.release(connection),
      unstall: (connection) => this.#unstall(connection),
    });
    this.#notifier = new WatchNotifier(this.ctx);
    tree.listener = this.#notifier;
    this.#lastProposed = ordering.kind === 'leading' ? ordering.lastZxid : tree.lastZxid;
    if (ordering.kind !== 'closed') sessions.restart();
    this.#nextSession =
      before === undefined ? firstSessionId(options.serverId, options.startedAt) : before.#nextSession;
  }

  get outstandingCount(): number {
    return this.#inFlight.length + this.learner.writes;
  }

  get isFull(): boolean {
    return this.outstandingCount >= this.ctx.options.outstandingMax;
  }

  // Connections.

  opened(input: Of<'opened'>): void {
    const { connection: id, link, address, now, wall } = input;
    if (this.ordering.kind === 'closed') return link.close();
    this.#connections.set(id, new Connection(id, link, address, now, wall));
  }

  received(input: Of<'received'>): void {
    const connection = this.#connections.get(input.connection);
    if (connection === undefined) return;
    this.ctx.stats.bytesReceived += input.end - input.start;
    this.#admission.receive(connection, input.bytes, input.start, input.end);
  }

  drained(input: Of<'drained'>): void {
    const connection = this.#connections.get(input.connection);
    if (connection?.stalled === 'output') this.#unstall(connection);
  }

  closed(input: Of<'closed'>): void {
    const connection = this.#connections.get(input.connection);
    if (connection === undefined) return;
    this.#forget(connection);
    this.#connections.delete(input.connection);
  }

  /** Sends what the step has written. */
  flush(durable: number): void {
    const dirty = this.#dirty;
    if (dirty.length === 0) return;
    this.#dirty = [];
    for (const connection of dirty) {
      connection.dirty = false;
      if (connection.state === 'gone') continue;
      this.ctx.stats.bytesSent += connection.link.out.length;
      connection.link.flush(durable);
    }
  }

  #markDirty(connection: Connection): void {
    if (connection.dirty) return;
    connection.dirty = true;
    this.#dirty.push(connection);
  }

  #hangUp(connection: Connection): void {
    if (connection.state === 'gone') return;
    this.#forget(connection);
    connection.link.close();
  }

  /** Ends every connection: the role of this server is over. */
  closeAll(): void {
    for (const connection of this.#connections.values()) this.#hangUp(connection);
  }

  #forget(connection: Connection): void {
    connection.state = 'gone';
    this.learner.gone(connection);
    connection.waiting = [];
    connection.stash = undefined;
    connection.stashLength = 0;
    this.ctx.stalled.delete(connection);
    this.ctx.watches.removeConnection(connection.id);
    const { session } = connection;
    if (session !== undefined && this.#holders.get(session.id) === connection) this.#holders.delete(session.id);
  }

  #unstall(connection: Connection): void {
    if (!this.ctx.stalled.delete(connection)) return;
    connection.stalled = 'no';
    connection.link.resume();
    this.#admission.resume(connection);
  }

  // Sessions.

  greeting(connection: Connection, body: JuteReader): void {
    handshake(this.ctx, this, connection, body);
  }

  holder(session: SessionId): Connection | undefined {
    return this.#holders.get(session);
  }

  attach(connection: Connection, session: SessionId): void {
    this.#holders.set(session, connection);
    if (this.ordering.kind === 'leading') this.#owners.set(session, local);
  }

  open(connection: Connection, timeoutMs: number): void {
    const id = this.#nextSession;
    this.#nextSession = nextSessionId(id);
    connection.session = this.ctx.sessions.add(id, timeoutMs);
    this.attach(connection, id);
    if (this.ordering.kind === 'learning') return this.learner.open(connection, timeoutMs);
    this.#begin();
    this.#submit(connection, 0, opcodes.createSession, id, { kind: 'createSession', timeoutMs });
  }

  openReadOnly(connection: Connection, timeoutMs: number): void {
    const id = this.#nextSession;
    this.#nextSession = nextSessionId(id);
    connection.session = { id, timeoutMs, persisted: true, closing: false, deadline: 0, bucket: 0 };
    this.attach(connection, id);
    greet(this.ctx, connection, true);
  }

  /** Ends sessions whose time is up and connections that never said who they are. */
  expire(): void {
    const { ctx } = this;
    for (const session of this.ordering.kind === 'leading' ? ctx.sessions.expire() : []) {
      ctx.stats.staleSessionsExpired++;
      ctx.host.note({ kind: 'sessionExpired', session: session.id });
      this.#closeSession(undefined, 0, session.id);
    }
    for (const connection of this.#connections.values()) {
      if (connection.state !== 'greeting') continue;
      if (ctx.now - connection.openedAt < ctx.options.sessionlessTimeoutMs) continue;
      ctx.stats.sessionlessExpired++;
      this.#hangUp(connection);
    }
  }

  #closeSession(connection: Connection | undefined, xid: number, id: SessionId): void {
    this.#begin();
    const { outstanding } = this.ctx;
    const ephemerals = outstanding.ephemeralsOf(id);
    for (const path of ephemerals) {
      const parent = outstanding.get(parentPath(path))!;
      outstanding.setChildren(parentPath(path), parent, parent.children - 1, parent.cversion);
      outstanding.remove(path, outstanding.get(path)!);
    }
    const paths = this.ctx.options.closeSessionPaths ? ephemerals : null;
    this.#submit(connection, xid, opcodes.closeSession, id, { kind: 'closeSession', paths });
  }

  // Writes.

  write(connection: Connection, xid: number, opcode: number, body: JuteReader): void {
    const session = connection.session!;
    const { ordering } = this;
    if (ordering.kind === 'readOnly') return this.#admission.refuse(connection, xid, errorCodes.NotReadOnly);
    if (ordering.kind === 'learning') return this.learner.write(connection, xid, opcode, body);
    if (session.closing) return this.#admission.refuse(connection, xid, errorCodes.SessionExpired);
    if (opcode === opcodes.closeSession) {
      session.closing = true;
      connection.state = 'ending';
      return this.#closeSession(connection, xid, session.id);
    }
    if (opcode === opcodes.createSession) {
      body.int();
      return this.#admission.refuse(connection, xid, errorCodes.Unimplemented);
    }
    this.#begin();
    const by = { session: session.id, identities: connection.identities };
    if (opcode === opcodes.multi) {
      const { txn, opcodes: parts } = prepareMulti(this.ctx, by, body);
      return this.#submit(connection, xid, opcode, session.id, txn, parts);
    }
    const prepared = this.#prepare(by, opcode, body);
    if (prepared === undefined) return this.#admission.refuse(connection, xid, errorCodes.Unimplemented);
    this.#submit(connection, xid, opcode, session.id, asTxn(prepared));
  }

  /** A transaction, or the code that refuses it; undefined when clients must not ask for this at all. */
  #prepare(by: Requester, opcode: number, body: JuteReader): Txn | number | undefined {
    if (opcode === opcodes.reconfig) return this.#prepareReconfiguration(by, body);
    if (opcode === opcodes.deleteContainer) {
      const path = body.text();
      if (path === null) throw new ProtocolError('no path');
      const isSystem = (Object.values(systemPaths) as string[]).includes(path);
      return isSystem ? errorCodes.BadArguments : undefined;
    }
    return prepareSingle(this.ctx, by, opcode, body);
  }

  #prepareReconfiguration(by: Requester, body: JuteReader): Txn | number {
    const { ctx, ordering } = this;
    const { joiningServers, leavingServers, newMembers, curConfigId } = records.reconfigRequest.read(body);
    if (!ctx.options.reconfigEnabled) return errorCodes.ReconfigDisabled;
    if (ordering.kind !== 'leading' || ordering.plan === undefined) return errorCodes.Unimplemented;
    const node = ctx.outstanding.get(systemPaths.config);
    if (node === undefined) return errorCodes.NoNode;
    const zxid = nextZxid(this.#lastProposed);
    const request = { joining: joiningServers, leaving: leavingServers, newMembers, version: curConfigId };
    const config = ordering.plan(request, zxid);
    if (typeof config === 'number') return config;
    if (!ctx.permissions.allows(node.acl, perms.write, by.identities)) return errorCodes.NoAuth;
    this.#reconfiguration = config;
    const data = encodeText(formatEnsembleConfig(config));
    return { kind: 'setData', code: 16, path: systemPaths.config, data, version: -1 };
  }

  /** Deletes a container or TTL node that is due. */
  reap(path: string): void {
    this.#begin();
    const prepared = prepareReap(this.ctx, path);
    if (typeof prepared !== 'number') this.#submit(undefined, 0, opcodes.deleteContainer, 0n as SessionId, prepared);
  }

  #begin(): void {
    this.ctx.outstanding.begin(nextZxid(this.#lastProposed));
  }

  #submit(
    connection: Connection | undefined,
    xid: number,
    opcode: number,
    clientId: SessionId,
    txn: Txn,
    partOpcodes?: readonly number[],
  ): void {
    const zxid = nextZxid(this.#lastProposed);
    this.#lastProposed = zxid;
    const { wall, now, outstanding } = this.ctx;
    const header = { clientId, cxid: xid, zxid, time: wall };
    const touched = outstanding.touched();
    const write: Write = { kind: 'write', connection, xid, opcode, header, txn, touched, partOpcodes, receivedAt: now };
    this.#inFlight.push(write);
    connection?.waiting.push(write);
    const { ordering } = this;
    if (ordering.kind !== 'leading') throw new Error('a proposal from a server that does not lead');
    ordering.propose(header, txn);
    if (this.#reconfiguration === undefined) return;
    ordering.reconfigure?.(zxid, this.#reconfiguration);
    this.#reconfiguration = undefined;
  }

  // At the leader, for clients of other servers.

  /** A write that a learner has forwarded. What comes of it is a transaction in any case. */
  request(
    learner: number,
    id: SessionId,
    cxid: number,
    opcode: number,
    body: JuteReader,
    identities: readonly Identity[] | null,
  ): void {
    if (!isWrite(opcode)) return;
    this.#begin();
    const refuse = (code: number): void => this.#submit(undefined, cxid, opcode, id, { kind: 'error', code });
    try {
      if (opcode === opcodes.createSession) return this.#openFor(learner, id, cxid, body.int());
      const session = this.ctx.sessions.get(id);
      if (session === undefined || session.closing) return refuse(errorCodes.SessionExpired);
      if ((this.#owners.get(id) ?? learner) !== learner) return refuse(errorCodes.SessionMoved);
      this.#owners.set(id, learner);
      this.ctx.sessions.touch(session);
      if (opcode === opcodes.closeSession) {
        session.closing = true;
        return this.#closeSession(undefined, cxid, id);
      }
      const by = { session: id, identities: identities ?? [] };
      if (opcode === opcodes.multi) {
        const { txn, opcodes: parts } = prepareMulti(this.ctx, by, body);
        return this.#submit(undefined, cxid, opcode, id, txn, parts);
      }
      this.#submit(undefined, cxid, opcode, id, asTxn(this.#prepare(by, opcode, body) ?? errorCodes.Unimplemented));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refuse(errorCodes.MarshallingError);
    }
  }

  #openFor(learner: number, id: SessionId, cxid: number, timeoutMs: number): void {
    this.ctx.sessions.add(id, timeoutMs);
    this.#owners.set(id, learner);
    this.#submit(undefined, cxid, opcodes.createSession, id, { kind: 'createSession', timeoutMs });
  }

  /** The client of a session has moved to a learner. Whether the session is alive. */
  revalidateFor(learner: number, id: SessionId, timeoutMs: number): boolean {
    const session = this.ctx.sessions.get(id);
    if (session === undefined || session.closing) return false;
    this.ctx.sessions.add(id, timeoutMs);
    this.#owners.set(id, learner);
    const holder = this.#holders.get(id);
    if (holder !== undefined) this.#hangUp(holder);
    return true;
  }

  /** A learner has heard from the client of a session. */
  touched(id: SessionId): void {
    const session = this.ctx.sessions.get(id);
    if (session !== undefined) this.ctx.sessions.touch(session);
  }

  // At a learner.

  /** A decided transaction, next in order. When it is what a client of this server waits for, that client is answered. */
  deliver(header: TxnHeader, txn: Txn): void {
    const { ctx } = this;
    const asked = this.learner.askedBy(header);
    const connection = asked?.connection;
    this.#notifier.zxid = header.zxid;
    ctx.stats.commits++;
    if (connection !== undefined && txn.kind === 'error' && txn.code === errorCodes.SessionMoved) {
      ctx.tree.lastZxid = header.zxid;
      return this.#hangUp(connection);
    }
    const { opcode, partOpcodes, receivedAt } = asked?.write ?? unasked;
    applyAndReply(ctx, {
      kind: 'write',
      connection,
      xid: header.cxid,
      opcode,
      header,
      txn,
      touched: [],
      partOpcodes,
      receivedAt,
    });
    if (txn.kind === 'createSession') this.learner.touch(ctx.sessions.get(header.clientId)!);
    if (txn.kind === 'closeSession') this.#sessionEnded(header.clientId);
    if (connection !== undefined) this.learner.answered(connection);
    this.#unstallWaiting();
  }

  revalidate(connection: Connection, id: SessionId, timeoutMs: number): boolean {
    return this.learner.revalidate(connection, id, timeoutMs);
  }

  sync(connection: Connection, xid: number, body: JuteReader, frame: () => DeferredFrame): boolean {
    return this.learner.sync(connection, xid, body, frame);
  }

  /** Everything up to zxid is decided: it is applied, answered, and what waited behind it follows. */
  decided(zxid: Zxid): void {
    const { ctx } = this;
    for (
      let write = this.#inFlight.head;
      write !== undefined && write.header.zxid <= zxid;
      write = this.#inFlight.head
    ) {
      this.#inFlight.shift();
      this.#notifier.zxid = write.header.zxid;
      applyAndReply(ctx, write);
      ctx.outstanding.applied(write.header.zxid, write.touched);
      ctx.stats.commits++;
      if (write.txn.kind === 'closeSession') this.#sessionEnded(write.header.clientId);
      const { connection } = write;
      if (connection === undefined || connection.state === 'gone') continue;
      connection.waiting.shift();
      if (connection.waiting.length > 0) this.#admission.release(connection);
    }
    this.#unstallWaiting();
  }

  #unstallWaiting(): void {
    const { stalled } = this.ctx;
    if (stalled.size === 0 || this.isFull) return;
    for (const connection of [...stalled]) if (connection.stalled === 'outstanding') this.#unstall(connection);
  }

  #sessionEnded(id: SessionId): void {
    this.#owners.delete(id);
    const holder = this.#holders.get(id);
    if (holder !== undefined) this.#hangUp(holder);
  }
}
