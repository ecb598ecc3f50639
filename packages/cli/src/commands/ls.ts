// corral ls [path]: the names below a node.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { printJson, report, statJson } from '../output.ts';
import { descendants } from '../tree.ts';
import { examples, line, lines } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';
import type { GlobalOptions, Task } from '../with-client.ts';

export function registerLs(program: Command, context: Context): void {
  const command = program
    .command('ls')
    .argument('[path]', 'the node', '/')
    .option('-R, --recursive', 'print the paths of all nodes below')
    .description('list the children of a node')
    .action(async (path: string, options: { recursive?: boolean }, command: Command) => {
      const globals = globalsOf(command);
      await withClient(globals, 'one command', (task) =>
        options.recursive === true ? listAll(task, path, globals, context) : listOne(task, path, globals, context),
      );
    });
  examples(command, 'ls /', 'ls -R /services', 'ls /services -o json');
}

async function listOne({ client, call }: Task, path: string, { output }: GlobalOptions, context: Context) {
  const { children, stat } = await client.children(path, call);
  const names = children.toSorted();
  await report(context, output, {
    value: { path, children: names, stat: statJson(stat) },
    rows: names.map((name) => ({ name })),
    text: () => lines(names),
  });
}

/** Prints as it goes: the tree may be large. */
async function listAll({ client, call }: Task, path: string, { output }: GlobalOptions, context: Context) {
  const paths: string[] = [];
  for await (const found of descendants(client, path, call)) {
    if (output === 'text') context.stdout.write(line(found));
    else if (output === 'ndjson') await printJson(context, output, { path: found });
    else paths.push(found);
  }
  if (output === 'text' || output === 'ndjson') return;
  const rows = paths.map((found) => ({ path: found }));
  await report(context, output, { value: { path, descendants: paths }, rows, text: () => '' });
}
