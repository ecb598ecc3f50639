// Apply: a decided transaction changes the tree, its watches fire, and its client is answered, in this order, so that
// nobody sees new data before the event that announces it.

import { eventTypes, limits, opcodes, perms } from '@corral/protocol';
import type { Acl, Zxid } from '@corral/protocol';
import type { TreeListener } from '../tree/data-tree.ts';
import type { SingleTxn, Txn, TxnHeader } from '../log/txn.ts';
import { sessionPassword } from '../sessions/session-id.ts';
import type { Connection, Write } from './connection.ts';
import type { Context } from './context.ts';
import { beginReply, endReply, sendEvent } from './reply.ts';

/** Turns changes of the tree into events for those who watch and may read. */
export class WatchNotifier implements TreeListener {
  readonly #ctx: Context;
  /** Zxid of the transaction being applied. */
  zxid = 0 as Zxid;
  /** Events of the change that is being announced. */
  #fired = 0;

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  created(path: string, acl: readonly Acl[]): void {
    this.#ctx.watches.fireData(path, this.#deliver(eventTypes.nodeCreated, path, acl));
    this.#report(eventTypes.nodeCreated);
  }

  changed(path: string, acl: readonly Acl[]): void {
    this.#ctx.watches.fireData(path, this.#deliver(eventTypes.nodeDataChanged, path, acl));
    this.#report(eventTypes.nodeDataChanged);
  }

  deleted(path: string, acl: readonly Acl[]): void {
    this.#ctx.watches.fireDeleted(path, this.#deliver(eventTypes.nodeDeleted, path, acl));
    this.#report(eventTypes.nodeDeleted);
  }

  childrenChanged(path: string, acl: readonly Acl[]): void {
    this.#ctx.watches.fireChildren(path, this.#deliver(eventTypes.nodeChildrenChanged, path, acl));
    this.#report(eventTypes.nodeChildrenChanged);
  }

  #report(type: number): void {
    if (this.#fired > 0) this.#ctx.stats.observeFired?.(type, this.#fired);
    this.#fired = 0;
  }

  softQuotaExceeded(path: string): void {
    this.#ctx.host.note({ kind: 'softQuotaExceeded', path });
  }

  #deliver(type: number, path: string, acl: readonly Acl[]): (connection: number) => void {
    return (id) => {
      const connection = this.#ctx.connections.get(id);
      if (connection === undefined || !this.#ctx.permissions.allows(acl, perms.read, connection.identities)) return;
      this.#ctx.stats.events[type - 1]++;
      this.#fired++;
      sendEvent(this.#ctx, connection, type, path, this.zxid);
    };
  }
}

/** Applies a transaction without answering anybody: replay, and writes whose client is gone. */
export function applyTxn(ctx: Pick<Context, 'tree' | 'sessions'>, header: TxnHeader, txn: Txn): void {
  switch (txn.kind) {
    case 'createSession':
      ctx.sessions.add(header.clientId, txn.timeoutMs).persisted = true;
      break;
    case 'closeSession':
      ctx.tree.closeSession(header, txn.paths);
      ctx.sessions.remove(header.clientId);
      break;
    case 'multi':
      if (!txn.parts.some((part) => part.kind === 'error')) for (const part of txn.parts) ctx.tree.apply(header, part);
      break;
    default:
      ctx.tree.apply(header, txn);
  }
  ctx.tree.completed(header.zxid);
}

/** Applies a write of one of our clients and answers it. */
export function applyAndReply(ctx: Context, write: Write): void {
  const { connection, header, txn } = write;
  const latency = Math.max(0, Math.round(ctx.now - write.receivedAt));
  if (connection === undefined || connection.state === 'gone') {
    ctx.stats.observe?.('forwardedlatency', latency);
    return applyTxn(ctx, header, txn);
  }
  ctx.stats.observe?.('updatelatency', latency);
  switch (txn.kind) {
    case 'createSession':
      applyTxn(ctx, header, txn);
      return greet(ctx, connection, true);
    case 'multi':
      return applyMulti(ctx, connection, write, txn.parts, latency);
    case 'error':
      ctx.tree.completed(header.zxid);
      if (write.opcode === opcodes.createSession) return greet(ctx, connection, false);
      return endReply(ctx, connection, beginReply(connection, write.xid, header.zxid, txn.code), latency);
    case 'closeSession':
      applyTxn(ctx, header, txn);
      return endReply(ctx, connection, beginReply(connection, write.xid, header.zxid, 0), latency);
    default: {
      const node = ctx.tree.apply(header, txn);
      ctx.tree.completed(header.zxid);
      const frame = beginReply(connection, write.xid, header.zxid, 0);
      writeResult(ctx, connection, write.opcode, txn, node);
      return endReply(ctx, connection, frame, latency);
    }
  }
}

/** Body of the reply to one successful write, right after it was applied. */
function writeResult(ctx: Context, connection: Connection, opcode: number, txn: SingleTxn, node: number): void {
  const out = connection.link.out;
  switch (txn.kind) {
    case 'create':
      out.text(txn.path);
      if (opcode !== opcodes.create) ctx.tree.writeStat(node, out);
      return;
    case 'setData':
      if (opcode === opcodes.reconfig) out.buffer(txn.data);
      ctx.tree.writeStat(node, out);
      return;
    case 'setAcl':
      ctx.tree.writeStat(node, out);
      return;
    case 'delete':
    case 'check':
    case 'error':
      return;
  }
}

/** What kind of result a part announces: every create that answers a Stat looks like create2. */
function resultType(opcode: number): number {
  return opcode === opcodes.createContainer || opcode === opcodes.createTTL ? opcodes.create2 : opcode;
}

function applyMulti(
  ctx: Context,
  connection: Connection,
  write: Write,
  parts: readonly SingleTxn[],
  latency: number,
): void {
  const failedAt = parts.findIndex((part) => part.kind === 'error');
  // The results go to a buffer of their own: events of the parts have to leave before them.
  const results = ctx.scratch;
  results.clear();
  for (const [i, part] of parts.entries()) {
    if (failedAt >= 0) {
      const code = part.kind === 'error' ? part.code : 0;
      results.int(-1);
      results.bool(false);
      results.int(code);
      results.int(code);
      continue;
    }
    const opcode = write.partOpcodes![i];
    const node = ctx.tree.apply(write.header, part);
    results.int(resultType(opcode));
    results.bool(false);
    results.int(0);
    if (part.kind === 'create') results.text(part.path);
    const hasStat = part.kind === 'setData' || (part.kind === 'create' && opcode !== opcodes.create);
    if (hasStat) ctx.tree.writeStat(node, results);
  }
  results.int(-1);
  results.bool(true);
  results.int(-1);
  ctx.tree.completed(write.header.zxid);
  const frame = beginReply(connection, write.xid, write.header.zxid, 0);
  connection.link.out.raw(results.view());
  endReply(ctx, connection, frame, latency);
}

/** Answers a handshake: the session, or that there is none. */
export function greet(ctx: Context, connection: Connection, accepted: boolean): void {
  const { session } = connection;
  const out = connection.link.out;
  const isValid = accepted && session !== undefined;
  const frame = out.beginFrame();
  out.int(0);
  out.int(isValid ? session.timeoutMs : 0);
  out.long(isValid ? session.id : 0n);
  out.buffer(isValid ? sessionPassword(session.id) : new Uint8Array(limits.passwordBytes));
  if (connection.knowsReadOnly) out.bool(ctx.isReadOnly);
  out.endFrame(frame);
  ctx.markDirty(connection);
  if (!isValid) ctx.hangUp(connection);
}
