// corral elect <path> -- command: runs a command on one machine of many, and on another one when that fails.

import type { Command } from 'commander';
import { commandOf } from '../child.ts';
import type { Context } from '../context.ts';
import { endWith, runHeld, waitFor, whileConnected } from '../coordinate/around.ts';
import { report } from '../output.ts';
import { examples, lines } from '../verb.ts';
import { globalsOf } from '../with-client.ts';

interface ElectFlags {
  readonly wait?: string;
  readonly id?: string;
  readonly list?: boolean;
}

export function registerElect(program: Command, context: Context): void {
  const command = program
    .command('elect')
    .argument('<path>')
    .argument('[command...]', 'after --')
    .option('--wait <time>', 'end with 124 when we do not lead by then')
    .option('--id <name>', 'what others see')
    .option('--list', 'who leads and who else stands')
    .description('run a command while being the leader; stand again when the term is lost')
    .action(async (path: string, child: string[], flags: ElectFlags, command: Command) => {
      const globals = globalsOf(command);
      if (flags.list !== true) commandOf(child, ', or --list to see who leads');
      const { election } = await import('@corral/recipes');
      const code = await whileConnected(globals, context, async ({ client }) => {
        const candidacy = election(client, path, flags.id === undefined ? {} : { id: flags.id });
        if (flags.list === true) {
          const rows = await candidacy.candidates();
          await report(context, globals.output, {
            value: rows,
            rows,
            text: () => lines(rows.map(({ id }, at) => `${at === 0 ? 'leads  ' : 'stands '} ${id}`)),
          });
          return 0;
        }
        for (;;) {
          const term = await waitFor(context, flags.wait, (signal) => candidacy.campaign({ signal }));
          context.stderr.write('elected\n');
          const ended = await runHeld(child, { signal: term.signal, token: term.number }, path, context);
          if (term.signal.aborted && !context.interrupted().aborted) continue;
          await term.resign();
          return ended;
        }
      });
      endWith(code);
    });
  examples(command, 'elect /leader/cron -- ./scheduler', 'elect /leader/cron --list');
}
