// The first frame of a connection: a new session, or one that moves here from another connection.

import { records } from '@corral/protocol';
import type { JuteReader, SessionId } from '@corral/protocol';
import { samePassword, sessionPassword } from '../sessions/session-id.ts';
import { greet } from './apply.ts';
import type { Connection } from './connection.ts';
import type { Context } from './context.ts';

export interface Sessions {
  /** A new session for this connection. */
  open(connection: Connection, timeoutMs: number): void;
  /** Asks the leader whether a session is alive; false when this server knows itself. */
  revalidate(connection: Connection, session: SessionId, timeoutMs: number): boolean;
  /** The connection that holds a session at present. */
  holder(session: SessionId): Connection | undefined;
  /** The session lives on this connection from now on. */
  attach(connection: Connection, session: SessionId): void;
}

/** Handles a ConnectRequest. Throws ProtocolError when it cannot be decoded. */
export function handshake(ctx: Context, sessions: Sessions, connection: Connection, body: JuteReader): void {
  const request = records.connectRequest.read(body);
  connection.knowsReadOnly = body.remaining > 0;
  const mayBeReadOnly = connection.knowsReadOnly && body.bool();
  connection.state = 'open';
  ctx.stats.connectionRequests++;
  if (ctx.isReadOnly && !mayBeReadOnly) return ctx.hangUp(connection);
  // A client that has seen the future must not be served the past: it will find a server that is up to date.
  if (request.lastZxidSeen > BigInt(ctx.tree.lastZxid)) return ctx.hangUp(connection);
  const { minSessionTimeoutMs, maxSessionTimeoutMs } = ctx.options;
  const timeoutMs = Math.min(Math.max(request.timeOut, minSessionTimeoutMs), maxSessionTimeoutMs);
  if (request.sessionId === 0n) return sessions.open(connection, timeoutMs);
  reattach(ctx, sessions, connection, request.sessionId as SessionId, request.passwd, timeoutMs);
}

function reattach(
  ctx: Context,
  sessions: Sessions,
  connection: Connection,
  id: SessionId,
  password: Uint8Array | null,
  timeoutMs: number,
): void {
  ctx.stats.revalidations++;
  const table = ctx.locals.get(id) === undefined ? ctx.sessions : ctx.locals;
  // Whether a session that others know is alive cannot be said without a leader.
  if (ctx.isReadOnly && table !== ctx.locals) return ctx.hangUp(connection);
  // A stranger must not be able to cut the owner of a session off: nothing happens to its connection before this check.
  if (password === null || !samePassword(sessionPassword(id), password)) return greet(ctx, connection, false);
  if (sessions.revalidate(connection, id, timeoutMs)) return;
  const session = table.get(id);
  if (session === undefined || session.closing) return greet(ctx, connection, false);
  const holder = sessions.holder(id);
  if (holder !== undefined && holder !== connection) ctx.hangUp(holder);
  table.add(id, timeoutMs);
  connection.session = session;
  sessions.attach(connection, id);
  if (holder !== undefined) ctx.host.note({ kind: 'sessionMoved', session: id, address: connection.address });
  greet(ctx, connection, true);
}
