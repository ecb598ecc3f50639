// corral count [path]: how many nodes there are.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { report } from '../output.ts';
import { descendants, hasCode } from '../tree.ts';
import { examples } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';
import type { Task } from '../with-client.ts';

export function registerCount(program: Command, context: Context): void {
  const command = program
    .command('count')
    .argument('[path]', 'the top', '/')
    .description('number of nodes below a node')
    .action(async (path: string, _options: unknown, command: Command) => {
      const globals = globalsOf(command);
      const count = await withClient(globals, 'one command', (task) => countBelow(task, path));
      await report(context, globals.output, { value: { path, count }, text: () => `${count}\n` });
    });
  examples(command, 'count /', 'count /queue');
}

/** Servers before 3.6 cannot count: then it is done by walking. */
async function countBelow({ client, call }: Task, path: string): Promise<number> {
  try {
    return await client.countDescendants(path, call);
  } catch (error) {
    if (!hasCode(error, 'Unimplemented')) throw error;
  }
  const found: string[] = [];
  for await (const below of descendants(client, path, call)) found.push(below);
  return found.length;
}
