// corral create <path> [data]: makes a node and prints its path, which for a sequential one is news.

import { Option } from 'commander';
import type { Command } from 'commander';
import type { Client, CreateMode, CreateOptions } from '@corral/client';
import { parseAclText } from '../acl-text.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { printJson, statJson } from '../output.ts';
import { parseDuration, readData } from '../values.ts';
import { aborted, examples, line } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';

interface CreateFlags {
  readonly mode: CreateMode;
  readonly ttl?: string;
  readonly acl: string;
  readonly parents?: boolean;
  readonly containerParents?: boolean;
}

const modes: readonly CreateMode[] = [
  'persistent',
  'ephemeral',
  'persistentSequential',
  'ephemeralSequential',
  'container',
  'ttl',
  'sequentialTtl',
];

export function registerCreate(program: Command, context: Context): void {
  const creating = program
    .command('create')
    .argument('<path>')
    .argument('[data]', 'the data, - for standard input, @file for a file, @@x for @x', '')
    .addOption(new Option('-m, --mode <mode>', 'kind of node').choices(modes).default('persistent'))
    .option('--ttl <time>', 'time to live for the ttl modes: 500ms, 5s, 2m')
    .option('--acl <rules>', 'who may do what: open, readOnly, creatorAll, or scheme:id:perms,...', 'open')
    .option('-p, --parents', 'make missing parents as persistent nodes')
    .option('--container-parents', 'make missing parents as containers, which vanish when empty again')
    .description('create a node; an ephemeral one lives until the command is interrupted')
    .action(async (path: string, argument: string, flags: CreateFlags, command: Command) => {
      const globals = globalsOf(command);
      const options = createOptions(flags);
      const isEphemeral = flags.mode === 'ephemeral' || flags.mode === 'ephemeralSequential';
      const data = await readData(argument, context);
      await withClient(globals, isEphemeral ? 'until interrupted' : 'one command', async ({ client, call }) => {
        const parents = parentsOf(flags);
        const created = await client.create(path, data, { ...options, ...parents, ...call });
        if (globals.output === 'text') context.stdout.write(line(created.path));
        else await printJson(context, globals.output, { path: created.path, stat: statJson(created.stat) });
        if (!isEphemeral) return;
        context.stderr.write('the node lives until this command ends (Ctrl-C)\n');
        await Promise.race([aborted(context.interrupted()), lost(client, path)]);
      });
    });
  examples(
    creating,
    'create -p /app/config on',
    'create /jobs/job- @job.json -m persistentSequential',
    "create /app/lease '' -m ttl --ttl 30s",
    'create /app/secret x --acl creatorAll --auth digest:ann:pw',
  );
}

function parentsOf({ parents, containerParents }: CreateFlags): { parents?: 'container' | 'persistent' } {
  if (containerParents === true) return { parents: 'container' };
  return parents === true ? { parents: 'persistent' } : {};
}

function createOptions({ mode, ttl, acl: rules }: CreateFlags): CreateOptions {
  const acl = parseAclText(rules);
  if (mode === 'ttl' || mode === 'sequentialTtl') {
    if (ttl === undefined) throw new UsageError(`--mode ${mode} needs --ttl`);
    return { mode, ttl: parseDuration(ttl), acl };
  }
  if (ttl !== undefined) throw new UsageError('--ttl needs --mode ttl or sequentialTtl');
  return { mode, acl };
}

/** Rejects when the session ends, and the node with it. */
async function lost(client: Client, path: string): Promise<never> {
  const { ZkError } = await import('@corral/client');
  return new Promise((_, reject) => {
    client.on('state', (state) => {
      if (state === 'lost') reject(new ZkError('SessionExpired', { op: 'create', path }));
    });
  });
}
