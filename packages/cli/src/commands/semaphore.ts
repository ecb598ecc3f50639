// corral semaphore <path> -n 3 -- command: runs a command while no more than so many do.

import type { Command } from 'commander';
import { commandOf } from '../child.ts';
import type { Context } from '../context.ts';
import { endWith, runHeld, waitFor, whileConnected } from '../coordinate/around.ts';
import { UsageError } from '../exit-codes.ts';
import { report } from '../output.ts';
import { parseCount } from '../values.ts';
import { examples, lines } from '../verb.ts';
import { globalsOf } from '../with-client.ts';

interface SemaphoreFlags {
  readonly permits: string;
  readonly take: string;
  readonly wait?: string;
  readonly list?: boolean;
}

export function registerSemaphore(program: Command, context: Context): void {
  const command = program
    .command('semaphore')
    .argument('<path>')
    .argument('[command...]', 'after --')
    .option('-n, --permits <n>', 'how many there are; everybody gives the same number', '1')
    .option('--take <n>', 'how many this command needs', '1')
    .option('--wait <time>', 'end with 124 when it is not our turn by then')
    .option('--list', 'who has permits')
    .description('run a command while holding one of a number of permits')
    .action(async (path: string, child: string[], flags: SemaphoreFlags, command: Command) => {
      const globals = globalsOf(command);
      if (flags.list !== true) commandOf(child, ', or --list to see who has permits');
      const [permits, take] = [parseCount(flags.permits), parseCount(flags.take)];
      if (take < 1 || take > permits) throw new UsageError(`--take ${take} of ${permits} permits cannot be`);
      const { semaphore } = await import('@corral/recipes');
      const code = await whileConnected(globals, context, async ({ client }) => {
        const shared = semaphore(client, path, { permits });
        if (flags.list === true) {
          const rows = await shared.holders();
          await report(context, globals.output, {
            value: rows,
            rows,
            text: () => lines(rows.map(({ id, node }) => `${id}  ${node}`)),
          });
          return 0;
        }
        const held = await waitFor(context, flags.wait, (signal) => shared.acquire({ permits: take, signal }));
        try {
          return await runHeld(child, held, path, context);
        } finally {
          if (!held.signal.aborted) await held.release();
        }
      });
      endWith(code);
    });
  examples(command, 'semaphore /limits/db -n 3 -- ./heavy-query', 'semaphore /limits/db -n 3 --list');
}
