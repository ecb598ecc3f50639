// `corral snapshot inspect`: what a snapshot holds, and whether its checksums fit.

import type { SnapshotNode } from '@corral/core';
import { decodeText, formatSessionId, formatZxid, perms } from '@corral/protocol';
import type { Acl } from '@corral/protocol';
import { NodeFiles, inspectSnapshot } from '@corral/server';
import type { SnapshotFacts } from '@corral/server';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { examples } from '../verb.ts';
import { ProblemsFound } from './data-files.ts';
import { quote, toJson } from './txn-text.ts';

interface InspectOptions {
  readonly json?: boolean;
  readonly sessions?: boolean;
  readonly nodes?: boolean;
}

export function registerSnapshot(program: Command, context: Context): void {
  const snapshot = program.command('snapshot').description('snapshots: snapshot.<zxid> files');
  snapshot
    .command('inspect <file>')
    .description('read a snapshot to its last byte and describe it')
    .option('--json', 'as JSON')
    .option('--sessions', 'list the sessions')
    .option('--nodes', 'list the nodes')
    .action((file: string, options: InspectOptions) => inspectFile(file, options, context));
  examples(
    snapshot,
    'snapshot inspect /var/lib/zookeeper/version-2/snapshot.100000001',
    'snapshot inspect snapshot.1f --nodes --json',
  );
}

function inspectFile(file: string, options: InspectOptions, { stdout }: Context): void {
  const json = options.json === true;
  const acls = new Map<number, readonly Acl[]>();
  const facts = inspectSnapshot(new NodeFiles(), file, {
    session: (id, timeoutMs) => {
      if (options.sessions !== true) return;
      const session = formatSessionId(id);
      stdout.write(
        json ? `${JSON.stringify({ session, timeoutMs })}\n` : `session ${session}  timeout ${timeoutMs} ms\n`,
      );
    },
    acl: (id, acl) => void acls.set(id, acl),
    node: (node) => {
      if (options.nodes === true) stdout.write(`${json ? nodeJson(node, acls) : describeNode(node)}\n`);
    },
  });
  stdout.write(`${json ? toJson(facts) : describe(facts)}\n`);
  if (!facts.valid) throw new ProblemsFound(`${file}: ${facts.problem}`);
}

function describe(facts: SnapshotFacts): string {
  if (!facts.valid) return `DAMAGED  ${facts.path}: ${facts.problem}`;
  const { nodes, sessions, bytes, digest, lastZxid } = facts.summary;
  const lines = [`ok       ${facts.path}: checksums fit`, `  nodes      ${nodes}`, `  sessions   ${sessions}`];
  lines.push(`  bytes      ${bytes} unpacked`);
  if (digest !== undefined) lines.push(`  digest     0x${digest.value.toString(16)} at ${formatZxid(digest.zxid)}`);
  if (lastZxid !== undefined) lines.push(`  last zxid  ${formatZxid(lastZxid)}`);
  return lines.join('\n');
}

const pathOf = (node: SnapshotNode): string => decodeText(node.bytes, node.pathStart, node.pathEnd) || '/';

function describeNode(node: SnapshotNode): string {
  const data = node.dataLength < 0 ? 'no data' : `${node.dataLength} bytes`;
  return `${quote(pathOf(node))}  ${data}  version ${node.version}  mzxid ${formatZxid(node.mzxid)}  ${ownerText(node)}`;
}

function ownerText(node: SnapshotNode): string {
  const owner = ownerOf(node);
  if (owner === 0n) return 'persistent';
  if (owner === 1n << 63n) return 'container';
  if (owner >> 56n === 0xffn) return `ttl ${owner & 0xffffffffffn} ms`;
  return `ephemeral of ${formatSessionId(owner)}`;
}

const ownerOf = (node: SnapshotNode): bigint =>
  BigInt.asUintN(64, (BigInt(node.ownerHigh) << 32n) | BigInt(node.ownerLow >>> 0));

/** The one access list that snapshots refer to without writing it down. */
const openAclId = -1;
const openAcl: readonly Acl[] = [{ perms: perms.all, id: { scheme: 'world', id: 'anyone' } }];

function nodeJson(node: SnapshotNode, acls: ReadonlyMap<number, readonly Acl[]>): string {
  const { aclId, czxid, mzxid, pzxid, ctime, mtime, version, cversion, aversion } = node;
  const data = node.dataLength < 0 ? null : node.dataBytes.subarray(node.dataStart, node.dataStart + node.dataLength);
  const stat = { czxid, mzxid, pzxid, ctime, mtime, version, cversion, aversion, ephemeralOwner: ownerOf(node) };
  return toJson({ path: pathOf(node), data, acl: aclId === openAclId ? openAcl : (acls.get(aclId) ?? null), stat });
}
