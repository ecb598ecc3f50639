// The pipeline of one replica: admit -> prepare -> (broadcast, outside) -> apply -> reply. It owns the connections and
// the writes in flight; the tree, sessions and watches are each their own owner.

import {
  JuteWriter,
  ProtocolError,
  errorCodes,
  nextZxid,
  opcodes,
  parentPath,
  records,
  systemPaths,
} from '@corral/protocol';
import type { JuteReader, SessionId, Zxid } from '@corral/protocol';
import { appendRecord } from '../log/log-codec.ts';
import type { Txn } from '../log/txn.ts';
import { Permissions } from '../acl/permissions.ts';
import { makeSchemes } from '../acl/schemes.ts';
import type { Host, Input } from '../effects.ts';
import type { ReplicaOptions } from '../options.ts';
import type { RestoredState } from '../restored-state.ts';
import { firstSessionId, nextSessionId } from '../sessions/session-id.ts';
import { ReplicaStats } from '../stats.ts';
import { WatchTable } from '../watches/watch-table.ts';
import { Admission } from './admit.ts';
import type { Next } from './admit.ts';
import { WatchNotifier, applyAndReply } from './apply.ts';
import { Arena } from './arena.ts';
import { Connection } from './connection.ts';
import type { Write } from './connection.ts';
import type { Context } from './context.ts';
import { handshake } from './handshake.ts';
import type { Sessions } from './handshake.ts';
import { Outstanding } from './outstanding.ts';
import { prepareReap, prepareSingle } from './prepare.ts';
import { prepareMulti } from './prepare-multi.ts';
import { WriteQueue } from './write-queue.ts';

/** Takes a transaction to where it will be decided: its record goes into what is returned. */
export type Propose = (zxid: Zxid) => JuteWriter;

type Of<K extends Input['kind']> = Extract<Input, { kind: K }>;

export class Pipeline implements Next, Sessions {
  readonly ctx: Context;
  readonly #connections = new Map<number, Connection>();
  readonly #holders = new Map<SessionId, Connection>();
  readonly #inFlight = new WriteQueue();
  readonly #admission: Admission;
  readonly #notifier: WatchNotifier;
  readonly #propose: Propose;
  #dirty: Connection[] = [];
  #lastProposed: Zxid;
  #nextSession: SessionId;

  constructor(options: ReplicaOptions, host: Host, state: RestoredState, propose: Propose) {
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
      stats: new ReplicaStats(),
      arena: new Arena(),
      scratch: new JuteWriter(1024),
      now: 0,
      wall: options.startedAt,
      markDirty: (connection) => this.#markDirty(connection),
      hangUp: (connection) => this.#hangUp(connection),
    };
    this.#propose = propose;
    this.#admission = new Admission(this.ctx, this);
    this.#notifier = new WatchNotifier(this.ctx);
    tree.listener = this.#notifier;
    this.#lastProposed = tree.lastZxid;
    this.#nextSession = firstSessionId(options.serverId, options.startedAt);
  }

  get outstandingCount(): number {
    return this.#inFlight.length;
  }

  get isFull(): boolean {
    return this.#inFlight.length >= this.ctx.options.outstandingMax;
  }

  // Connections.

  opened(input: Of<'opened'>): void {
    const { connection: id, link, address, now, wall } = input;
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

  #forget(connection: Connection): void {
    connection.state = 'gone';
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
  }

  open(connection: Connection, timeoutMs: number): void {
    const id = this.#nextSession;
    this.#nextSession = nextSessionId(id);
    connection.session = this.ctx.sessions.add(id, timeoutMs);
    this.attach(connection, id);
    this.#begin();
    this.#submit(connection, 0, opcodes.createSession, id, { kind: 'createSession', timeoutMs });
  }

  /** Ends sessions whose time is up and connections that never said who they are. */
  expire(): void {
    const { ctx } = this;
    for (const session of ctx.sessions.expire()) {
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
    const prepared = this.#prepare(connection, opcode, body);
    if (prepared === undefined) return this.#admission.refuse(connection, xid, errorCodes.Unimplemented);
    const txn: Txn = typeof prepared === 'number' ? { kind: 'error', code: prepared } : prepared;
    this.#submit(connection, xid, opcode, session.id, txn);
  }

  /** A transaction, or the code that refuses it; undefined when clients must not ask for this at all. */
  #prepare(connection: Connection, opcode: number, body: JuteReader): Txn | number | undefined {
    if (opcode === opcodes.reconfig) {
      records.reconfigRequest.read(body);
      return this.ctx.options.reconfigEnabled ? errorCodes.Unimplemented : errorCodes.ReconfigDisabled;
    }
    if (opcode === opcodes.deleteContainer) {
      const path = body.text();
      if (path === null) throw new ProtocolError('no path');
      const isSystem = (Object.values(systemPaths) as string[]).includes(path);
      return isSystem ? errorCodes.BadArguments : undefined;
    }
    const by = { session: connection.session!.id, identities: connection.identities };
    return prepareSingle(this.ctx, by, opcode, body);
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
    appendRecord(this.#propose(zxid), header, txn);
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
    if (ctx.stalled.size > 0 && !this.isFull)
      for (const connection of [...ctx.stalled]) if (connection.stalled === 'outstanding') this.#unstall(connection);
  }

  #sessionEnded(id: SessionId): void {
    const holder = this.#holders.get(id);
    if (holder !== undefined) this.#hangUp(holder);
  }
}
