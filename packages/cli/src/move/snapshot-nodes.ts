// A snapshot file as a side of diff, sync and export: what a server held at a moment, without a server. Kinds of nodes that
// servers hide from clients are in there.

import type { SnapshotNode } from '@corral/core';
import { decodeText, perms } from '@corral/protocol';
import type { Acl } from '@corral/protocol';
import { NodeFiles, inspectSnapshot } from '@corral/server';
import { isOwn } from '../copy.ts';
import type { Copied, CopiedNode } from '../copy.ts';
import { UsageError } from '../exit-codes.ts';

/** By its name, as servers give it. */
export const isSnapshotFile = (file: string): boolean => /(^|\/)snapshot\.[0-9a-f]+(\.gz|\.snappy)?$/i.test(file);

/** The one access list that snapshots refer to without writing it down. */
const openAclId = -1;
const openAcl: readonly Acl[] = [{ perms: perms.all, id: { scheme: 'world', id: 'anyone' } }];

export const pathOf = (node: SnapshotNode): string => decodeText(node.bytes, node.pathStart, node.pathEnd) || '/';

/** The stored 64 bits that say how long a node lives. */
export const ownerOf = ({ ownerHigh, ownerLow }: SnapshotNode): bigint =>
  BigInt.asUintN(64, (BigInt(ownerHigh) << 32n) | BigInt(ownerLow >>> 0));

export type Lifetime =
  | { readonly type: 'persistent' | 'container' }
  | { readonly type: 'ttl'; readonly ttl: number }
  | { readonly type: 'ephemeral'; readonly session: bigint };

export function lifetimeOf(node: SnapshotNode): Lifetime {
  const owner = ownerOf(node);
  if (owner === 0n) return { type: 'persistent' };
  if (owner === 1n << 63n) return { type: 'container' };
  if (owner >> 56n === 0xffn) return { type: 'ttl', ttl: Number(owner & 0xffffffffffn) };
  return { type: 'ephemeral', session: owner };
}

export const aclOf = ({ aclId }: SnapshotNode, acls: ReadonlyMap<number, readonly Acl[]>): readonly Acl[] | null =>
  aclId === openAclId ? openAcl : (acls.get(aclId) ?? null);

/** Everything but ephemerals and the nodes of the server itself. */
export function readSnapshotNodes(file: string): Copied {
  const acls = new Map<number, readonly Acl[]>();
  const nodes: CopiedNode[] = [];
  const skipped: string[] = [];
  const facts = inspectSnapshot(new NodeFiles(), file, {
    session: () => undefined,
    acl: (id, acl) => void acls.set(id, acl),
    node: (node) => {
      const path = pathOf(node);
      const lifetime = lifetimeOf(node);
      if (lifetime.type === 'ephemeral') skipped.push(path);
      else if (!isOwn(path)) nodes.push(copied(path, node, lifetime, aclOf(node, acls) ?? []));
    },
  });
  if (!facts.valid) throw new UsageError(`${file} is damaged: ${facts.problem}`);
  return { nodes: nodes.sort((a, b) => (a.path < b.path ? -1 : 1)), skipped };
}

function copied(
  path: string,
  node: SnapshotNode,
  lifetime: Exclude<Lifetime, { type: 'ephemeral' }>,
  acl: readonly Acl[],
): CopiedNode {
  const { dataBytes, dataStart, dataLength, ctime, version } = node;
  return {
    path: path === '/' ? '' : path,
    ...lifetime,
    // The reader uses its memory again for the next node.
    data: dataLength < 0 ? null : dataBytes.slice(dataStart, dataStart + dataLength),
    acl: acl.map(({ perms: bits, id: { scheme, id } }) => ({ scheme: scheme ?? '', id: id ?? '', perms: bits })),
    ctime: new Date(ctime),
    version,
  };
}
