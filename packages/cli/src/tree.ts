// Walks a tree from the top, parents before their children. The answer is not one moment in time: nodes that vanish
// during the walk are left out.

import type { CallOptions, Client, Stat } from '@corral/client';

export interface WalkedNode {
  readonly path: string;
  /** 0 for the top of the walk. */
  readonly depth: number;
  readonly stat: Stat;
  /** In order. Empty when they may not be listed. */
  readonly children: readonly string[];
}

export interface WalkOptions {
  readonly maxDepth?: number;
  /** Called for nodes whose children may not be listed; without it such a node ends the walk with its error. */
  readonly onDenied?: (path: string) => void;
}

/** Requests in flight at once. */
const windowSize = 64;

export const joined = (path: string, name: string): string => (path === '/' ? `/${name}` : `${path}/${name}`);

/** The top and all nodes below it, depth first, names in order. */
export async function* walk(
  client: Client,
  top: string,
  call: CallOptions,
  options: WalkOptions = {},
): AsyncGenerator<WalkedNode> {
  const look = (path: string, depth: number): Promise<WalkedNode> => visit(client, path, depth, call, options);
  const first = await look(top, 0);
  yield first;
  yield* below(first, look, options.maxDepth ?? Infinity);
}

type Look = (path: string, depth: number) => Promise<WalkedNode>;

async function* below(parent: WalkedNode, look: Look, maxDepth: number): AsyncGenerator<WalkedNode> {
  if (parent.depth >= maxDepth) return;
  for (let at = 0; at < parent.children.length; at += windowSize) {
    const paths = parent.children.slice(at, at + windowSize).map((name) => joined(parent.path, name));
    const found = await Promise.all(paths.map((path) => ifThere(look(path, parent.depth + 1))));
    for (const node of found) {
      if (node === null) continue;
      yield node;
      yield* below(node, look, maxDepth);
    }
  }
}

async function visit(
  client: Client,
  path: string,
  depth: number,
  call: CallOptions,
  { onDenied }: WalkOptions,
): Promise<WalkedNode> {
  try {
    const { children, stat } = await client.children(path, call);
    return { path, depth, stat, children: children.toSorted() };
  } catch (error) {
    if (onDenied === undefined || !hasCode(error, 'NoAuth')) throw error;
    const stat = await client.exists(path, call);
    if (stat === null) throw error;
    onDenied(path);
    return { path, depth, stat, children: [] };
  }
}

/** Null for a node that is gone. */
export async function ifThere<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (hasCode(error, 'NoNode')) return null;
    throw error;
  }
}

export const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

/** Paths of all nodes below `path`, depth first, names in order. */
export async function* descendants(client: Client, path: string, call: CallOptions): AsyncGenerator<string> {
  for await (const node of walk(client, path, call)) if (node.depth > 0) yield node.path;
}

/** Work on many items, this many at once, results in order. */
export async function inWindows<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += windowSize) {
    results.push(...(await Promise.all(items.slice(at, at + windowSize).map(work))));
  }
  return results;
}
