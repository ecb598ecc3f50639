// Invariants 25, 28 and 29, by what clients were told: writes that were acknowledged are there, in an order that fits real
// time; what was read is what was written under that zxid.

import { readTxnPayload } from '@corral/core';
import type { Done } from '../clients.ts';
import type { Ghost } from './ghost.ts';
import { hex } from './ghost.ts';

const isWrite = ({ op }: Done): boolean => op.kind !== 'get' && op.kind !== 'sync' && op.kind !== 'close';

/** The values that should be at the paths in the end; undefined where nobody can know. */
export interface Expected {
  readonly path: string;
  /** null: no such node. */
  readonly value: string | null;
}

export function checkHistories(ghost: Ghost, histories: readonly (readonly Done[])[]): Expected[] {
  const all = histories.flat().sort((a, b) => a.answeredAt - b.answeredAt);
  const writes = all.filter((done) => isWrite(done) && done.outcome === 'ok');
  checkOrder(ghost, writes);
  for (const done of all) if (done.op.kind === 'get' && done.outcome === 'ok') checkRead(ghost, done);
  for (const done of writes) checkDecided(ghost, done);
  checkRecency(ghost, all, writes);
  return expectations(all, writes);
}

/** A write that was answered before another was asked for comes before it. */
function checkOrder(ghost: Ghost, writes: readonly Done[]): void {
  for (const a of writes) {
    for (const b of writes) {
      if (a.answeredAt >= b.calledAt || a.zxid < b.zxid) continue;
      const facts = `${a.op.path} was written at ${hex(a.zxid)} before ${b.op.path} at ${hex(b.zxid)} was asked for`;
      ghost.fail(25, 'linearizable writes', facts);
      return;
    }
  }
}

function checkDecided(ghost: Ghost, { op, zxid, client }: Done): void {
  if (ghost.decidedHash.has(zxid)) return;
  ghost.fail(16, 'committed durability', `client ${client} was told that ${op.path} is written at ${hex(zxid)}; it is not decided`);
}

/** What a read says stands in the transaction that it names. */
function checkRead(ghost: Ghost, done: Done): void {
  const proposal = ghost.proposals.get(done.mzxid!);
  const facts = `client ${done.client} reads ${done.op.path} as ${done.value} of ${hex(done.mzxid!)}`;
  if (proposal === undefined || !ghost.decidedHash.has(done.mzxid!)) {
    ghost.fail(29, 'read exactness', `${facts}, which was not decided`);
    return;
  }
  const { txn } = readTxnPayload(proposal.payload, 0, proposal.payload.length);
  const isWritten = txn.kind === 'create' || txn.kind === 'setData';
  const value = isWritten && txn.data !== null ? String.fromCharCode(...txn.data) : '';
  if (!isWritten || txn.path !== done.op.path || value !== done.value) {
    ghost.fail(29, 'read exactness', `${facts}, which wrote ${value}`);
  }
}

/** A read behind a sync sees all that was acknowledged before the sync was asked for (30). */
function checkRecency(ghost: Ghost, all: readonly Done[], writes: readonly Done[]): void {
  const syncs = new Map<bigint, Done>();
  for (const done of all) {
    if (done.outcome !== 'ok') continue;
    if (done.op.kind === 'sync') syncs.set(done.session, done);
    const sync = syncs.get(done.session);
    if (done.op.kind !== 'get' || sync === undefined) continue;
    const missed = writes.find(({ answeredAt, zxid }) => answeredAt < sync.calledAt && zxid > done.zxid);
    if (missed === undefined) continue;
    const facts = `client ${done.client} reads at ${hex(done.zxid)} behind a sync; ${hex(missed.zxid)} was answered before`;
    ghost.fail(30, 'sync', facts);
    return;
  }
}

function expectations(all: readonly Done[], writes: readonly Done[]): Expected[] {
  const unknown = new Set(all.filter((done) => isWrite(done) && done.outcome === 'unknown').map(({ op }) => op.path));
  const last = new Map<string, Done>();
  for (const done of writes) {
    const before = last.get(done.op.path);
    if (before === undefined || before.zxid < done.zxid) last.set(done.op.path, done);
  }
  return [...last.values()]
    .filter(({ op }) => !unknown.has(op.path) && !('ephemeral' in op && op.ephemeral === true))
    .map(({ op }) => ({ path: op.path, value: 'value' in op ? op.value : null }));
}
