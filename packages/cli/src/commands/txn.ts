// corral txn: several writes in one transaction, read from a file or standard input.

import type { Command } from 'commander';
import type { CreateMode, Multi } from '@corral/client';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { report } from '../output.ts';
import { tokens } from '../shell/tokens.ts';
import { parseVersion, readText } from '../values.ts';
import { examples, lines } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';

export function registerTxn(program: Command, context: Context): void {
  const command = program
    .command('txn')
    .argument('[file]', 'one operation a line; - for standard input', '-')
    .description('make several writes at once: all of them or none')
    .addHelpText(
      'after',
      '\nOperations:\n  check  <path> <version>\n  create <path> [data] [persistent|ephemeral|container|...]\n' +
        '  set    <path> <data> [version]\n  delete <path> [version]\n',
    )
    .action(async (file: string, _options: unknown, command: Command) => {
      const globals = globalsOf(command);
      const operations = parse(await readText(file, context));
      const done = await withClient(globals, 'one command', async ({ client, call }) => {
        const multi = client.multi();
        for (const operation of operations) operation.add(multi);
        await multi.commit(call);
        return operations.map(({ text }) => ({ done: text }));
      });
      await report(context, globals.output, {
        value: done,
        rows: done,
        text: () => lines(done.map((one) => `ok ${one.done}`)),
      });
    });
  examples(command, 'txn changes.txt', String.raw`txn <<< $'check /lock 0\nset /config on'`);
}

interface Operation {
  readonly text: string;
  readonly add: (multi: Multi) => void;
}

/** Lines that are empty or begin with # are skipped. */
function parse(text: string): Operation[] {
  const written = text.split('\n').map((line) => line.trim());
  const found = written.filter((line) => line !== '' && !line.startsWith('#'));
  if (found.length === 0) throw new UsageError('the transaction is empty');
  return found.map((line) => ({ text: line, add: operation(line) }));
}

function operation(line: string): (multi: Multi) => void {
  const [verb, path, ...rest] = tokens(line);
  const version = (at: number) => parseVersion(rest[at] ?? 'any');
  const known: Readonly<Record<string, () => (multi: Multi) => void>> = {
    check: () => (multi) => void multi.check(path, version(0)),
    create: () => (multi) =>
      void multi.create(path, rest[0] ?? '', {
        mode: (rest[1] ?? 'persistent') as Exclude<CreateMode, 'ttl' | 'sequentialTtl'>,
      }),
    set: () => (multi) => void multi.set(path, rest[0] ?? '', { version: version(1) }),
    delete: () => (multi) => void multi.delete(path, { version: version(0) }),
  };
  if (path === undefined || !(verb in known)) {
    throw new UsageError(`"${line}" is no operation: check, create, set or delete, then a path`);
  }
  return known[verb]();
}
