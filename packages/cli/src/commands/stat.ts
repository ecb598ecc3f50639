// corral stat <path>: the metadata of a node.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { printJson, statJson, statText } from '../output.ts';
import { examples } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';

export function registerStat(program: Command, context: Context): void {
  const looking = program
    .command('stat')
    .argument('<path>')
    .description('print the metadata of a node')
    .action(async (path: string, _options: unknown, command: Command) => {
      const globals = globalsOf(command);
      const { ZkError } = await import('@corral/client');
      const stat = await withClient(globals, 'one command', ({ client, call }) => client.exists(path, call));
      if (stat === null) throw new ZkError('NoNode', { op: 'exists', path });
      if (globals.output === 'text') context.stdout.write(statText(stat));
      else await printJson(context, globals.output, { path, ...statJson(stat) });
    });
  examples(looking, 'stat /config', 'stat /config -o json');
}
