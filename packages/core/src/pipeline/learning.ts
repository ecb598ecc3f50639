// What a learner's pipeline has under way at its leader: sessions to be validated, syncs, and which sessions were heard of
// since the leader last asked. Answers come in the order of the questions, per session or per connection to the leader.

import type { SessionId } from '@corral/protocol';
import type { Session } from '../sessions/session-table.ts';
import type { Connection, WaitingSync } from './connection.ts';

interface Revalidation {
  readonly connection: Connection;
  readonly timeoutMs: number;
}

export class AtLeader {
  readonly #revalidations = new Map<SessionId, Revalidation[]>();
  #syncs: { readonly connection: Connection; readonly sync: WaitingSync }[] = [];
  readonly #touched = new Set<Session>();
  /** Writes of clients that the leader has not answered. */
  writes = 0;

  touch(session: Session): void {
    this.#touched.add(session);
  }

  takeTouched(): (readonly [SessionId, number])[] {
    const touched = [...this.#touched].map(({ id, timeoutMs }) => [id, timeoutMs] as const);
    this.#touched.clear();
    return touched;
  }

  askedFor(session: SessionId, connection: Connection, timeoutMs: number): void {
    const waiting = this.#revalidations.get(session);
    if (waiting === undefined) this.#revalidations.set(session, [{ connection, timeoutMs }]);
    else waiting.push({ connection, timeoutMs });
  }

  /** The question that an answer about this session belongs to. */
  answered(session: SessionId): Revalidation | undefined {
    const waiting = this.#revalidations.get(session);
    const first = waiting?.shift();
    if (waiting?.length === 0) this.#revalidations.delete(session);
    return first;
  }

  syncing(connection: Connection, sync: WaitingSync): void {
    this.#syncs.push({ connection, sync });
  }

  /** The oldest sync, which was just answered. */
  synced(): { readonly connection: Connection; readonly sync: WaitingSync } | undefined {
    return this.#syncs.shift();
  }
}
