// Invariants 25, 26, 29, 30 and 37, by what clients were told: writes that were acknowledged are there, in an order that fits real
// time; what was read is what was written under that zxid.

import { readTxnPayload } from '@corral/core';
import { twin } from '../clients.ts';
import type { Done } from '../clients.ts';
import type { Ghost } from './ghost.ts';
import { hex } from './ghost.ts';

const writes = new Set(['create', 'set', 'delete', 'multi', 'reconfig']);
const isWrite = ({ op }: Done): boolean => writes.has(op.kind);

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
  checkSequence(ghost, writes);
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
  ghost.fail(
    16,
    'committed durability',
    `client ${client} was told that ${op.path} is written at ${hex(zxid)}; it is not decided`,
  );
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
    // That there is no such node is an answer too.
    if (done.outcome === 'unknown' || done.zxid <= 0) continue;
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

/** Names with a number of the server's: later transactions give higher numbers (37). */
function checkSequence(ghost: Ghost, writes: readonly Done[]): void {
  const sequential = writes.filter(({ op }) => op.kind === 'create' && op.sequential === true);
  sequential.sort((a, b) => a.zxid - b.zxid);
  for (const [i, { created, zxid }] of sequential.entries()) {
    const before = sequential
      .slice(0, i)
      .find((other) => other.op.path === sequential[i].op.path && other.created! >= created!);
    if (before === undefined) continue;
    const facts = `${created} was created at ${hex(zxid)}, ${before.created} before it at ${hex(before.zxid)}`;
    ghost.fail(37, 'sequential uniqueness', facts);
  }
}

/** Both nodes of a multi are there, or none (26); `value` is what is at a path in the end. */
export function checkMultis(ghost: Ghost, multis: readonly Done[], value: (path: string) => string | null): void {
  for (const { op, client } of multis) {
    const found = [value(op.path), value(op.path + twin)];
    if (found[0] === found[1]) continue;
    ghost.fail(
      26,
      'atomic multi',
      `client ${client} created ${op.path} and ${op.path + twin} at once: ${found.join(', ')}`,
    );
  }
}

function expectations(all: readonly Done[], writes: readonly Done[]): Expected[] {
  const unknown = new Set(all.filter((done) => isWrite(done) && done.outcome === 'unknown').map(({ op }) => op.path));
  const last = new Map<string, Done>();
  for (const done of writes) {
    const path = done.created ?? done.op.path;
    const before = last.get(path);
    if (before === undefined || before.zxid < done.zxid) last.set(path, done);
  }
  return [...last]
    .filter(([path, { op }]) => op.kind !== 'reconfig' && !unknown.has(path) && !('ephemeral' in op && op.ephemeral))
    .map(([path, { op }]) => ({ path, value: 'value' in op ? op.value : null }));
}
