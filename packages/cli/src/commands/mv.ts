// corral mv <from> <to>: a node, or with -r all of it, somewhere else, in one transaction: there is no moment with both or
// with neither.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { createOptionsOf, createParents, placed } from '../copy.ts';
import type { CopiedNode } from '../copy.ts';
import { source, told } from '../copy-command.ts';
import type { CopyFlags } from '../copy-command.ts';
import { UsageError } from '../exit-codes.ts';
import { noAclHelp } from '../masked-acl.ts';
import { confirmed, examples } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';
import type { Task } from '../with-client.ts';

export function registerMv(program: Command, context: Context): void {
  const command = program
    .command('mv')
    .argument('<from>')
    .argument('<to>')
    .option('-r, --recursive', 'everything below it, too')
    .option('-p, --parents', 'make missing parents of <to>')
    .option('--no-acl', noAclHelp)
    .description('move a node in one transaction')
    .action(async (from: string, to: string, flags: CopyFlags, command: Command) => {
      const globals = globalsOf(command);
      const count = await withClient(globals, 'one command', async (task) => {
        const found = await source(task, from, to, flags, context);
        if (found.skipped.length > 0) throw new UsageError(`${found.skipped[0]} is ephemeral and cannot be moved`);
        const question = `Move ${found.nodes.length} nodes from ${from} to ${to}`;
        if (found.nodes.length > 1 && !(await confirmed(context, globals, question))) return 0;
        if (flags.parents === true) await createParents(task.client, to, task.call);
        await move(task, found.nodes, from, to);
        return found.nodes.length;
      });
      await told(context, globals, { from, to, moved: count }, `${count} moved\n`);
    });
  examples(command, 'mv /jobs/7 /done/7', 'mv /app /app-old -r -y');
}

/** Only if nothing has changed since it was read. */
async function move({ client, call }: Task, nodes: readonly CopiedNode[], from: string, to: string): Promise<void> {
  const multi = client.multi();
  for (const node of nodes) multi.create(placed(to, node.path), node.data, createOptionsOf(node));
  for (const node of nodes.toReversed()) multi.delete(placed(from, node.path), { version: node.version });
  await multi.commit(call);
}
