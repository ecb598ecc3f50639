// corral get <path>: the data of a node, byte for byte.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { dataJson, printJson, statJson } from '../output.ts';
import { examples } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';

export function registerGet(program: Command, context: Context): void {
  const getting = program
    .command('get')
    .argument('<path>')
    .description('print the data of a node')
    .action(async (path: string, _options: unknown, command: Command) => {
      const globals = globalsOf(command);
      const found = await withClient(globals, 'one command', ({ client, call }) => client.get(path, call));
      if (globals.output !== 'text') {
        await printJson(context, globals.output, { path, ...dataJson(found), stat: statJson(found.stat) });
        return;
      }
      context.stdout.write(found.data);
      // On a terminal the prompt should not stick to the data; in a pipe not one byte is added.
      if (context.stdout.isTTY === true && found.data.at(-1) !== 10) context.stdout.write('\n');
    });
  examples(getting, 'get /config', 'get /config > config.json', 'get /config -o json');
}
