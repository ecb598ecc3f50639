// The pipeline of a learner, as far as it needs its leader: writes of its clients go there and are answered when their
// transaction comes back decided; sessions that move here are validated there; a sync waits for what the leader knows.
// Answers come in the order of the questions, per session or per connection to the leader.

import { errorCodes, opcodes } from '@corral/protocol';
import type { JuteReader, SessionId } from '@corral/protocol';
import type { Identity } from '../acl/schemes.ts';
import type { TxnHeader } from '../log/txn.ts';
import type { Session } from '../sessions/session-table.ts';
import { greet } from './apply.ts';
import type { Connection, DeferredFrame, Forwarded, WaitingSync } from './connection.ts';
import type { Context } from './context.ts';
import type { Ordering } from './ordering.ts';
import { multiOpcodes } from './prepare-multi.ts';

/** What the pipeline does for this part of it. */
export interface Clients {
  holder(session: SessionId): Connection | undefined;
  attach(connection: Connection, session: SessionId): void;
  refuse(connection: Connection, xid: number, code: number): void;
  /** Goes on with what waited behind the head of the queue. */
  release(connection: Connection): void;
  unstall(connection: Connection): void;
}

interface Revalidation {
  readonly connection: Connection;
  readonly timeoutMs: number;
}

export class LearnerSide {
  readonly #ctx: () => Context;
  readonly #ordering: Ordering;
  readonly #clients: Clients;
  readonly #revalidations = new Map<SessionId, Revalidation[]>();
  readonly #syncs: { readonly connection: Connection; readonly sync: WaitingSync }[] = [];
  readonly #touched = new Set<Session>();
  /** Writes that the leader has not answered. */
  writes = 0;

  constructor(ctx: () => Context, ordering: Ordering, clients: Clients) {
    this.#ctx = ctx;
    this.#ordering = ordering;
    this.#clients = clients;
  }

  // Sessions.

  /** The client of a session was heard: the leader is told when it asks next. */
  touch(session: Session): void {
    this.#touched.add(session);
  }

  takeTouched(): (readonly [SessionId, number])[] {
    const touched = [...this.#touched].map(({ id, timeoutMs }) => [id, timeoutMs] as const);
    this.#touched.clear();
    return touched;
  }

  /** Asks the leader whether a session is alive; false when this server knows itself. */
  revalidate(connection: Connection, session: SessionId, timeoutMs: number): boolean {
    if (this.#ordering.kind !== 'learning') return false;
    const waiting = this.#revalidations.get(session);
    if (waiting === undefined) this.#revalidations.set(session, [{ connection, timeoutMs }]);
    else waiting.push({ connection, timeoutMs });
    connection.isRevalidating = true;
    this.#ordering.revalidate(session, timeoutMs);
    return true;
  }

  /** The leader's answer about a session whose client has come here. */
  revalidated(id: SessionId, isValid: boolean): void {
    const waiting = this.#revalidations.get(id);
    const asked = waiting?.shift();
    if (waiting?.length === 0) this.#revalidations.delete(id);
    if (asked === undefined || asked.connection.state === 'gone') return;
    const { connection, timeoutMs } = asked;
    const ctx = this.#ctx();
    connection.isRevalidating = false;
    if (!isValid) return greet(ctx, connection, false);
    const before = this.#clients.holder(id);
    if (before !== undefined && before !== connection) ctx.hangUp(before);
    connection.session = ctx.sessions.add(id, timeoutMs);
    this.touch(connection.session);
    this.#clients.attach(connection, id);
    greet(ctx, connection, true);
    this.#clients.unstall(connection);
  }

  // Writes.

  /** `body` is only borrowed. */
  write(connection: Connection, xid: number, opcode: number, body: JuteReader): void {
    if (opcode === opcodes.createSession) {
      body.int();
      return this.#clients.refuse(connection, xid, errorCodes.Unimplemented);
    }
    const bytes = body.bytes.subarray(body.at, body.end);
    const partOpcodes = opcode === opcodes.multi ? multiOpcodes(body) : undefined;
    if (opcode === opcodes.closeSession) connection.state = 'ending';
    this.#forward(connection, xid, opcode, bytes, connection.identities, partOpcodes);
  }

  /** The session exists when its transaction is decided. */
  open(connection: Connection, timeoutMs: number): void {
    const body = this.#ctx().scratch;
    body.clear();
    body.int(timeoutMs);
    this.#forward(connection, 0, opcodes.createSession, body.view(), null);
  }

  #forward(
    connection: Connection,
    xid: number,
    opcode: number,
    body: Uint8Array,
    identities: readonly Identity[] | null,
    partOpcodes?: readonly number[],
  ): void {
    if (this.#ordering.kind !== 'learning') throw new Error('only a learner forwards');
    this.writes++;
    connection.waiting.push({ kind: 'forwarded', xid, opcode, partOpcodes, receivedAt: this.#ctx().now });
    this.#ordering.forward(connection.session!.id, xid, opcode, body, identities);
  }

  /** The write of one of our clients that this transaction answers: the oldest of its session. */
  askedBy(header: TxnHeader): { readonly connection: Connection; readonly write: Forwarded } | undefined {
    const connection = this.#clients.holder(header.clientId);
    const head = connection?.waiting[0];
    if (connection === undefined || head?.kind !== 'forwarded' || head.xid !== header.cxid) return undefined;
    return { connection, write: head };
  }

  /** The write at the head of a connection's queue was answered. */
  answered(connection: Connection): void {
    if (connection.state === 'gone') return; // what it had forwarded was taken off the count when it went
    connection.waiting.shift();
    this.writes--;
    if (connection.waiting.length > 0) this.#clients.release(connection);
  }

  /** A connection has gone: nobody waits for what it forwarded. */
  gone({ waiting }: Connection): void {
    for (const { kind } of waiting) if (kind === 'forwarded') this.writes--;
  }

  // Sync.

  /** Waits for everything decided so far; false when there is nobody to ask. `frame` makes the copy that waits. */
  sync(connection: Connection, xid: number, body: JuteReader, frame: () => DeferredFrame): boolean {
    const ordering = this.#ordering;
    if (ordering.kind === 'leading' ? ordering.confirm === undefined : ordering.kind !== 'learning') return false;
    const bytes = body.bytes.subarray(body.at, body.end);
    const sync: WaitingSync = { kind: 'sync', frame: frame(), isDone: false };
    connection.waiting.push(sync);
    if (ordering.kind === 'leading') ordering.confirm?.(() => this.#synced(connection, sync));
    else if (ordering.kind === 'learning') {
      this.#syncs.push({ connection, sync });
      ordering.forward(connection.session!.id, xid, opcodes.sync, bytes, connection.identities);
    }
    return true;
  }

  /** The leader has answered the oldest sync. */
  synced(): void {
    const oldest = this.#syncs.shift();
    if (oldest !== undefined) this.#synced(oldest.connection, oldest.sync);
  }

  #synced(connection: Connection, sync: WaitingSync): void {
    sync.isDone = true;
    if (connection.state !== 'gone' && connection.waiting[0] === sync) this.#clients.release(connection);
  }
}
