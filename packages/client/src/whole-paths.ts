// What takes several requests because a tree has depth, or because nobody knows whether a node is there: each step may be
// taken again, so that a broken link or another client's step in between does no harm.

import type { CallOptions } from './connection.ts';
import { createNode } from './create.ts';
import type { ParentOptions } from './create.ts';
import { isInDoubt } from './doubt.ts';
import { ZkError } from './errors.ts';
import { deleteNode, setData } from './idempotent.ts';
import type { RepeatOptions } from './idempotent.ts';
import { exists, getChildren } from './reads.ts';
import type { Acl, AclName, DataInput, Stat } from './results.ts';
import { sharedLimit } from './view.ts';
import type { View } from './view.ts';

/** Options of `put`. */
export interface PutOptions extends CallOptions, RepeatOptions, ParentOptions {
  /** Access control list of a node that is made; `open` unless given. One that is there keeps its own. */
  readonly acl?: AclName | readonly Acl[] | undefined;
}

/** Options of `ensurePath`. */
export interface EnsurePathOptions extends CallOptions {
  /** Access control list of the nodes that are made; `open` unless given. */
  readonly acl?: AclName | readonly Acl[] | undefined;
  /** What is made: `persistent` nodes unless given. */
  readonly mode?: 'container' | 'persistent' | undefined;
}

/** Requests of one deletion under way at a time. */
const inFlightMax = 100;

export async function putData(view: View, path: string, data: DataInput, options: PutOptions): Promise<Stat> {
  const limit = sharedLimit(options, view.clock);
  for (;;) {
    try {
      return await setData(view, path, data, limit());
    } catch (error) {
      if (!ZkError.is(error, 'NoNode')) throw error;
    }
    try {
      const { acl = 'open' } = options;
      return (await createNode(view, path, data, { ...limit(), acl })).stat;
    } catch (error) {
      // Made by somebody else meanwhile, or by ourselves: then it is there to be written to.
      const isDone = options.idempotent === true && isInDoubt(error);
      if (!isDone && !ZkError.is(error, 'NodeExists')) throw error;
    }
  }
}

export async function ensurePath(view: View, path: string, options: EnsurePathOptions): Promise<void> {
  const { acl = 'open', mode = 'persistent', ...rest } = options;
  const limit = sharedLimit(rest, view.clock);
  // A look first: a path that is there needs no right to write to what is above it.
  while ((await exists(view, path, limit())) === null) {
    try {
      await createNode(view, path, '', { ...limit(), acl, mode, parents: mode, parentsAcl: acl });
      return;
    } catch (error) {
      if (!isInDoubt(error) && !ZkError.is(error, 'NodeExists')) throw error;
    }
  }
}

export async function deleteTree(view: View, path: string, options: CallOptions): Promise<number> {
  if (view.root.full(path) === '/') throw new TypeError('the root cannot be deleted: name the nodes below it');
  let deleted = 0;
  const remove = async (each: string): Promise<boolean> => {
    try {
      await deleteNode(view, each, { ...options, idempotent: true });
      deleted += 1;
      return true;
    } catch (error) {
      // Somebody else has deleted it, or made a child since we looked.
      if (ZkError.is(error, 'NoNode')) return true;
      if (ZkError.is(error, 'NotEmpty')) return false;
      throw error;
    }
  };
  for (;;) {
    let isGone = true;
    for (const level of (await levelsOf(view, path, options)).reverse()) {
      isGone = (await inTurns(level, remove)).every(Boolean);
    }
    if (isGone) return deleted;
  }
}

/** All paths of a tree, those of one depth together, the highest first. */
async function levelsOf(view: View, path: string, options: CallOptions): Promise<string[][]> {
  const levels: string[][] = [];
  const below = async (each: string): Promise<string[]> => {
    try {
      const { children } = await getChildren(view, each, options);
      return children.map((name) => (each === '/' ? `/${name}` : `${each}/${name}`));
    } catch (error) {
      if (ZkError.is(error, 'NoNode')) return [];
      throw error;
    }
  };
  for (let level = [path]; level.length > 0; level = (await inTurns(level, below)).flat()) levels.push(level);
  return levels;
}

/** Does the work for each item, some at a time. */
async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += inFlightMax) {
    const batch = await Promise.allSettled(items.slice(at, at + inFlightMax).map(work));
    for (const result of batch) {
      if (result.status === 'rejected') throw result.reason;
      results.push(result.value);
    }
  }
  return results;
}
