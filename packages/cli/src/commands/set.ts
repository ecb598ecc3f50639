// corral set <path> <data>: replaces the data of a node.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { printJson, statJson } from '../output.ts';
import { parseVersion, readData } from '../values.ts';
import { examples } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';

export function registerSet(program: Command, context: Context): void {
  const setting = program
    .command('set')
    .argument('<path>')
    .argument('<data>', 'the data, - for standard input, @file for a file, @@x for @x')
    .option('--version <n|any>', 'only if the node has this version', 'any')
    .description('replace the data of a node')
    .action(async (path: string, argument: string, options: { version: string }, command: Command) => {
      const globals = globalsOf(command);
      const version = parseVersion(options.version);
      const data = await readData(argument, context);
      const work = withClient(globals, 'one command', ({ client, call }) =>
        client.set(path, data, { version, ...call }),
      );
      const stat = await work;
      if (globals.output === 'text') context.stderr.write(`${path} has version ${stat.version} now\n`);
      else await printJson(context, globals.output, { path, stat: statJson(stat) });
    });
  examples(setting, 'set /config on', 'set /config @config.json --version 3', 'set /config - < config.json');
}
