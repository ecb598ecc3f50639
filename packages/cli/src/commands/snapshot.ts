// corral snapshot save | restore | inspect | diff: what a server held at a moment, as a file.

import { formatSessionId, formatZxid } from '@corral/protocol';
import type { Acl } from '@corral/protocol';
import type { SnapshotNode } from '@corral/core';
import { NodeFiles, inspectSnapshot } from '@corral/server';
import type { SnapshotFacts } from '@corral/server';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { showDifferences } from '../move/differences.ts';
import { filePlace } from '../move/place.ts';
import { progress } from '../move/progress.ts';
import { aclOf, lifetimeOf, ownerOf, pathOf } from '../move/snapshot-nodes.ts';
import { report } from '../output.ts';
import { byteText, confirmed, examples, line } from '../verb.ts';
import { globalsOf } from '../with-client.ts';
import type { GlobalOptions } from '../with-client.ts';
import { ProblemsFound } from './data-files.ts';
import { quote, toJson } from './txn-text.ts';

interface InspectOptions {
  readonly json?: boolean;
  readonly sessions?: boolean;
  readonly nodes?: boolean;
}

interface AdminFlag {
  readonly admin?: string;
}

interface SaveFlags extends AdminFlag {
  readonly force?: boolean;
}

const adminOption = [
  '--admin <host:port>',
  'the AdminServer to ask (default: port 8080 of the first --server)',
] as const;

export function registerSnapshot(program: Command, context: Context): void {
  const snapshot = program.command('snapshot').description('snapshots: snapshot.<zxid> files');
  snapshot
    .command('save <file>')
    .description('get the state of a running server as a file; into a folder under the name that servers give it')
    .option(...adminOption)
    .option('--force', 'replace the file when it is there already')
    .action((file: string, flags: SaveFlags, command: Command) => save(file, flags, globalsOf(command), context));
  snapshot
    .command('restore <file>')
    .description('replace all that a standalone server holds; an ensemble takes a snapshot through corral sync')
    .option(...adminOption)
    .action((file: string, { admin }: AdminFlag, command: Command) =>
      restore(file, admin, globalsOf(command), context),
    );
  snapshot
    .command('inspect <file>')
    .description('read a snapshot to its last byte and describe it')
    .option('--json', 'as JSON')
    .option('--sessions', 'list the sessions')
    .option('--nodes', 'list the nodes')
    .action((file: string, options: InspectOptions, command: Command) => {
      const json = options.json === true || globalsOf(command).output !== 'text';
      inspectFile(file, { ...options, json }, context);
    });
  snapshot
    .command('diff <a> <b>')
    .description('compare two snapshots; ends with 1 when they differ')
    .option('--acl', 'compare access lists, too')
    .action((a: string, b: string, flags: { acl?: boolean }, command: Command) =>
      showDifferences(filePlace(a), filePlace(b), flags, globalsOf(command), context),
    );
  examples(
    snapshot,
    'snapshot save /backups',
    'snapshot save today.snapshot --admin zk1:8080 --auth digest:super:password',
    'snapshot restore /backups/snapshot.1f',
    'snapshot inspect /var/lib/zookeeper/version-2/snapshot.100000001',
    'snapshot inspect snapshot.1f --nodes --json',
    'snapshot diff snapshot.1f snapshot.2a',
  );
}

async function asking(admin: string | undefined, globals: GlobalOptions, context: Context) {
  const [{ parseAddress }, { adminAddresses, authorizationOf }] = await Promise.all([
    import('@corral/client'),
    import('../cluster/admin.ts'),
  ]);
  const address = parseAddress(globals.server);
  const [endpoint] = adminAddresses(admin, address);
  const authorization = authorizationOf(globals, address);
  return { endpoint, authorization, timeoutMs: globals.timeout, signal: context.interrupted() };
}

async function save(
  file: string,
  { admin, force = false }: SaveFlags,
  globals: GlobalOptions,
  context: Context,
): Promise<void> {
  const { saveSnapshot } = await import('../snapshot/over-http.ts');
  const shown = progress(context, 'bytes');
  try {
    const saved = await saveSnapshot(await asking(admin, globals, context), file, { replace: force, progress: shown });
    const text = () => `${saved.file}\n`;
    await report(context, globals.output, { value: saved, text });
    context.stderr.write(line(`${saved.nodes} nodes, ${byteText(saved.bytes)}, as of ${saved.zxid}; checksums fit`));
  } finally {
    shown.end();
  }
}

/** Every server restores a damaged file the way it can: it is looked at before anything is asked of one. */
async function restore(
  file: string,
  admin: string | undefined,
  globals: GlobalOptions,
  context: Context,
): Promise<void> {
  const facts = inspectSnapshot(new NodeFiles(), file);
  if (!facts.valid) throw new UsageError(`${file} is damaged: ${facts.problem}`);
  const { shown } = await import('../cluster/admin.ts');
  const asked = await asking(admin, globals, context);
  const question = `Replace all that the server at ${shown(asked.endpoint)} holds by ${facts.summary.nodes} nodes`;
  if (!(await confirmed(context, globals, question))) return;
  const { restoreSnapshot } = await import('../snapshot/over-http.ts');
  const zxid = await restoreSnapshot(asked, file);
  await report(context, globals.output, {
    value: { file, nodes: facts.summary.nodes, zxid },
    text: () => `${facts.summary.nodes} nodes restored; the server goes on from ${zxid}\n`,
  });
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
      if (options.nodes === true) stdout.write(line(json ? nodeJson(node, acls) : describeNode(node)));
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

function describeNode(node: SnapshotNode): string {
  const data = node.dataLength < 0 ? 'no data' : `${node.dataLength} bytes`;
  return `${quote(pathOf(node))}  ${data}  version ${node.version}  mzxid ${formatZxid(node.mzxid)}  ${lifetimeText(node)}`;
}

function lifetimeText(node: SnapshotNode): string {
  const lifetime = lifetimeOf(node);
  if (lifetime.type === 'ttl') return `ttl ${lifetime.ttl} ms`;
  return lifetime.type === 'ephemeral' ? `ephemeral of ${formatSessionId(lifetime.session)}` : lifetime.type;
}

function nodeJson(node: SnapshotNode, acls: ReadonlyMap<number, readonly Acl[]>): string {
  const { czxid, mzxid, pzxid, ctime, mtime, version, cversion, aversion } = node;
  const data = node.dataLength < 0 ? null : node.dataBytes.subarray(node.dataStart, node.dataStart + node.dataLength);
  const stat = { czxid, mzxid, pzxid, ctime, mtime, version, cversion, aversion, ephemeralOwner: ownerOf(node) };
  return toJson({ path: pathOf(node), data, acl: aclOf(node, acls), stat });
}
