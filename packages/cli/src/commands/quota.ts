// corral quota get | set | rm: how much may be stored in a part of the tree.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { CodedError, UsageError } from '../exit-codes.ts';
import { report } from '../output.ts';
import { changeQuota, conflictingQuota, noLimit, parseQuota, readQuota, removeQuota } from '../quota.ts';
import type { Quota } from '../quota.ts';
import { parseBytes, parseCount } from '../values.ts';
import { byteText, examples } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';

interface QuotaFlags {
  readonly nodes?: string;
  readonly bytes?: string;
  readonly hard?: boolean;
}

export function registerQuota(program: Command, context: Context): void {
  const quota = program.command('quota').description('how much may be stored in a part of the tree');
  quota
    .command('get')
    .argument('<path>')
    .description('limits, and what is used of them')
    .action(async (path: string, _options: unknown, command: Command) => {
      const globals = globalsOf(command);
      const found = await withClient(globals, 'one command', ({ client, call }) => readQuota(client, path, call));
      if (found === null) throw noQuota(path);
      const used = parseQuota(found.usage);
      const value = { path, ...limitsJson(found.limits), usedNodes: Number(used.count), usedBytes: Number(used.bytes) };
      await report(context, globals.output, { value, text: () => describe(found.limits, used) });
    });
  quota
    .command('set')
    .argument('<path>')
    .option('--nodes <n>', 'nodes, the top included')
    .option('--bytes <size>', 'data: 100, 64k, 1M')
    .option(
      '--hard',
      'refuse what goes beyond (enforceQuota=true on the servers), where the soft limit only warns in their log',
    )
    .description('set limits; those not named stay as they are')
    .action(async (path: string, flags: QuotaFlags, command: Command) => {
      if (path === '/') throw new UsageError('all of the tree can have no quota: name a part of it');
      const change = changeOf(flags);
      const { ZkError } = await import('@corral/client');
      await withClient(globalsOf(command), 'one command', async ({ client, call }) => {
        if ((await client.exists(path, call)) === null) throw new ZkError('NoNode', { op: 'exists', path });
        const conflict = await conflictingQuota(client, path, call);
        if (conflict !== null) throw new UsageError(conflict);
        await changeQuota(client, path, change, call);
      });
    });
  quota
    .command('rm')
    .argument('<path>')
    .description('remove all limits')
    .action(async (path: string, _options: unknown, command: Command) => {
      await withClient(globalsOf(command), 'one command', async ({ client, call }) => {
        if ((await readQuota(client, path, call)) === null) throw noQuota(path);
        await removeQuota(client, path, call);
      });
    });
  examples(quota, 'quota set /queue --nodes 10000 --bytes 50M', 'quota get /queue', 'quota rm /queue');
}

const noQuota = (path: string): CodedError => new CodedError('NoNode', `${path} has no quota`);

function changeOf({ nodes, bytes, hard }: QuotaFlags): Partial<Quota> {
  if (nodes === undefined && bytes === undefined) throw new UsageError('give --nodes, --bytes, or both');
  return {
    ...(nodes === undefined ? {} : { [hard === true ? 'countHardLimit' : 'count']: BigInt(parseCount(nodes)) }),
    ...(bytes === undefined ? {} : { [hard === true ? 'byteHardLimit' : 'bytes']: BigInt(parseBytes(bytes)) }),
  };
}

const limit = (value: bigint): number | null => (value === noLimit ? null : Number(value));
const limitsJson = ({ count, bytes, countHardLimit, byteHardLimit }: Quota) => ({
  nodes: limit(count),
  bytes: limit(bytes),
  hardNodes: limit(countHardLimit),
  hardBytes: limit(byteHardLimit),
});

function describe(limits: Quota, used: Quota): string {
  const { nodes, bytes, hardNodes, hardBytes } = limitsJson(limits);
  const number = (value: number | null): string => (value === null ? 'no limit' : String(value));
  const size = (value: number | null): string => (value === null ? 'no limit' : byteText(value));
  return [
    `nodes  ${used.count} used  soft ${number(nodes)}  hard ${number(hardNodes)}`,
    `bytes  ${byteText(Number(used.bytes))} used  soft ${size(bytes)}  hard ${size(hardBytes)}`,
    '',
  ].join('\n');
}
