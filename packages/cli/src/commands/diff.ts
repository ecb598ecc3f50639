// corral diff <a> <b>: what differs between two trees, on one server, on two, or in a file.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { showDifferences } from '../move/differences.ts';
import type { DiffFlags } from '../move/differences.ts';
import { parsePlace, placeHelp } from '../move/place.ts';
import { examples } from '../verb.ts';
import { globalsOf } from '../with-client.ts';

export function registerDiff(program: Command, context: Context): void {
  const command = program
    .command('diff')
    .argument('<a>', placeHelp)
    .argument('<b>', 'the same')
    .option('--acl', 'compare access lists, too')
    .description('compare two parts of trees; ends with 1 when they differ')
    .action((a: string, b: string, flags: DiffFlags, command: Command) =>
      showDifferences(parsePlace(a), parsePlace(b), flags, globalsOf(command), context),
    );
  examples(
    command,
    'diff /blue /green',
    'diff /config config.json',
    'diff zk1:2181/app zk2:2181/app',
    'diff snapshot.1f#/app /app',
  );
}
