// corral barrier: holds processes back until they may all go on.

import type { Command } from 'commander';
import { commandOf, runChild } from '../child.ts';
import type { Context } from '../context.ts';
import { endWith, waitFor, whileConnected } from '../coordinate/around.ts';
import { UsageError } from '../exit-codes.ts';
import { parseCount } from '../values.ts';
import { examples } from '../verb.ts';
import { globalsOf } from '../with-client.ts';

interface EnterFlags {
  readonly parties: string;
  readonly wait?: string;
}

export function registerBarrier(program: Command, context: Context): void {
  const barrier = program.command('barrier').description('hold processes back until they may all go on');
  const simple = (name: 'raise' | 'lift', description: string): void => {
    barrier
      .command(name)
      .argument('<path>')
      .description(description)
      .action(async (path: string, _options: unknown, command: Command) => {
        const recipes = await import('@corral/recipes');
        await whileConnected(globalsOf(command), context, ({ client }) => recipes.barrier(client, path)[name]());
      });
  };
  simple('raise', 'close the way');
  simple('lift', 'open the way for all who wait');
  barrier
    .command('wait')
    .argument('<path>')
    .option('--wait <time>', 'end with 124 when it is not lifted by then')
    .description('wait until the way is open')
    .action(async (path: string, flags: { wait?: string }, command: Command) => {
      const recipes = await import('@corral/recipes');
      await whileConnected(globalsOf(command), context, ({ client }) =>
        waitFor(context, flags.wait, (signal) => recipes.barrier(client, path).wait({ signal })),
      );
    });
  barrier
    .command('enter')
    .argument('<path>')
    .argument('<command...>', 'after --')
    .requiredOption('--parties <n>', 'how many begin together')
    .option('--wait <time>', 'end with 124 when they are not all there by then')
    .description('begin a command together with others, and end when all have ended theirs')
    .action((path: string, child: string[], flags: EnterFlags, command: Command) =>
      enter(path, child, flags, command, context),
    );
  examples(
    barrier,
    'barrier raise /ready',
    'barrier lift /ready',
    'barrier wait /ready --wait 5m',
    'barrier enter /phase --parties 3 -- ./step',
  );
}

async function enter(path: string, child: string[], flags: EnterFlags, command: Command, context: Context) {
  commandOf(child);
  const parties = parseCount(flags.parties);
  if (parties < 1) throw new UsageError('--parties begins with 1');
  const { doubleBarrier } = await import('@corral/recipes');
  const code = await whileConnected(globalsOf(command), context, async ({ client }) => {
    const meeting = doubleBarrier(client, path, { parties });
    const entered = await waitFor(context, flags.wait, (signal) => meeting.enter({ signal }));
    const ended = await runChild(child, { signal: entered.signal });
    if (!entered.signal.aborted) await entered.leave();
    return ended;
  });
  endWith(code);
}
