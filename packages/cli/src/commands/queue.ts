// corral queue put | take | peek | size | dead | revive: a queue whose items come again until somebody has done them.

import type { Command } from 'commander';
import type { Message } from '@corral/recipes';
import { commandOf, runChild } from '../child.ts';
import type { Context } from '../context.ts';
import { endWith, waitFor, whileConnected } from '../coordinate/around.ts';
import { UsageError } from '../exit-codes.ts';
import { printJson, report } from '../output.ts';
import type { OutputFormat } from '../output.ts';
import { parseCount, parseDuration, readData } from '../values.ts';
import { examples, line, lines } from '../verb.ts';
import { globalsOf } from '../with-client.ts';
import type { Task } from '../with-client.ts';

interface PutFlags {
  readonly priority?: string;
  readonly delay?: string;
  readonly key?: string;
}

interface TakeFlags {
  readonly wait?: string;
  readonly loop?: boolean;
}

/** Items are text as it is; those that programs put as JSON are read as JSON text. */
const text = {
  encode: (value: string): Uint8Array => Buffer.from(value),
  decode: (bytes: Uint8Array): string => Buffer.from(bytes).toString(),
};

async function open({ client }: Task, path: string) {
  const { queue } = await import('@corral/recipes');
  return queue(client, path, { codec: text });
}

export function registerQueue(program: Command, context: Context): void {
  const queue = program.command('queue').description('items that come again until somebody has done them');
  registerPut(queue, context);
  registerTake(queue, context);
  registerPeek(queue, context);
  queue
    .command('size')
    .argument('<path>')
    .description('items that are there, those in work included')
    .action(async (path: string, _options: unknown, command: Command) => {
      const globals = globalsOf(command);
      const size = await whileConnected(globals, context, async (task) => (await open(task, path)).size());
      await report(context, globals.output, { value: { path, size }, text: () => `${size}\n` });
    });
  queue
    .command('dead')
    .argument('<path>')
    .description('items that failed too often')
    .action(async (path: string, _options: unknown, command: Command) => {
      const globals = globalsOf(command);
      const rows = await whileConnected(globals, context, async (task) => (await open(task, path)).deadLetters());
      const shown = () => lines(rows.map(({ name, attempts, value }) => `${name}  ${attempts} attempts  ${value}`));
      await report(context, globals.output, { value: rows, rows, text: shown });
    });
  queue
    .command('revive')
    .argument('<path>')
    .argument('<name>', 'as `queue dead` shows it')
    .description('put an item that failed too often back into the queue')
    .action(async (path: string, name: string, _options: unknown, command: Command) => {
      await whileConnected(globalsOf(command), context, async (task) => (await open(task, path)).revive(name));
    });
  examples(
    queue,
    'queue put /jobs \'{"id":7}\' --priority 10',
    'queue take /jobs -- ./worker',
    'queue take /jobs --loop -- ./worker',
    'queue peek /jobs --count 5',
    'queue size /jobs',
    'queue dead /jobs',
    'queue revive /jobs _c_0b6f5f4e-100-0000000000000-0000000007',
  );
}

function parsePriority(text: string): number {
  const priority = parseCount(text);
  if (priority <= 999) return priority;
  throw new UsageError(`a priority is 0 to 999, not ${text}`);
}

function registerPut(queue: Command, context: Context): void {
  queue
    .command('put')
    .argument('<path>')
    .argument('<item>', 'the text, - for standard input, @file for a file, @@x for @x')
    .option('--priority <n>', '0 to 999, smaller ones come first')
    .option('--delay <time>', 'not before that')
    .option('--key <text>', 'not if an item with this key is there')
    .description('add an item')
    .action(async (path: string, item: string, flags: PutFlags, command: Command) => {
      const globals = globalsOf(command);
      const options = {
        ...(flags.priority === undefined ? {} : { priority: parsePriority(flags.priority) }),
        ...(flags.delay === undefined ? {} : { delay: parseDuration(flags.delay) }),
        ...(flags.key === undefined ? {} : { key: flags.key }),
      };
      const value = Buffer.from(await readData(item, context)).toString();
      const added = await whileConnected(globals, context, async (task) =>
        (await open(task, path)).put(value, options),
      );
      if (globals.output !== 'text') await printJson(context, globals.output, { path, added });
      else if (!added) context.stderr.write(`an item with the key ${flags.key ?? ''} is there already\n`);
    });
}

function registerTake(queue: Command, context: Context): void {
  queue
    .command('take')
    .argument('<path>')
    .argument('[command...]', 'after --: gets the item on standard input')
    .option('--wait <time>', 'end with 124 when there is none by then')
    .option('--loop', 'one after the other, until interrupted')
    .description('take an item; it is done when the command ends with 0, and comes again otherwise')
    .action(async (path: string, child: string[], flags: TakeFlags, command: Command) => {
      if (child.length > 0) commandOf(child);
      const code = await whileConnected(globalsOf(command), context, (task) =>
        take(task, path, { ...flags, child, output: globalsOf(command).output }, context),
      );
      endWith(code);
    });
}

function registerPeek(queue: Command, context: Context): void {
  queue
    .command('peek')
    .argument('<path>')
    .option('--count <n>', 'how many', '10')
    .description('show the next items, take none')
    .action(async (path: string, flags: { count: string }, command: Command) => {
      const globals = globalsOf(command);
      const limit = parseCount(flags.count);
      const found = await whileConnected(globals, context, async (task) => (await open(task, path)).peek({ limit }));
      const rows = found.map((item) => ({ ...item, due: item.due?.toISOString() ?? null }));
      const state = ({ taken, due, attempts }: (typeof rows)[number]): string =>
        taken ? 'in work' : due === null ? (attempts === 0 ? 'waits' : `waits, attempt ${attempts + 1}`) : `due ${due}`;
      const shown = () =>
        lines(rows.map((item) => `${String(item.priority).padStart(3)}  ${state(item)}  ${item.value}`));
      await report(context, globals.output, { value: rows, rows, text: shown });
    });
}

interface Taking extends TakeFlags {
  readonly child: readonly string[];
  readonly output: OutputFormat;
}

async function take(task: Task, path: string, taking: Taking, context: Context): Promise<number> {
  const items = await open(task, path);
  const work = async (signal: AbortSignal): Promise<number> => {
    for await (const message of items.consume({ signal })) {
      const code = await deliver(message, taking, context);
      try {
        if (code === 0) await message.ack();
        else if (!message.signal.aborted) await message.nack();
      } catch (error) {
        // Lost during an outage: the item comes again, to us or to somebody else.
        if (taking.loop !== true || !message.signal.aborted) throw error;
        context.stderr.write(line(`an item was lost on the way: ${(error as Error).message}`));
      }
      if (taking.loop !== true) return code;
    }
    // The loop ends quietly with its signal; whoever waited for an item is told that none came.
    signal.throwIfAborted();
    return 0;
  };
  return waitFor(context, taking.wait, work);
}

/** Without a command the item is printed, which counts as done. */
async function deliver(message: Message<string>, { child, output }: Taking, context: Context): Promise<number> {
  const { value, attempts, signal } = message;
  if (child.length > 0) return runChild(child, { input: value, signal });
  if (output === 'text') context.stdout.write(Buffer.from(value.endsWith('\n') ? value : `${value}\n`));
  else await printJson(context, output, { value, attempts });
  return 0;
}
