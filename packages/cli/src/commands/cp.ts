// corral cp <from> <to>: a node, or with -r all of it, once more.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { createOptionsOf, createParents, placed } from '../copy.ts';
import type { CopiedNode } from '../copy.ts';
import { source, told } from '../copy-command.ts';
import type { CopyFlags } from '../copy-command.ts';
import { noAclHelp } from '../masked-acl.ts';
import { hasCode } from '../tree.ts';
import { examples } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';
import type { Task } from '../with-client.ts';

interface CpFlags extends CopyFlags {
  readonly overwrite?: boolean;
}

export function registerCp(program: Command, context: Context): void {
  const command = program
    .command('cp')
    .argument('<from>')
    .argument('<to>')
    .option('-r, --recursive', 'everything below it, too')
    .option('-p, --parents', 'make missing parents of <to>')
    .option('--no-acl', noAclHelp)
    .option('--overwrite', 'replace data of nodes that are there')
    .description('copy a node with its data, access list and kind')
    .action(async (from: string, to: string, flags: CpFlags, command: Command) => {
      const globals = globalsOf(command);
      const count = await withClient(globals, 'one command', async (task) => {
        const found = await source(task, from, to, flags, context);
        if (flags.parents === true) await createParents(task.client, to, task.call);
        for (const node of found.nodes) await put(task, node, placed(to, node.path), flags.overwrite === true);
        return found.nodes.length;
      });
      await told(context, globals, { from, to, copied: count }, `${count} copied\n`);
    });
  examples(command, 'cp /config /config-backup -r', 'cp /a /b/c/d -p');
}

async function put({ client, call }: Task, node: CopiedNode, path: string, overwrite: boolean): Promise<void> {
  try {
    await client.create(path, node.data, { ...createOptionsOf(node), ...call });
  } catch (error) {
    if (!overwrite || !hasCode(error, 'NodeExists')) throw error;
    await client.set(path, node.data, call);
  }
}
