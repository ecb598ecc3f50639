// corral explain <error>: what an error means and what to do about it.

import type { Command } from 'commander';
import { errorTable } from '@corral/protocol';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { explanations } from '../explanations.ts';
import { report } from '../output.ts';
import { examples, lines } from '../verb.ts';
import { globalsOf } from '../with-client.ts';

export function registerExplain(program: Command, context: Context): void {
  const command = program
    .command('explain')
    .argument('[error]', 'a name such as NoAuth, or a number such as -102')
    .description('what an error means, and what to do about it')
    .action(async (name: string | undefined, _options: unknown, command: Command) => {
      const { output } = globalsOf(command);
      if (name === undefined) return listAll(context, output);
      const found = find(name);
      await report(context, output, {
        value: found,
        text: () =>
          lines([
            `${found.name}${found.code === null ? '' : ` (${found.code})`}`,
            `  ${found.meaning}`,
            `  -> ${found.advice}`,
          ]),
      });
    });
  examples(command, 'explain NoAuth', 'explain -- -101', 'explain');
}

interface Explained {
  readonly name: string;
  readonly code: number | null;
  readonly meaning: string;
  readonly advice: string;
}

const plain = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, '')
    .replace(/(exception|error)$/, '');

function all(): Explained[] {
  const codes: Readonly<Record<string, { readonly code: number; readonly meaning: string }>> = errorTable;
  const names = [...new Set([...Object.keys(explanations), ...Object.keys(codes)])].filter((name) => name !== 'Ok');
  return names.toSorted().map((name) => ({
    name,
    code: codes[name]?.code ?? null,
    meaning: explanations[name]?.meaning ?? `${codes[name].meaning}.`,
    advice: explanations[name]?.advice ?? 'there is nothing special to do about it',
  }));
}

/** Accepts what people have in front of them: NoNode, NONODE, NoNodeException, -101. */
function find(text: string): Explained {
  const found = all().find(({ name, code }) => plain(name) === plain(text) || String(code) === text);
  if (found === undefined) throw new UsageError(`there is no error "${text}"; corral explain lists them`);
  return found;
}

async function listAll(context: Context, output: Parameters<typeof report>[1]): Promise<void> {
  const rows = all();
  await report(context, output, {
    value: rows,
    rows,
    text: () => lines(rows.map(({ name, meaning }) => `${name.padEnd(26)} ${meaning}`)),
  });
}
