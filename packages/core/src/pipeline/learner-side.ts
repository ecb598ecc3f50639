// A learner's clients: their writes go to the leader and are answered when they come back as transactions. Whether a
// session may move here is the leader's decision as well, and a sync is answered when the leader has been asked.

import { JuteWriter, errorCodes, opcodes } from '@corral/protocol';
import type { JuteReader, SessionId } from '@corral/protocol';
import type { Txn, TxnHeader } from '../log/txn.ts';
import type { Session } from '../sessions/session-table.ts';
import type { Admission } from './admit.ts';
import { applyAndReply, applyTxn, greet } from './apply.ts';
import type { Connection, DeferredFrame, Forwarded, WaitingSync } from './connection.ts';
import type { Context } from './context.ts';
import type { Holders } from './holders.ts';
import type { Learning, Ordering } from './ordering.ts';
import { isClientsDeleteContainer } from './prepare.ts';
import { multiOpcodes } from './prepare-multi.ts';

interface Revalidation {
  readonly connection: Connection;
  readonly timeoutMs: number;
}

const noPaths: readonly string[] = [];

/** Whether a transaction can be what has become of this request: the server's own have a cxid, too. */
function suits({ opcode }: Forwarded, { kind }: Txn): boolean {
  if (kind === 'error') return true;
  return (
    (kind === 'closeSession') === (opcode === opcodes.closeSession) &&
    (kind === 'createSession') === (opcode === opcodes.createSession)
  );
}

export class LearnerSide {
  readonly #ctx: Context;
  readonly #admission: Admission;
  readonly #holders: Holders;
  readonly #leader: Learning | undefined;
  readonly #unstall: () => void;
  /**
   * Requests at the leader, oldest first, those of connections that are gone included: a client that comes back may use
   * the same xids again.
   */
  readonly #forwarded = new Map<SessionId, Forwarded[]>();
  readonly #revalidations = new Map<SessionId, Revalidation[]>();
  readonly #syncs: { readonly connection: Connection; readonly sync: WaitingSync }[] = [];
  readonly #touched = new Set<Session>();
  readonly #body = new JuteWriter(4);
  /** Requests that the leader has not answered. */
  count = 0;

  /** Elsewhere than at a learner nothing is asked, and nothing comes. `unstall` takes requests again that had to wait. */
  constructor(ctx: Context, admission: Admission, holders: Holders, ordering: Ordering, unstall: () => void) {
    this.#ctx = ctx;
    this.#admission = admission;
    this.#holders = holders;
    this.#leader = ordering.kind === 'learning' ? ordering : undefined;
    this.#unstall = unstall;
  }

  // Sessions.

  touch(session: Session): void {
    this.#touched.add(session);
  }

  takeTouched(): (readonly [SessionId, number])[] {
    const touched = [...this.#touched].map(({ id, timeoutMs }) => [id, timeoutMs] as const);
    this.#touched.clear();
    return touched;
  }

  /** The session of a connection shall be known everywhere. `upgrade`: the client has it already and waits for nothing. */
  open(connection: Connection, { id, timeoutMs }: Session, reason: 'new' | 'upgrade'): void {
    this.#body.clear();
    this.#body.int(timeoutMs);
    const asked = this.#ask(connection, id, 0, opcodes.createSession, reason === 'upgrade');
    if (reason === 'new') connection.waiting.push(asked);
    this.#leader?.forward(id, 0, opcodes.createSession, this.#body.view(), null);
  }

  /** The client of a session wants to go on here: nothing of it is taken before the leader has said what it knows. */
  revalidate(connection: Connection, id: SessionId, timeoutMs: number): void {
    connection.isRevalidating = true;
    const asked = this.#revalidations.get(id);
    if (asked === undefined) this.#revalidations.set(id, [{ connection, timeoutMs }]);
    else asked.push({ connection, timeoutMs });
    this.#leader?.revalidate(id, timeoutMs);
  }

  /** The leader's answer to the oldest question about this session. */
  revalidated(id: SessionId, isValid: boolean): void {
    const asked = this.#revalidations.get(id);
    const oldest = asked?.shift();
    if (asked?.length === 0) this.#revalidations.delete(id);
    if (oldest === undefined || oldest.connection.state === 'gone') return;
    const { connection, timeoutMs } = oldest;
    connection.isRevalidating = false;
    if (!isValid) return greet(this.#ctx, connection, false);
    const before = this.#holders.get(id);
    if (before !== undefined) this.#ctx.hangUp(before);
    connection.session = this.#ctx.sessions.add(id, timeoutMs);
    this.touch(connection.session);
    this.#holders.attach(id, connection);
    greet(this.#ctx, connection, true);
    this.#unstall();
  }

  // Requests.

  /** Throws ProtocolError when the leader need not be asked. */
  write(connection: Connection, xid: number, opcode: number, body: JuteReader): void {
    const at = body.at;
    if (opcode === opcodes.deleteContainer && isClientsDeleteContainer(body))
      return this.#admission.refuse(connection, xid, errorCodes.Unimplemented);
    const partOpcodes = opcode === opcodes.multi ? multiOpcodes(body) : undefined;
    if (opcode === opcodes.closeSession) connection.state = 'ending';
    const { id } = connection.session!;
    connection.waiting.push(this.#ask(connection, id, xid, opcode, false, partOpcodes));
    this.#leader?.forward(id, xid, opcode, body.bytes.subarray(at, body.end), connection.identities);
  }

  #ask(
    connection: Connection,
    session: SessionId,
    xid: number,
    opcode: number,
    isUpgrade: boolean,
    partOpcodes?: readonly number[],
  ): Forwarded {
    const receivedAt = this.#ctx.now;
    const asked: Forwarded = { kind: 'forwarded', connection, xid, opcode, partOpcodes, receivedAt, isUpgrade };
    const queue = this.#forwarded.get(session);
    if (queue === undefined) this.#forwarded.set(session, [asked]);
    else queue.push(asked);
    this.count++;
    return asked;
  }

  sync(connection: Connection, xid: number, body: JuteReader, frame: DeferredFrame): void {
    const sync = this.#admission.await(connection, frame);
    this.#syncs.push({ connection, sync });
    const bytes = body.bytes.subarray(body.at, body.end);
    this.#leader?.forward(connection.session!.id, xid, opcodes.sync, bytes, connection.identities);
  }

  /** The leader has answered the oldest sync. */
  synced(): void {
    const oldest = this.#syncs.shift();
    if (oldest === undefined) return;
    this.#admission.arrived(oldest.connection, oldest.sync);
    this.#unstall();
  }

  // Transactions.

  /** A decided transaction, next in order: applied for everyone, and the answer for who asked for it here. */
  deliver(header: TxnHeader, txn: Txn): void {
    const { sessions } = this.#ctx;
    const id = header.clientId;
    const asked = this.#take(header, txn);
    if (asked === undefined) applyTxn(this.#ctx, header, txn);
    else if (asked.isUpgrade) this.#upgraded(asked.connection, header, txn);
    else this.#answer(asked, header, txn);
    if (txn.kind === 'createSession') this.touch(sessions.get(id)!);
    // A session that the leader did not create is not one.
    else if (asked?.opcode === opcodes.createSession && sessions.get(id)?.persisted === false) sessions.remove(id);
  }

  /** The oldest request of the session, when this is what has become of it. */
  #take(header: TxnHeader, txn: Txn): Forwarded | undefined {
    const queue = this.#forwarded.get(header.clientId);
    const oldest = queue?.[0];
    if (oldest?.xid !== header.cxid || !suits(oldest, txn)) return undefined;
    queue!.shift();
    if (queue!.length === 0) this.#forwarded.delete(header.clientId);
    this.count--;
    return oldest;
  }

  #answer(asked: Forwarded, header: TxnHeader, txn: Txn): void {
    const ctx = this.#ctx;
    const { connection, xid, opcode, partOpcodes, receivedAt } = asked;
    const isMoved = txn.kind === 'error' && txn.code === errorCodes.SessionMoved;
    if (isMoved) ctx.hangUp(connection); // its client is on another server by now
    this.#admission.passSyncs(connection, asked);
    const touched = noPaths;
    const write = { kind: 'write', connection, xid, opcode, header, txn, touched, partOpcodes, receivedAt } as const;
    applyAndReply(ctx, { ...write, digest: undefined });
    if (opcode === opcodes.closeSession) ctx.hangUp(connection);
    if (connection.state === 'gone') return;
    connection.waiting.shift();
    if (connection.waiting.length > 0) this.#admission.release(connection);
  }

  #upgraded(connection: Connection, header: TxnHeader, txn: Txn): void {
    const ctx = this.#ctx;
    const id = header.clientId;
    applyTxn(ctx, header, txn);
    ctx.locals.remove(id);
    const holder = this.#holders.get(id) ?? connection;
    if (txn.kind !== 'createSession') ctx.hangUp(holder);
    else holder.session = ctx.sessions.get(id);
  }

  ended(session: Session): void {
    this.#touched.delete(session);
  }
}
