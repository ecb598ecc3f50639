// What differs between two trees, and how to make one like the other.

import type { CallOptions, Client } from '@corral/client';
import { createOptionsOf, createParents, placed } from '../copy.ts';
import type { CopiedNode } from '../copy.ts';
import { isSameAcl } from '../masked-acl.ts';
import { ifThere } from '../tree.ts';

export interface Difference {
  /** Below the tops that are compared. */
  readonly path: string;
  /** Of the target: it lacks the node, has one too many, or another content. */
  readonly kind: 'missing' | 'extra' | 'data' | 'acl' | 'acl unknown';
  readonly source: CopiedNode | null;
  readonly target: CopiedNode | null;
}

/** Parents first. Access lists count when asked for: they often differ between clusters on purpose. */
export function compare(
  source: readonly CopiedNode[],
  target: readonly CopiedNode[],
  { acls }: { acls: boolean },
): Difference[] {
  const wanted = new Map(source.map((node) => [node.path, node]));
  const there = new Map(target.map((node) => [node.path, node]));
  const differences: Difference[] = [];
  for (const [path, node] of wanted) {
    const found = there.get(path) ?? null;
    if (found === null) differences.push({ path, kind: 'missing', source: node, target: null });
    else {
      if (!isSameData(node, found)) differences.push({ path, kind: 'data', source: node, target: found });
      const same = !acls || isSameAcl(node.acl, found.acl);
      if (same !== true) {
        differences.push({ path, kind: same === null ? 'acl unknown' : 'acl', source: node, target: found });
      }
    }
  }
  for (const [path, node] of there) {
    if (!wanted.has(path)) differences.push({ path, kind: 'extra', source: null, target: node });
  }
  return differences;
}

const isSameData = (a: CopiedNode, b: CopiedNode): boolean =>
  a.data === null || b.data === null ? a.data === b.data : Buffer.compare(a.data, b.data) === 0;

/** The nodes whose access lists get written. */
export const listed = (differences: readonly Difference[]): CopiedNode[] =>
  differences.flatMap(({ kind, source }) => (kind === 'data' || source === null ? [] : [source]));

/** Makes the target like the source. Extra nodes go children first, and only when they have no new ones by then. */
export async function apply(
  client: Client,
  top: string,
  differences: readonly Difference[],
  call: CallOptions,
  onProgress: (count: number) => void,
): Promise<void> {
  let count = 0;
  const step = async (work: Promise<unknown>): Promise<void> => {
    await work;
    onProgress(++count);
  };
  if (differences.some(({ kind }) => kind === 'missing')) await createParents(client, top, call);
  for (const { path, kind, source, target } of differences) {
    const at = placed(top, path);
    if (kind === 'missing') await step(create(client, at, source!, call));
    else if (kind === 'data') await step(client.set(at, source!.data, { version: target!.version, ...call }));
    else if (kind === 'acl' || kind === 'acl unknown') await step(client.setAcl(at, source!.acl, call));
  }
  for (const { path, kind } of differences.toReversed()) {
    if (kind === 'extra') await step(ifThere(client.delete(placed(top, path), call)));
  }
}

/** A node below the top whose parent the source does not name gets one. */
async function create(client: Client, path: string, node: CopiedNode, call: CallOptions): Promise<void> {
  await client.create(path, node.data, { ...createOptionsOf(node), parents: 'persistent', ...call });
}
