// Writes at the server that orders them (the leader, or a server alone): prepared, numbered, proposed, and applied and
// answered when they are decided. Those of clients of other servers are answered by their transaction alone.

import {
  ProtocolError,
  encodeText,
  errorCodes,
  formatEnsembleConfig,
  formatZxid,
  nextZxid,
  opcodes,
  parentPath,
  perms,
  records,
  systemPaths,
} from '@corral/protocol';
import type { EnsembleConfig, JuteReader, SessionId, Zxid } from '@corral/protocol';
import type { Identity } from '../acl/schemes.ts';
import { fitsInto } from '../log/txn-size.ts';
import type { Txn } from '../log/txn.ts';
import type { Admission } from './admit.ts';
import { applyAndReply } from './apply.ts';
import type { WatchNotifier } from './apply.ts';
import type { Connection, Write } from './connection.ts';
import type { Context } from './context.ts';
import type { Holders } from './holders.ts';
import type { Leading } from './ordering.ts';
import { isClientsDeleteContainer, isWrite, prepareReap, prepareSingle } from './prepare.ts';
import type { Requester } from './prepare.ts';
import { prepareMulti } from './prepare-multi.ts';
import { costs } from './work.ts';
import { WriteQueue } from './write-queue.ts';

const asTxn = (prepared: Txn | number): Txn =>
  typeof prepared === 'number' ? { kind: 'error', code: prepared } : prepared;

/** What the parts of the pipeline give: see pipeline.ts. */
export interface ProposalParts {
  readonly ctx: Context;
  readonly admission: Admission;
  readonly holders: Holders;
  readonly notifier: WatchNotifier;
  /** A closeSession was applied. */
  readonly sessionEnded: (session: SessionId) => void;
}

export class Proposals {
  readonly #parts: ProposalParts;
  readonly #ctx: Context;
  readonly #leading: Leading;
  readonly #inFlight = new WriteQueue();
  #lastProposed: Zxid;
  /** What the proposal under way will bring into force. */
  #reconfiguration: EnsembleConfig | undefined;

  constructor(parts: ProposalParts, leading: Leading) {
    this.#parts = parts;
    this.#ctx = parts.ctx;
    this.#leading = leading;
    this.#lastProposed = leading.lastZxid;
  }

  get count(): number {
    return this.#inFlight.length;
  }

  // Sessions.

  /** A session that is known everywhere once this is decided. `connection` is greeted then. */
  openSession(connection: Connection | undefined, id: SessionId, cxid: number, timeoutMs: number): void {
    this.#begin();
    this.#submit(connection, cxid, opcodes.createSession, id, { kind: 'createSession', timeoutMs });
  }

  closeSession(connection: Connection | undefined, xid: number, id: SessionId): void {
    this.#begin();
    const { options, outstanding } = this.#ctx;
    const paths = outstanding.ephemeralsOf(id);
    this.#ctx.work.spend(paths.length * costs.part);
    this.#removeEphemerals(paths);
    // The end of a session is one transaction, or a client that comes back under the next leader could find half of its
    // locks gone. A list that is too long to travel stays at home: every server deletes what the session holds there.
    const listed: Txn = { kind: 'closeSession', paths };
    const isListed = options.closeSessionPaths && fitsInto(options.fieldBytesMax, listed);
    const txn: Txn = isListed ? listed : { kind: 'closeSession', paths: null };
    this.#submit(connection, xid, opcodes.closeSession, id, txn);
  }

  /** Each parent changes once, however many of its children go. */
  #removeEphemerals(paths: readonly string[]): void {
    const { outstanding } = this.#ctx;
    const leaving = new Map<string, number>();
    for (const path of paths) {
      const parent = parentPath(path);
      leaving.set(parent, (leaving.get(parent) ?? 0) + 1);
      outstanding.remove(path, outstanding.get(path)!);
    }
    for (const [path, count] of leaving) {
      const parent = outstanding.get(path)!;
      outstanding.setChildren(path, parent, parent.children - count, parent.cversion);
    }
  }

  // Requests.

  /** A write of a client of this server. */
  write(connection: Connection, xid: number, opcode: number, body: JuteReader): void {
    const session = connection.session!;
    const { admission } = this.#parts;
    if (session.closing) return admission.refuse(connection, xid, errorCodes.SessionExpired);
    if (opcode === opcodes.closeSession) {
      session.closing = true;
      connection.state = 'ending';
      return this.closeSession(connection, xid, session.id);
    }
    const ephemeralRefusal = session.scope === 'global' ? 0 : errorCodes.EphemeralOnLocalSession;
    const by = { session: session.id, identities: connection.identities, ephemeralRefusal };
    if (!this.#propose(connection, xid, opcode, by, body)) admission.refuse(connection, xid, errorCodes.Unimplemented);
  }

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
    try {
      const refusal = this.#forwarded(learner, id, cxid, opcode, body, identities);
      if (refusal !== 0) this.#refuse(id, cxid, opcode, refusal);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#refuse(id, cxid, opcode, errorCodes.MarshallingError);
    }
  }

  #refuse(id: SessionId, cxid: number, opcode: number, code: number): void {
    this.#begin();
    this.#submit(undefined, cxid, opcode, id, { kind: 'error', code });
  }

  /** Proposes what was asked for, or returns the code that refuses it. */
  #forwarded(
    learner: number,
    id: SessionId,
    cxid: number,
    opcode: number,
    body: JuteReader,
    identities: readonly Identity[] | null,
  ): number {
    const { sessions } = this.#ctx;
    const session = sessions.get(id);
    if (opcode === opcodes.createSession) return this.#openFor(learner, id, cxid, body.int());
    if (session === undefined ? !this.#mayBeLocal(id) : session.closing) return errorCodes.SessionExpired;
    if (session !== undefined) {
      if (!this.#parts.holders.claim(id, learner)) return errorCodes.SessionMoved;
      sessions.touch(session);
      if (opcode === opcodes.closeSession) {
        session.closing = true;
        this.closeSession(undefined, cxid, id);
        return 0;
      }
    } else if (opcode === opcodes.closeSession) return errorCodes.SessionExpired;
    // Nobody to check against an ACL; only the servers' own requests come like this.
    if (identities === null) return errorCodes.MarshallingError;
    const by = { session: id, identities, ephemeralRefusal: session === undefined ? errorCodes.SessionExpired : 0 };
    return this.#propose(undefined, cxid, opcode, by, body) ? 0 : errorCodes.Unimplemented;
  }

  /** Whether an unknown session can be a local one of another server; those have no ephemerals. */
  #mayBeLocal(id: SessionId): boolean {
    const { localSessionsEnabled, serverId } = this.#ctx.options;
    return localSessionsEnabled === true && BigInt.asUintN(8, id >> 56n) !== BigInt.asUintN(8, BigInt(serverId));
  }

  /** An id is given out once. If two servers have given the same, the second client has to ask again. */
  #openFor(learner: number, id: SessionId, cxid: number, timeoutMs: number): number {
    const { sessions, locals } = this.#ctx;
    if (sessions.get(id) !== undefined || locals.get(id) !== undefined) return errorCodes.SessionMoved;
    sessions.add(id, timeoutMs);
    this.#parts.holders.move(id, learner);
    this.openSession(undefined, id, cxid, timeoutMs);
    return 0;
  }

  /** The client of a session has moved to a learner. Whether the session is alive. */
  revalidateFor(learner: number, id: SessionId, timeoutMs: number): boolean {
    const { sessions, hangUp } = this.#ctx;
    const { holders } = this.#parts;
    const session = sessions.get(id);
    if (session === undefined || session.closing) return false;
    sessions.add(id, timeoutMs);
    const holder = holders.get(id);
    holders.move(id, learner);
    if (holder !== undefined) hangUp(holder);
    return true;
  }

  /** Deletes a container or TTL node that is due. */
  reap(path: string): void {
    this.#begin();
    const prepared = prepareReap(this.#ctx, path);
    if (typeof prepared === 'number') return;
    if (this.#ctx.tree.ttlMs(this.#ctx.tree.find(path)) > 0) this.#ctx.stats.ttlNodesDeleted++;
    this.#submit(undefined, 0, opcodes.deleteContainer, 0n as SessionId, prepared);
  }

  // Preparing.

  /** False when clients must not ask for this at all. */
  #propose(connection: Connection | undefined, xid: number, opcode: number, by: Requester, body: JuteReader): boolean {
    this.#begin();
    if (opcode === opcodes.multi) {
      const { txn, opcodes: parts } = prepareMulti(this.#ctx, by, body);
      const fitting = this.#fitting(txn);
      this.#submit(connection, xid, opcode, by.session, fitting, fitting === txn ? parts : []);
      return true;
    }
    const prepared = this.#prepare(by, opcode, body);
    if (prepared !== undefined) this.#submit(connection, xid, opcode, by.session, this.#fitting(asTxn(prepared)));
    return prepared !== undefined;
  }

  /** What is logged has to be read by every server of the ensemble: a transaction that is too long for that is refused. */
  #fitting(txn: Txn): Txn {
    if (fitsInto(this.#ctx.options.fieldBytesMax, txn)) return txn;
    this.#ctx.outstanding.rollBack();
    this.#reconfiguration = undefined;
    this.#ctx.stats.txnsTooLong++;
    return { kind: 'error', code: errorCodes.BadArguments };
  }

  /** A transaction, or the code that refuses it. */
  #prepare(by: Requester, opcode: number, body: JuteReader): Txn | number | undefined {
    if (opcode === opcodes.reconfig) return this.#prepareReconfiguration(by, body);
    if (opcode === opcodes.deleteContainer) return isClientsDeleteContainer(body) ? undefined : errorCodes.BadArguments;
    if (opcode === opcodes.createSession) {
      body.int();
      return undefined;
    }
    return prepareSingle(this.#ctx, by, opcode, body);
  }

  #prepareReconfiguration(by: Requester, body: JuteReader): Txn | number {
    const ctx = this.#ctx;
    const { joiningServers, leavingServers, newMembers, curConfigId } = records.reconfigRequest.read(body);
    if (!ctx.options.reconfigEnabled) return errorCodes.ReconfigDisabled;
    if (this.#leading.plan === undefined) return errorCodes.Unimplemented;
    const node = ctx.outstanding.get(systemPaths.config);
    if (node === undefined) return errorCodes.NoNode;
    const zxid = nextZxid(this.#lastProposed);
    const request = { joining: joiningServers, leaving: leavingServers, newMembers, version: curConfigId };
    const config = this.#leading.plan(request, zxid);
    if (typeof config === 'number') return config;
    if (!ctx.permissions.allows(node.acl, perms.write, by.identities)) return errorCodes.NoAuth;
    this.#reconfiguration = config;
    const data = encodeText(formatEnsembleConfig(config));
    return { kind: 'setData', code: 16, path: systemPaths.config, data, version: -1 };
  }

  // Proposing and applying.

  #begin(): void {
    this.#ctx.outstanding.begin(nextZxid(this.#lastProposed), this.#ctx.wall);
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
    const { wall, now, outstanding } = this.#ctx;
    const header = { clientId, cxid: xid, zxid, time: wall };
    const touched = outstanding.touched();
    // A failed write changes nothing, and ZooKeeper's servers put no digest behind it. Behind the end of a session without
    // a list they would take it for the list.
    const isBare = txn.kind === 'error' || (txn.kind === 'closeSession' && txn.paths === null);
    const digest = isBare ? undefined : outstanding.digest;
    const write: Write = {
      kind: 'write',
      connection,
      xid,
      opcode,
      header,
      txn,
      touched,
      partOpcodes,
      receivedAt: now,
      digest,
    };
    this.#inFlight.push(write);
    connection?.waiting.push(write);
    this.#leading.propose(header, txn, digest);
    if (this.#reconfiguration === undefined) return;
    this.#leading.reconfigure?.(zxid, this.#reconfiguration);
    this.#reconfiguration = undefined;
  }

  /** Everything up to zxid is decided: it is applied, answered, and what waited behind it follows. */
  decided(zxid: Zxid): void {
    const ctx = this.#ctx;
    const { admission, notifier, sessionEnded } = this.#parts;
    for (
      let write = this.#inFlight.head;
      write !== undefined && write.header.zxid <= zxid;
      write = this.#inFlight.head
    ) {
      this.#inFlight.shift();
      const { connection } = write;
      if (connection !== undefined && connection.waiting[0] !== write) admission.passSyncs(connection, write);
      notifier.zxid = write.header.zxid;
      applyAndReply(ctx, write);
      if (write.digest !== undefined && !ctx.tree.digest.is(write.digest)) this.#toldWrongly(write);
      ctx.outstanding.applied(write.header.zxid, write.touched);
      ctx.stats.commits++;
      if (write.txn.kind === 'create' && write.txn.ttlMs > 0) ctx.stats.ttlNodesCreated++;
      if (write.txn.kind === 'closeSession') sessionEnded(write.header.clientId);
      if (connection === undefined || connection.state === 'gone') continue;
      connection.waiting.shift();
      if (connection.waiting.length > 0) admission.release(connection);
    }
  }

  /** The digest that went out with a transaction is not that of the tree: a defect here, for which no replica must pay. */
  #toldWrongly({ header, txn }: Write): void {
    const { stats, host, outstanding } = this.#ctx;
    stats.digestMismatches++;
    stats.digestsToldWrongly++;
    outstanding.distrustDigest();
    const facts = { zxid: formatZxid(header.zxid), type: txn.kind };
    const message =
      'the digest that was computed for a transaction is not that of the tree behind it: no more digests are told ' +
      'until the next leader begins. Please report this with these facts';
    host.note({ kind: 'ensemble', level: 'error', message, facts });
  }
}
