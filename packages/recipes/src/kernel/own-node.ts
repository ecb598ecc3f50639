// K1, K5 and K7: making a node that is ours for certain, and taking it away for certain. The name carries an id that only
// this attempt knows, so that after a lost answer the node can be found; the session that owns it says whether it counts.

import { ZkError } from '@corral/client';
import type { Acl, AclName, Client, CreateMode, DataInput, Stat } from '@corral/client';
import { isAmbiguous, isRetryable } from '../errors.ts';
import { createBelowContainers } from './parents.ts';
import { join, nameOf } from './paths.ts';
import { pause } from './vigil.ts';

export interface OwnSpec {
  readonly dir: string;
  /** Name for an attempt with this id; the server adds the number of a sequential node. */
  readonly name: (id: string) => string;
  readonly data: DataInput;
  readonly mode: Extract<CreateMode, 'ephemeral' | 'ephemeralSequential'>;
  readonly acl?: AclName | readonly Acl[] | undefined;
}

/** An ephemeral node of ours. */
export interface OwnNode {
  readonly dir: string;
  readonly name: string;
  readonly path: string;
  /** Session that it lives with. */
  readonly session: bigint;
  readonly czxid: bigint;
}

const retryPauseMs = 50;

/** Creates the node exactly once for the session that is the client's when this returns. */
export async function createOwn(zk: Client, spec: OwnSpec, signal?: AbortSignal): Promise<OwnNode> {
  for (;;) {
    signal?.throwIfAborted();
    const id = crypto.randomUUID();
    const before = zk.session?.id ?? null;
    try {
      const path = join(spec.dir, spec.name(id));
      const { mode, acl = 'open' } = spec;
      const created = await createBelowContainers(zk, path, spec.data, { mode, acl, signal });
      return ownNode(spec.dir, nameOf(created.path), created.stat);
    } catch (error) {
      const session = before ?? zk.session?.id ?? null;
      const own = await afterFailure(zk, spec, { id, session, error }, signal);
      if (own !== null) return own;
    }
  }
}

/** Finds out whether a failed attempt made its node. Null when it did not, and never will. */
async function afterFailure(
  zk: Client,
  { dir }: OwnSpec,
  attempt: { readonly id: string; readonly session: bigint | null; readonly error: unknown },
  signal?: AbortSignal,
): Promise<OwnNode | null> {
  const { id, session, error } = attempt;
  // A session that ended before the request had left takes nothing with it.
  if (ZkError.is(error, 'SessionExpired') && !error.ambiguous) return null;
  if (wasRefusedForNow(error)) {
    await pause(zk, retryPauseMs, signal);
    return null;
  }
  if (!isAmbiguous(error)) throw error;
  if (signal?.aborted === true || zk.state === 'closed') {
    abandonAttempt(zk, dir, id, session);
    signal?.throwIfAborted();
    throw error;
  }
  try {
    const [found] = await findAttempt(zk, dir, id, signal);
    if (found?.session === zk.session?.id) return found ?? null;
    abandonAttempt(zk, dir, id, session);
    return null;
  } catch (thrown) {
    abandonAttempt(zk, dir, id, session);
    throw thrown;
  }
}

/** The server did not carry it out, and says that this is not for good. */
const wasRefusedForNow = (error: unknown): boolean =>
  ZkError.is(error, 'SessionMoved') || ZkError.is(error, 'ThrottledOp');

/**
 * The nodes that an attempt made. The server we are connected to now may not have heard of what the last one did for us:
 * sync before looking.
 */
export async function findAttempt(zk: Client, dir: string, id: string, signal?: AbortSignal): Promise<OwnNode[]> {
  try {
    await zk.sync(dir, { signal });
    const names = (await zk.children(dir, { signal })).children.filter((child) => child.includes(id));
    const stats = await Promise.all(names.map((name) => zk.exists(join(dir, name), { signal })));
    return names.flatMap((name, at) => {
      const stat = stats[at];
      return stat === null ? [] : [ownNode(dir, name, stat)];
    });
  } catch (error) {
    if (ZkError.is(error, 'NoNode')) return [];
    throw error;
  }
}

export const ownNode = (dir: string, name: string, stat: Stat): OwnNode => ({
  dir,
  name,
  path: join(dir, name),
  session: stat.ephemeralOwner,
  czxid: stat.czxid,
});

// Cleaning up

/** Deletes what an attempt may have left behind, in the background, until that is done or the session is over. */
export function abandonAttempt(zk: Client, dir: string, id: string, session: bigint | null): void {
  inBackground(zk, session, async () => {
    for (const { path } of await findAttempt(zk, dir, id)) await zk.delete(path);
  });
}

/** Deletes nodes of ours in the background; nobody waits for it. */
export function abandonAll(zk: Client, nodes: readonly Pick<OwnNode, 'path' | 'session'>[]): void {
  for (const { path, session } of nodes) inBackground(zk, session, () => zk.delete(path));
}
export const abandon = (zk: Client, own: Pick<OwnNode, 'path' | 'session'>): void => abandonAll(zk, [own]);

function inBackground(zk: Client, session: bigint | null, work: () => Promise<void>): void {
  repeatWhileOurs(zk, session, work).catch((error: unknown) => {
    // Refused for good, by an ACL for instance: the node goes with its session.
    if (!ZkError.is(error)) throw error;
  });
}

/** Deletes a node of ours. Resolves when it is gone or its session is; rejects when the server refuses for good. */
export function removeOwn(zk: Client, own: Pick<OwnNode, 'path' | 'session'>): Promise<void> {
  return repeatWhileOurs(zk, own.session, () => zk.delete(own.path));
}

/**
 * Repeats a write that belongs to a session until it has worked, nothing is left to do, or that session is over: then the
 * server takes its ephemerals away.
 */
export async function repeatWhileOurs(zk: Client, session: bigint | null, work: () => Promise<void>): Promise<void> {
  while (zk.state !== 'closed' && zk.session?.id === session) {
    try {
      return await work();
    } catch (error) {
      if (ZkError.is(error, 'NoNode') || ZkError.is(error, 'SessionExpired') || ZkError.is(error, 'Closing')) return;
      if (!isRetryable(error)) throw error;
      // After a lost connection the next request waits for the next one; anything else is given a moment.
      if (!ZkError.is(error, 'ConnectionLoss')) await new Promise<void>((done) => zk.clock.after(retryPauseMs, done));
    }
  }
}
