// Authentication packets: handled the moment they arrive, outside the order of replies.

import { errorCodes, limits, records } from '@corral/protocol';
import type { JuteReader } from '@corral/protocol';
import type { Identity } from '../acl/schemes.ts';
import type { Connection } from './connection.ts';
import type { Context } from './context.ts';
import { beginReply, endReply, replyHeader } from './reply.ts';
import { costs } from './work.ts';

/** Adds the identities a credential proves; one that proves nothing is refused and hung up on. Throws ProtocolError for an undecodable packet. */
export function authenticate(ctx: Context, connection: Connection, xid: number, body: JuteReader): void {
  const { scheme, auth } = records.authPacket.read(body);
  const rules = scheme === null ? undefined : ctx.schemes.get(scheme);
  const proven = rules?.authenticate(auth, { address: connection.address });
  const known = connection.identities;
  ctx.work.spend(costs.credential + known.length * costs.identity);
  const added = proven?.filter((p) => !known.some((k) => k.scheme === p.scheme && k.id === p.id));
  if (added === undefined || !isWithinLimits([...known, ...added])) {
    ctx.stats.authFailures++;
    ctx.host.note({ kind: 'authFailed', scheme: scheme ?? '', address: connection.address });
    replyHeader(ctx, connection, xid, 0, errorCodes.AuthFailed);
    // One identity too many takes nothing from those that were proven before.
    return added === undefined ? ctx.hangUp(connection) : undefined;
  }
  if (added.length > 0) connection.identities = [...known, ...added];
  replyHeader(ctx, connection, xid, 0, 0);
}

/** Everything that a learner forwards for this connection carries them, and the leader has to read it. */
function isWithinLimits(identities: readonly Identity[]): boolean {
  const bytes = identities.reduce((sum, { scheme, id }) => sum + scheme.length + 3 * id.length, 0);
  return identities.length <= limits.identitiesMax && bytes <= limits.identityBytesMax;
}

/** SASL is not configured: a null token tells the client to go on without. */
export function declineSasl(ctx: Context, connection: Connection, xid: number, body: JuteReader): void {
  const { token } = records.saslToken.read(body);
  if (token === null) return ctx.hangUp(connection);
  const frame = beginReply(connection, xid, 0, 0);
  connection.link.out.buffer(null);
  endReply(ctx, connection, frame, 0);
}

/** Whether the connection has proven one of the schemes the server insists on. */
export function isAdmitted(ctx: Context, connection: Connection): boolean {
  const { requiredSchemes } = ctx.options;
  return requiredSchemes.length === 0 || connection.identities.some(({ scheme }) => requiredSchemes.includes(scheme));
}
