// The pipeline of one replica in one role: admit -> prepare -> (ordering, outside) -> apply -> reply. It owns the
// connections; writes in flight belong to proposals.ts where they are ordered here, and to learner-side.ts where a leader
// does that. The tree, sessions and watches are each their own owner.

import { JuteWriter, errorCodes, opcodes } from '@corral/protocol';
import type { JuteReader, SessionId, Zxid } from '@corral/protocol';
import type { Txn, TxnHeader } from '../log/txn.ts';
import { Permissions } from '../acl/permissions.ts';
import { makeSchemes } from '../acl/schemes.ts';
import type { Identity } from '../acl/schemes.ts';
import type { Host, Input } from '../effects.ts';
import type { ReplicaOptions } from '../options.ts';
import type { RestoredState } from '../restored-state.ts';
import { SessionIds } from '../sessions/session-id.ts';
import { SessionTable } from '../sessions/session-table.ts';
import type { Session } from '../sessions/session-table.ts';
import { ReplicaStats } from '../stats.ts';
import { WatchTable } from '../watches/watch-table.ts';
import { Admission } from './admit.ts';
import type { Next } from './admit.ts';
import { WatchNotifier } from './apply.ts';
import { Arena } from './arena.ts';
import { Connection } from './connection.ts';
import type { DeferredFrame } from './connection.ts';
import type { Context } from './context.ts';
import { handshake } from './handshake.ts';
import type { Sessions } from './handshake.ts';
import { Holders } from './holders.ts';
import { LearnerSide } from './learner-side.ts';
import { LocalSessions, asksForEphemeral } from './local-sessions.ts';
import type { Ordering } from './ordering.ts';
import { Outstanding } from './outstanding.ts';
import { Proposals } from './proposals.ts';
import { ClientMemory } from './memory.ts';
import { Work } from './work.ts';

/** Whether a connection can go on in another role: nothing is in flight, and every server knows its session. */
function isAtRest({ state, session, waiting, isRevalidating }: Connection): boolean {
  if (state === 'greeting') return true;
  if (state !== 'open' || waiting.length > 0 || isRevalidating) return false;
  return session?.scope === 'global' && session.persisted;
}

const sweptPerTurn = 5000; // watches of connections that are gone

type Of<K extends Input['kind']> = Extract<Input, { kind: K }>;

export class Pipeline implements Next, Sessions {
  readonly ctx: Context;
  readonly ordering: Ordering;
  readonly #connections = new Map<number, Connection>();
  readonly #holders: Holders;
  readonly #admission: Admission;
  readonly #notifier: WatchNotifier;
  readonly #locals: LocalSessions;
  /** There when this server orders writes. */
  readonly #proposals: Proposals | undefined;
  /** What needs the leader, when that is another server. */
  readonly learner: LearnerSide;
  isHeld = false;
  #dirty: Connection[] = [];
  /** Stopped for their output, all of which the network has taken. */
  #taken: Connection[] = [];

  /**
   * `before`: the pipeline of the role before. Counters go on, and no session id is given out twice; local sessions end
   * with the role. `kept`: connections of that pipeline that go on here, with their watches; `owners`: see Holders.
   */
  constructor(
    options: ReplicaOptions,
    host: Host,
    state: Pick<RestoredState, 'tree' | 'sessions'>,
    ordering: Ordering,
    before?: Pipeline,
    kept: readonly Connection[] = [],
    owners?: ReadonlyMap<SessionId, number>,
  ) {
    const { tree, sessions } = state;
    const schemes = makeSchemes({
      digestEnabled: options.digestSchemeEnabled,
      digest: options.digest,
      superDigest: options.superDigest,
    });
    this.ordering = ordering;
    this.ctx = {
      options,
      host,
      tree,
      sessions,
      locals: new SessionTable(options.tickMs, 'local'),
      sessionIds: before?.ctx.sessionIds ?? new SessionIds(options.serverId, options.startedAt),
      schemes,
      outstanding: new Outstanding(tree, ordering.kind === 'leading' && options.digestEnabled),
      watches: before?.ctx.watches ?? new WatchTable(),
      permissions: new Permissions(schemes, options.skipAcl),
      connections: this.#connections,
      stalled: new Set(),
      stats: before?.ctx.stats ?? new ReplicaStats(),
      memory: new ClientMemory(options.inputTotalBytesMax ?? 0, options.outputTotalBytesMax ?? 0),
      work: new Work(() => host.requestTurn()),
      isReadOnly: ordering.kind === 'readOnly',
      heard: (session) => this.#heard(session),
      arena: new Arena(),
      scratch: new JuteWriter(1024),
      now: 0,
      wall: options.startedAt,
      markDirty: (connection) => this.#markDirty(connection),
      hangUp: (connection) => this.#hangUp(connection),
    };
    const { ctx } = this;
    const holders = (this.#holders = new Holders(options.serverId, owners));
    const admission = new Admission(ctx, this);
    const notifier = new WatchNotifier(ctx);
    this.#admission = admission;
    this.#notifier = tree.listener = notifier;
    this.#locals = new LocalSessions(ctx, admission, holders);
    const sessionEnded = (id: SessionId): void => this.#sessionEnded(id);
    if (ordering.kind === 'leading')
      this.#proposals = new Proposals({ ctx, admission, holders, notifier, sessionEnded }, ordering);
    this.learner = new LearnerSide(ctx, admission, holders, ordering, () => this.#unstallWaiting());
    if (ordering.kind !== 'closed') sessions.restart();
    for (const connection of kept) this.#keep(connection);
  }

  /** Takes no request before `resume`. */
  #keep(connection: Connection): void {
    const { ctx } = this;
    const { session } = connection;
    this.isHeld = true;
    this.#connections.set(connection.id, connection);
    if (connection.stalled !== 'no') {
      connection.stalled = 'outstanding'; // its output may be gone by now: `resume` looks again
      ctx.stalled.add(connection);
    }
    if (connection.dirty) this.#dirty.push(connection);
    ctx.memory.kept(connection);
    ctx.memory.sent(connection);
    if (session === undefined) return;
    const isAlive = ctx.sessions.get(session.id) === session && !session.closing;
    if (!isAlive || !this.#holders.keep(session.id, connection)) this.#hangUp(connection);
  }

  /** Takes no more requests: what is in flight is answered, the rest waits for the next role to end it. */
  hold(): void {
    this.isHeld = true;
  }

  /** Writes in flight: proposed and not decided, or at the leader. */
  get outstandingCount(): number {
    return (this.#proposals?.count ?? 0) + this.learner.count;
  }

  get isFull(): boolean {
    return this.outstandingCount >= this.ctx.options.outstandingMax;
  }

  // Connections.

  opened({ connection: id, link, address, now, wall }: Of<'opened'>): void {
    this.#connections.set(id, new Connection(id, link, address, now, wall));
  }

  received(input: Of<'received'>): void {
    const connection = this.#connections.get(input.connection);
    if (connection === undefined) return;
    this.ctx.stats.bytesReceived += input.end - input.start;
    // Not before it has spoken: a four-letter word is answered in every role, and only its first bytes tell.
    const { ordering: role } = this;
    const isClosed = role.kind === 'closed' && !this.isHeld;
    if (isClosed) this.ctx.stats.closedWithoutLeader++;
    if (isClosed || (role.kind === 'leading' && role.turnsClientsAway === true)) return this.#hangUp(connection);
    this.#admission.receive(connection, input.bytes, input.start, input.end);
    this.#makeRoom();
  }

  drained(input: Of<'drained'>): void {
    const connection = this.#connections.get(input.connection);
    if (connection === undefined) return;
    this.ctx.memory.sent(connection);
    if (connection.session !== undefined) this.#heard(connection.session); // it reads: its pings may be far behind
    if (connection.stalled === 'output') this.#unstall(connection);
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
      this.ctx.memory.sent(connection);
      if (connection.stalled === 'output' && connection.link.backlog === 0) this.#taken.push(connection);
    }
    this.#makeRoom();
  }

  /** Takes requests of clients whose answers the network took at once: no `drained` follows. False if there are none. */
  goOn(): boolean {
    const taken = this.#taken;
    if (taken.length === 0) return false;
    this.#taken = [];
    for (const connection of taken) this.#unstall(connection);
    return true;
  }

  /** The host's loop has turned: those who had to wait for it go on, who has used least of late first. */
  turn(): void {
    const { work, stalled } = this.ctx;
    work.turn();
    if (!this.ctx.watches.sweep(sweptPerTurn)) work.ask();
    if (stalled.size === 0) return;
    const waiting = [...stalled].filter((one) => one.stalled === 'turn');
    if (this.isHeld) return waiting.forEach((connection) => (connection.stalled = 'outstanding')); // until `resume`
    waiting.sort((a, b) => work.recent(a) - work.recent(b));
    for (const connection of waiting) {
      if (work.isSpent) break;
      work.slice(waiting.length, () => this.#unstall(connection));
    }
    if (waiting.length > 0) work.ask();
  }

  #makeRoom(): void {
    const { memory, stats } = this.ctx;
    for (let victim = memory.tooGreedy(); victim !== undefined; victim = memory.tooGreedy(), stats.cutOff++) {
      this.#forget(victim);
      victim.link.cut();
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
    this.ctx.stats.hungUp++;
    connection.link.close();
  }

  /** Takes requests again. */
  resume(): void {
    this.isHeld = false;
    this.#unstallWaiting();
  }

  /** Ends every connection: the role of this server is over. */
  closeAll(): void {
    this.isHeld = false;
    for (const connection of this.#connections.values()) this.#hangUp(connection);
  }

  /** The role is over: ends the connections whose clients wait for something, and returns the others. */
  giveAway(): Connection[] {
    const kept: Connection[] = [];
    for (const connection of this.#connections.values()) {
      if (isAtRest(connection)) kept.push(connection);
      else this.#hangUp(connection);
    }
    return kept;
  }

  /** Where the clients of sessions are, as far as a leader knows. */
  get owners(): ReadonlyMap<SessionId, number> {
    return this.#holders.owners;
  }

  #forget(connection: Connection): void {
    connection.state = 'gone';
    connection.waiting = [];
    connection.stash = undefined;
    connection.stashLength = 0;
    this.ctx.stalled.delete(connection);
    this.ctx.memory.forget(connection);
    this.ctx.watches.removeConnection(connection.id);
    if (!this.ctx.watches.sweep(sweptPerTurn / 10)) this.ctx.work.ask();
    const { session } = connection;
    if (session !== undefined) this.#holders.detach(session.id, connection);
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
    this.#holders.attach(session, connection);
  }

  open(connection: Connection, timeoutMs: number): void {
    const { ctx } = this;
    const id = this.#newSessionId();
    if (ctx.isReadOnly || ctx.options.localSessionsEnabled === true)
      return this.#locals.open(connection, id, timeoutMs);
    connection.session = ctx.sessions.add(id, timeoutMs);
    this.attach(connection, id);
    if (this.#proposals === undefined) this.learner.open(connection, connection.session, 'new');
    else this.#proposals.openSession(connection, id, 0, timeoutMs);
  }

  #newSessionId(): SessionId {
    const { sessions, sessionIds, wall } = this.ctx;
    for (;;) {
      const id = sessionIds.take(wall);
      if (sessions.get(id) === undefined) return id;
    }
  }

  /** Asks the leader whether a session is alive; false when this server knows itself. */
  revalidate(connection: Connection, id: SessionId, timeoutMs: number): boolean {
    if (this.ordering.kind !== 'learning' || this.ctx.locals.get(id) !== undefined) return false;
    this.learner.revalidate(connection, id, timeoutMs);
    return true;
  }

  #heard(session: Session): void {
    if (session.scope === 'local') this.#locals.touch(session);
    else if (this.#proposals !== undefined) this.ctx.sessions.touch(session);
    else if (session.scope === 'global') this.learner.touch(session);
  }

  /** Ends sessions whose time is up and connections that never said who they are. */
  expire(): void {
    const { ctx } = this;
    if (this.#proposals !== undefined) for (const session of ctx.sessions.expire()) this.#expired(session);
    this.#locals.expire();
    for (const connection of this.#connections.values()) {
      if (connection.state !== 'greeting') continue;
      if (ctx.now - connection.openedAt < ctx.options.sessionlessTimeoutMs) continue;
      ctx.stats.sessionlessExpired++;
      this.#hangUp(connection);
    }
  }

  /** Ends a session as if its time were up; false when there is none, or another server decides. */
  expireNow(id: SessionId): boolean {
    const session = this.ctx.sessions.get(id);
    if (session === undefined || session.closing || this.#proposals === undefined) return false;
    session.closing = true;
    this.#expired(session);
    return true;
  }

  #expired({ id }: Session): void {
    this.ctx.stats.staleSessionsExpired++;
    this.ctx.host.note({ kind: 'sessionExpired', session: id });
    this.#proposals!.closeSession(undefined, 0, id);
  }

  #sessionEnded(id: SessionId): void {
    const holder = this.#holders.get(id);
    this.#holders.ended(id);
    if (holder !== undefined) this.#hangUp(holder);
  }

  farewell(connection: Connection): void {
    const { id } = connection.session!;
    this.ctx.locals.remove(id);
    this.#holders.ended(id);
    this.#hangUp(connection);
  }

  // Requests of this server's clients.

  write(connection: Connection, xid: number, opcode: number, body: JuteReader): void {
    const session = connection.session!;
    if (session.scope === 'local' && this.#writeLocal(connection, session, xid, opcode, body)) return;
    if (this.#proposals !== undefined) this.#proposals.write(connection, xid, opcode, body);
    else if (this.ordering.kind !== 'learning') this.#admission.refuse(connection, xid, errorCodes.NotReadOnly);
    else if (opcode === opcodes.createSession) {
      body.int();
      this.#admission.refuse(connection, xid, errorCodes.Unimplemented);
    } else this.learner.write(connection, xid, opcode, body);
  }

  /** What a local session asks for otherwise than others; false when the rest is as with any write. */
  #writeLocal(connection: Connection, session: Session, xid: number, opcode: number, body: JuteReader): boolean {
    const { ctx } = this;
    if (opcode === opcodes.closeSession) {
      this.#locals.close(connection, xid);
      return true;
    }
    if (ctx.isReadOnly || !asksForEphemeral(opcode, body)) return false;
    if (ctx.options.localSessionsUpgradingEnabled === true) this.#upgrade(connection, session);
    // A leader finds out itself, and of a multi's parts the leader must say which.
    else if (this.#proposals === undefined && opcode !== opcodes.multi) {
      this.#admission.refuse(connection, xid, errorCodes.EphemeralOnLocalSession);
      return true;
    }
    return false;
  }

  /** The session becomes known everywhere, ahead of the request that needs it. */
  #upgrade(connection: Connection, session: Session): void {
    const { id, timeoutMs } = session;
    session.scope = 'upgrading';
    if (this.#proposals === undefined) return this.learner.open(connection, session, 'upgrade');
    this.ctx.locals.remove(id);
    connection.session = this.ctx.sessions.add(id, timeoutMs);
    this.#proposals.openSession(undefined, id, 0, timeoutMs);
  }

  sync(connection: Connection, xid: number, body: JuteReader, frame: () => DeferredFrame): boolean {
    const { ordering } = this;
    if (ordering.kind === 'readOnly') {
      this.#admission.refuse(connection, xid, errorCodes.NotReadOnly);
      return true;
    }
    if (ordering.kind === 'learning') {
      this.learner.sync(connection, xid, body, frame());
      return true;
    }
    if (ordering.kind !== 'leading' || ordering.confirm === undefined) return false;
    const sync = this.#admission.await(connection, frame());
    ordering.confirm(() => {
      this.#admission.arrived(connection, sync);
      this.#unstallWaiting();
    });
    return true;
  }

  // What the ordering tells. Leading:

  /** A write that a learner has forwarded. What comes of it is a transaction in any case. */
  request(
    learner: number,
    id: SessionId,
    cxid: number,
    opcode: number,
    body: JuteReader,
    identities: readonly Identity[] | null,
  ): void {
    this.#proposals?.request(learner, id, cxid, opcode, body, identities);
  }

  /** The client of a session has moved to a learner. Whether the session is alive. */
  revalidateFor(learner: number, id: SessionId, timeoutMs: number): boolean {
    return this.#proposals?.revalidateFor(learner, id, timeoutMs) ?? false;
  }

  /** A learner has heard from the client of a session. */
  touched(id: SessionId): void {
    const session = this.ctx.sessions.get(id);
    if (session !== undefined) this.ctx.sessions.touch(session);
  }

  /** Deletes a container or TTL node that is due. */
  reap(path: string): void {
    this.#proposals?.reap(path);
  }

  /** Everything that was proposed up to zxid is decided. */
  decided(zxid: Zxid): void {
    this.#proposals?.decided(zxid);
    this.#unstallWaiting();
  }

  // Learning:

  /** A decided transaction, next in order. When a client of this server waits for it, that client is answered. */
  deliver(header: TxnHeader, txn: Txn): void {
    if (this.#proposals !== undefined) throw new Error('a transaction from a leader to a server that leads');
    const ended = txn.kind === 'closeSession' ? this.ctx.sessions.get(header.clientId) : undefined;
    this.#notifier.zxid = header.zxid;
    this.learner.deliver(header, txn);
    if (ended !== undefined) this.learner.ended(ended);
    if (txn.kind === 'closeSession') this.#sessionEnded(header.clientId);
    this.#unstallWaiting();
  }

  #unstallWaiting(): void {
    const { stalled } = this.ctx;
    if (stalled.size === 0 || this.isFull || this.isHeld) return;
    for (const connection of [...stalled]) if (connection.stalled === 'outstanding') this.#unstall(connection);
  }
}
