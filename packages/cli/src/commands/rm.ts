// corral rm <path>: deletes a node, or with -r everything below it first. More than one node is never deleted unasked.

import type { Command } from 'commander';
import type { CallOptions, Client } from '@corral/client';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { printJson } from '../output.ts';
import { descendants } from '../tree.ts';
import { parseVersion } from '../values.ts';
import { confirmed, examples } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';

interface RmFlags {
  readonly version: string;
  readonly recursive?: boolean;
}

/** Deletes in flight at once. */
const windowSize = 64;

export function registerRm(program: Command, context: Context): void {
  const removing = program
    .command('rm')
    .argument('<path>')
    .option('--version <n|any>', 'only if the node has this version', 'any')
    .option('-r, --recursive', 'delete everything below it, too')
    .description('delete a node')
    .action(async (path: string, flags: RmFlags, command: Command) => {
      const globals = globalsOf(command);
      const version = parseVersion(flags.version);
      if (flags.recursive === true && path === '/') throw new UsageError('the root cannot be deleted');
      const deleted = await withClient(globals, 'one command', async ({ client, call }) => {
        const below = flags.recursive === true ? await listBelow(client, path, call) : [];
        const question = `Delete ${below.length + 1} nodes at and below ${path}`;
        if (below.length > 0 && !(await confirmed(context, globals, question))) return 0;
        await deleteAll(client, below.reverse(), call);
        await client.delete(path, { version, ...call });
        return below.length + 1;
      });
      if (globals.output !== 'text') await printJson(context, globals.output, { path, deleted });
      else if (flags.recursive === true) context.stderr.write(`${deleted} deleted\n`);
    });
  examples(removing, 'rm /config --version 3', 'rm -r /old', 'rm -r -y /old');
}

async function listBelow(client: Client, path: string, call: CallOptions): Promise<string[]> {
  const below: string[] = [];
  for await (const found of descendants(client, path, call)) below.push(found);
  return below;
}

/** Children come before their parents in the list; somebody else may have been faster. */
async function deleteAll(client: Client, paths: readonly string[], call: CallOptions): Promise<void> {
  for (let at = 0; at < paths.length; at += windowSize) {
    await Promise.all(paths.slice(at, at + windowSize).map((path) => deleteIfThere(client, path, call)));
  }
}

async function deleteIfThere(client: Client, path: string, call: CallOptions): Promise<void> {
  try {
    await client.delete(path, call);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'NoNode') throw error;
  }
}
