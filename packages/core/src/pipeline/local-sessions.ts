// Sessions of this server alone: no transaction makes or ends them, no other server knows them, and they end with the
// role of this server. With the first ephemeral such a session becomes known everywhere, or the ephemeral is refused.
// A server without a leader has no other sessions to give.

import { ProtocolError, opcodes } from '@corral/protocol';
import type { JuteReader, SessionId } from '@corral/protocol';
import type { Session } from '../sessions/session-table.ts';
import type { Admission } from './admit.ts';
import { greet } from './apply.ts';
import type { Connection } from './connection.ts';
import type { Context } from './context.ts';
import type { Holders } from './holders.ts';
import { createsEphemeral } from './prepare.ts';
import { multiCreatesEphemeral } from './prepare-multi.ts';

/** Whether a request creates an ephemeral; `body` stays where it is. */
export function asksForEphemeral(opcode: number, body: JuteReader): boolean {
  const at = body.at;
  try {
    if (opcode === opcodes.multi) return multiCreatesEphemeral(body);
    return (opcode === opcodes.create || opcode === opcodes.create2) && createsEphemeral(body);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return false; // whoever prepares it will find the same
  } finally {
    body.at = at;
  }
}

export class LocalSessions {
  readonly #ctx: Context;
  readonly #admission: Admission;
  readonly #holders: Holders;

  constructor(ctx: Context, admission: Admission, holders: Holders) {
    this.#ctx = ctx;
    this.#admission = admission;
    this.#holders = holders;
  }

  open(connection: Connection, id: SessionId, timeoutMs: number): void {
    const { locals, now } = this.#ctx;
    locals.observe(now);
    const session = locals.add(id, timeoutMs);
    session.persisted = true;
    connection.session = session;
    this.#holders.attach(id, connection);
    greet(this.#ctx, connection, true);
  }

  /** The client says farewell: answered behind whatever is in flight. */
  close(connection: Connection, xid: number): void {
    connection.state = 'ending';
    this.#admission.bid(connection, xid);
  }

  touch(session: Session): void {
    const { locals, now } = this.#ctx;
    locals.observe(now);
    locals.touch(session);
  }

  expire(): void {
    const { locals, now, stats, host, hangUp } = this.#ctx;
    locals.observe(now);
    for (const session of locals.expire()) {
      session.closing = false;
      if (session.scope !== 'local') continue; // the leader decides from now on
      locals.remove(session.id);
      this.#holders.ended(session.id);
      stats.staleSessionsExpired++;
      host.note({ kind: 'sessionExpired', session: session.id });
      const holder = this.#holders.get(session.id);
      if (holder !== undefined) hangUp(holder);
    }
  }
}
