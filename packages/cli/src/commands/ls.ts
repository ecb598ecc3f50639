// corral ls [path]: the names below a node.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { printJson, statJson } from '../output.ts';
import { descendants } from '../tree.ts';
import { globalsOf, withClient } from '../with-client.ts';

export function registerLs(program: Command, context: Context): void {
  program
    .command('ls')
    .argument('[path]', 'the node', '/')
    .option('-R, --recursive', 'print the paths of all nodes below')
    .description('list the children of a node')
    .action(async (path: string, options: { recursive?: boolean }, command: Command) => {
      const { output, ...globals } = globalsOf(command);
      await withClient({ output, ...globals }, 'one command', async ({ client, call }) => {
        if (options.recursive === true) {
          const paths: string[] = [];
          for await (const found of descendants(client, path, call)) {
            if (output === 'text') context.stdout.write(`${found}\n`);
            else if (output === 'ndjson') printJson(context, output, { path: found });
            else paths.push(found);
          }
          if (output === 'json') printJson(context, output, { path, descendants: paths });
          return;
        }
        const { children, stat } = await client.children(path, call);
        const names = children.toSorted();
        if (output === 'json') printJson(context, output, { path, children: names, stat: statJson(stat) });
        else for (const name of names) printName(context, output, name);
      });
    });
}

function printName(context: Context, output: 'text' | 'ndjson', name: string): void {
  if (output === 'text') context.stdout.write(`${name}\n`);
  else printJson(context, output, { name });
}
