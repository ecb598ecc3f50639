// corral counter get | add | set: a number that many change at once.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { whileConnected } from '../coordinate/around.ts';
import { UsageError } from '../exit-codes.ts';
import { report } from '../output.ts';
import { examples } from '../verb.ts';
import { globalsOf } from '../with-client.ts';

type Work = (count: {
  value(): Promise<bigint>;
  update(next: (value: bigint) => bigint): Promise<{ after: bigint }>;
}) => Promise<bigint>;

export function registerCounter(program: Command, context: Context): void {
  const counter = program.command('counter').description('a number that many change at once');
  const run = async (path: string, command: Command, work: Work): Promise<void> => {
    const globals = globalsOf(command);
    const recipes = await import('@corral/recipes');
    const value = await whileConnected(globals, context, ({ client }) => work(recipes.counter(client, path)));
    await report(context, globals.output, { value: { path, value: String(value) }, text: () => `${value}\n` });
  };
  counter
    .command('get')
    .argument('<path>')
    .description('print it')
    .action((path: string, _options: unknown, command: Command) => run(path, command, (count) => count.value()));
  counter
    .command('add')
    .argument('<path>')
    .argument('[amount]', 'may be negative', '1')
    .description('add to it and print what comes out')
    .action((path: string, text: string, _options: unknown, command: Command) => {
      const amount = parseAmount(text);
      return run(path, command, async (count) => (await count.update((value) => value + amount)).after);
    });
  counter
    .command('set')
    .argument('<path>')
    .argument('<value>')
    .description('replace it')
    .action((path: string, text: string, _options: unknown, command: Command) => {
      const wanted = parseAmount(text);
      return run(path, command, async (count) => (await count.update(() => wanted)).after);
    });
  examples(counter, 'counter add /hits', 'counter add /stock -- -5', 'counter get /hits', 'counter set /stock 100');
}

function parseAmount(text: string): bigint {
  if (/^[+-]?\d+$/.test(text)) return BigInt(text);
  throw new UsageError(`"${text}" is not a whole number`);
}
