// corral lock <path> -- command: runs a command while holding a lock.

import type { Command } from 'commander';
import { commandOf } from '../child.ts';
import type { Context } from '../context.ts';
import { endWith, runHeld, waitFor, whileConnected } from '../coordinate/around.ts';
import { CodedError } from '../exit-codes.ts';
import { report } from '../output.ts';
import { examples, lines } from '../verb.ts';
import { globalsOf } from '../with-client.ts';

interface LockFlags {
  readonly now?: boolean;
  readonly wait?: string;
  readonly list?: boolean;
  readonly kazoo?: boolean;
}

export function registerLock(program: Command, context: Context): void {
  const command = program
    .command('lock')
    .argument('<path>')
    .argument('[command...]', 'after --')
    .option('--now', 'do not wait: end with 6 when somebody has it')
    .option('--wait <time>', 'end with 124 when it is not ours by then: 10s, 2m')
    .option('--list', 'who has it and who waits')
    .option('--kazoo', 'share the lock with kazoo instead of Curator')
    .description('run a command while holding a lock')
    .action(async (path: string, child: string[], flags: LockFlags, command: Command) => {
      const globals = globalsOf(command);
      if (flags.list !== true) commandOf(child, ', or --list to see who has it');
      const { lock } = await import('@corral/recipes');
      const code = await whileConnected(globals, context, async ({ client }) => {
        const mutex = lock(client, path, flags.kazoo === true ? { names: 'kazoo' } : {});
        if (flags.list === true) {
          const rows = await mutex.contenders();
          await report(context, globals.output, {
            value: rows,
            rows,
            text: () => lines(rows.map(({ id, node }) => `${id}  ${node}`)),
          });
          return 0;
        }
        const held =
          flags.now === true
            ? await mutex.tryLock()
            : await waitFor(context, flags.wait, (signal) => mutex.acquire({ signal }));
        if (held === null)
          throw new CodedError('NodeExists', `${path} is taken; corral lock ${path} --list shows by whom`);
        try {
          return await runHeld(child, held, path, context);
        } finally {
          if (!held.signal.aborted) await held.release();
        }
      });
      endWith(code);
    });
  examples(
    command,
    'lock /locks/backup -- ./backup.sh',
    'lock /locks/deploy --now -- make deploy',
    'lock /locks/deploy --list',
  );
  command.addHelpText(
    'after',
    '\nThe command finds its fencing token in CORRAL_TOKEN. Its exit code is ours; it is ended when the lock is lost.',
  );
}
