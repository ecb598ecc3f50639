// K1 and K5: making a node that is ours for certain, and taking it away for certain. The client's protected create finds
// out after a lost answer whether the node is there; the session that owns it says whether it counts.

import { ZkError } from '@corral/client';
import type { Client, CreateMode, DataInput, Stat } from '@corral/client';
import { isRetryable } from '../errors.ts';
import type { AclOption } from './parents.ts';
import { join, nameOf } from './paths.ts';
import { patient } from './patience.ts';
import { pause } from './vigil.ts';

export interface OwnSpec extends AclOption {
  readonly dir: string;
  /** End of the name; a mark of this attempt comes before it, and the number of a sequential node behind it. */
  readonly base: string;
  readonly data: DataInput;
  readonly mode: Extract<CreateMode, 'ephemeral' | 'ephemeralSequential'>;
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
  const { dir, base, data, mode, acl = 'open' } = spec;
  const options = { mode, acl, protected: true, parents: 'container', parentsAcl: acl, pin: false, signal } as const;
  for (;;) {
    try {
      const { path, stat } = await zk.create(join(dir, base), data, options);
      return ownNode(dir, nameOf(path), stat);
    } catch (error) {
      if (!wasRefusedForNow(error)) throw error;
      await pause(zk, retryPauseMs, signal);
    }
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
export function abandonAttempt(client: Client, dir: string, id: string, session: bigint | null): void {
  if (session === null) return;
  const zk = patient(client);
  inBackground(zk, async () => {
    for (const { path } of await findAttempt(zk, dir, id)) await zk.delete(path, { pin: session });
  });
}

/** Deletes nodes of ours in the background; nobody waits for it. */
export function abandonAll(client: Client, nodes: readonly Pick<OwnNode, 'path' | 'session'>[]): void {
  const zk = patient(client);
  for (const { path, session } of nodes) inBackground(zk, () => zk.delete(path, { pin: session }));
}
export const abandon = (zk: Client, own: Pick<OwnNode, 'path' | 'session'>): void => abandonAll(zk, [own]);

function inBackground(zk: Client, work: () => Promise<void>): void {
  repeatWhileOurs(zk, work).catch((error: unknown) => {
    // Refused for good, by an ACL for instance: the node goes with its session.
    if (!ZkError.is(error)) throw error;
  });
}

/** Deletes a node of ours. Resolves when it is gone or its session is; rejects when the server refuses for good. */
export const removeOwn = (zk: Client, { path, session }: Pick<OwnNode, 'path' | 'session'>): Promise<void> =>
  repeatWhileOurs(zk, () => zk.delete(path, { pin: session, timeout: Infinity }));

/**
 * Repeats a write that is pinned to a session until it has worked, nothing is left to do, or that session is over: then the
 * server takes its ephemerals away.
 */
async function repeatWhileOurs(zk: Client, work: () => Promise<void>): Promise<void> {
  for (;;) {
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
