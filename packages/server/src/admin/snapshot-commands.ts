// The commands of the AdminServer that need an identity: snapshot sends the whole tree, restore replaces it, hand_over lets
// another server lead. Each
// is checked in the same order as in Apache: identity, method, switched on, rate. Anything unexpected is a refusal.

import { ProtocolError, formatZxid } from '@corral/protocol';

import type { ServerFacts, TakenSnapshot } from './facts.ts';
import type { Fields } from './json.ts';

export const privileged = [
  { name: 'hand_over', aliases: [], method: 'POST' },
  { name: 'restore', aliases: ['rest'], method: 'POST' },
  { name: 'snapshot', aliases: ['snap'], method: 'GET' },
] as const;

export type PrivilegedName = (typeof privileged)[number]['name'];

export interface PrivilegedCall {
  readonly name: PrivilegedName;
  readonly method: string;
  readonly authorization: string | undefined;
  readonly callerAddress: string;
  readonly query: Readonly<Record<string, string>>;
  /** The snapshot to restore. */
  readonly body: AsyncIterable<Uint8Array> | undefined;
}

export type Outcome =
  | { readonly kind: 'fields'; readonly fields: Fields; readonly headers?: Readonly<Record<string, string>> }
  | { readonly kind: 'refused'; readonly status: number; readonly error: string }
  | { readonly kind: 'stream'; readonly snapshot: TakenSnapshot; readonly headers: Readonly<Record<string, string>> };

/** Two changes of leader on purpose are no closer than this. */
const handOverPauseMs = 10_000;
const notOnMembers =
  'a member of an ensemble takes its state from the leader; restore a backup into the data directories of all members ' +
  'while they are stopped';

const refused = (status: number, error: string): Outcome => ({ kind: 'refused', status, error });

/** Remembers when each command last ran. One per AdminServer. */
export class RateLimiter {
  readonly #lastAt = new Map<string, number>();
  readonly #intervalMs: number;
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }
  allow(name: string, now: number, atMostMs = Infinity): boolean {
    const last = this.#lastAt.get(name);
    if (last !== undefined && now - last < Math.min(this.#intervalMs, atMostMs)) return false;
    this.#lastAt.set(name, now);
    return true;
  }
}

export async function runPrivileged(
  facts: ServerFacts,
  call: PrivilegedCall,
  limiter: RateLimiter,
  onError: (error: unknown) => void,
): Promise<Outcome> {
  const denied = await checkIdentity(facts, call);
  if (denied !== undefined) return denied;
  const row = privileged.find((candidate) => candidate.name === call.name);
  if (row?.method !== call.method) return refused(500, `${call.name} needs the method ${row?.method ?? 'of its kind'}`);
  if (call.name === 'hand_over') return handOver(facts, limiter);
  const { config, metrics } = facts;
  const enabled = call.name === 'snapshot' ? config.adminSnapshotEnabled : config.adminRestoreEnabled;
  if (!enabled) return refused(503, `${call.name} command is disabled`);
  if (!config.serializeLastProcessedZxid) return refused(500, 'serializeLastProcessedZxid.enabled is false');
  if (call.name === 'restore' && facts.ensemble() !== undefined) return refused(409, notOnMembers);
  if (call.name === 'restore' && call.body === undefined) {
    return refused(400, 'expected a snapshot as application/octet-stream');
  }
  if (!limiter.allow(call.name, performance.now())) {
    metrics.counter(`${call.name}_rate_limited_count`).add(1);
    return refused(429, 'Rate limit exceeded');
  }
  try {
    return call.name === 'snapshot' ? await snapshot(facts, call.query) : await restore(facts, call.body);
  } catch (error) {
    metrics.counter(`${call.name}_error_count`).add(1);
    onError(error);
    // What is wrong with the bytes is for who sent them; what is wrong with this machine is for its log.
    const reason = error instanceof ProtocolError ? `: ${error.message}` : '; the server log has the reason';
    return refused(500, `${call.name} failed${reason}`);
  }
}

export async function checkIdentity(
  facts: ServerFacts,
  call: Pick<PrivilegedCall, 'authorization' | 'callerAddress'>,
): Promise<Outcome | undefined> {
  const written = call.authorization?.trim() ?? '';
  if (written === '') return refused(401, 'Auth info is missing for the command');
  const space = written.indexOf(' ');
  const scheme = space < 0 ? written : written.slice(0, space);
  const credential = space < 0 ? '' : written.slice(space + 1).trim();
  const verdict = await facts.authorize({ scheme, credential, address: call.callerAddress });
  if (verdict === 'granted') return undefined;
  return verdict === 'denied' ? refused(403, 'Not authorized') : refused(401, 'Not authenticated');
}

/** Answers when this server has stopped to lead; who leads next is not known then. */
async function handOver(facts: ServerFacts, limiter: RateLimiter): Promise<Outcome> {
  if (facts.mode() !== 'leader') return refused(409, 'this server does not lead');
  if (!limiter.allow('hand_over', performance.now(), handOverPauseMs)) {
    return refused(429, 'this server has handed over a moment ago');
  }
  await facts.handOver();
  return { kind: 'fields', fields: { handed_over_by: facts.config.serverId } };
}

async function snapshot(facts: ServerFacts, query: PrivilegedCall['query']): Promise<Outcome> {
  const taken = await facts.takeSnapshot();
  const headers = { last_zxid: formatZxid(taken.zxid), snapshot_size: String(taken.bytes) };
  const streaming = (query['streaming'] ?? 'true').toLowerCase() === 'true';
  return streaming ? { kind: 'stream', snapshot: taken, headers } : { kind: 'fields', fields: {}, headers };
}

async function restore(facts: ServerFacts, body: PrivilegedCall['body']): Promise<Outcome> {
  if (body === undefined) throw new Error('a restore without a body was let through');
  const { lastZxid } = await facts.restore(body);
  return { kind: 'fields', fields: { last_zxid: lastZxid } };
}
