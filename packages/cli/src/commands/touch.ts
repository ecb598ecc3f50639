// corral touch <path>: a node that is there afterwards, with a new modification time.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { printJson, statJson } from '../output.ts';
import { hasCode } from '../tree.ts';
import { examples } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';
import type { Task } from '../with-client.ts';

export function registerTouch(program: Command, context: Context): void {
  const command = program
    .command('touch')
    .argument('<path>')
    .option('-p, --parents', 'make missing parents')
    .description('create a node unless it is there; write its data again if it is')
    .action(async (path: string, flags: { parents?: boolean }, command: Command) => {
      const globals = globalsOf(command);
      const stat = await withClient(globals, 'one command', (task) => touch(task, path, flags.parents === true));
      if (globals.output !== 'text') await printJson(context, globals.output, { path, stat: statJson(stat) });
    });
  examples(command, 'touch /ready', 'touch -p /a/b/c');
}

/** Never undoes the write of somebody else: the data goes back only where it has not changed. */
async function touch({ client, call }: Task, path: string, parents: boolean) {
  for (;;) {
    try {
      const found = await client.get(path, call);
      const data = found.hasData ? found.data : null;
      return await client.set(path, data, { version: found.stat.version, ...call });
    } catch (error) {
      if (hasCode(error, 'BadVersion')) continue;
      if (!hasCode(error, 'NoNode')) throw error;
    }
    try {
      return (await client.create(path, '', { ...(parents ? { parents: 'persistent' as const } : {}), ...call })).stat;
    } catch (error) {
      if (!hasCode(error, 'NodeExists')) throw error;
    }
  }
}
