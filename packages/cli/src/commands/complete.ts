// corral complete -- <words>: what the scripts of `corral completion` ask. The last word is the one being typed.

import type { Command, Option } from 'commander';
import type { Context } from '../context.ts';
import { readContexts } from '../contexts.ts';
import { explanations } from '../explanations.ts';
import { resolveTarget } from '../target.ts';
import { isPlain } from '../terminal.ts';
import { joined } from '../tree.ts';
import { lines } from '../verb.ts';
import { withClient } from '../with-client.ts';

/** Nobody waits longer for a Tab. */
const askMs = 1000;

export function registerComplete(program: Command, context: Context): void {
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: string[]) => {
      // Bytes: the shell gets names as they are. Those that would not be shown as they are it does not get at all.
      const found = (await candidates(program, words, context)).filter(isPlain);
      context.stdout.write(Buffer.from(lines(found)));
    });
}

async function candidates(program: Command, words: readonly string[], context: Context): Promise<string[]> {
  const word = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const { command, names } = commandOf(program, before);
  const options = [...command.options, ...program.options];
  const starting = (found: readonly string[]): string[] => found.filter((one) => one.startsWith(word)).toSorted();
  const open = options.find((option) => (option.required || option.optional) && isFlag(option, before.at(-1)));
  if (open !== undefined) return starting(await valuesOf(open, context));
  if (word.startsWith('-')) return starting(options.flatMap(({ long }) => long ?? []));
  if (names.length > 0) return starting(names);
  if (command.parent?.name() === 'context') return starting(Object.keys((await readContexts(context)).contexts));
  if (command.name() === 'explain') return starting(Object.keys(explanations));
  const choices = command.registeredArguments[0]?.argChoices;
  if (choices !== undefined) return starting(choices);
  return word.startsWith('/') || word === '' ? starting(await paths(word, before, context)) : [];
}

const isFlag = ({ long, short }: Option, word: string | undefined): boolean =>
  word !== undefined && (word === long || word === short);

/** The command that the words before lead to, and the names that may come next; none once there are arguments. */
function commandOf(program: Command, before: readonly string[]): { command: Command; names: string[] } {
  let command = program;
  for (const word of before) {
    command = command.commands.find((one) => one.name() === word) ?? command;
  }
  const shown = command.createHelp().visibleCommands(command);
  return { command, names: shown.map((one) => one.name()).filter((name) => name !== 'help') };
}

async function valuesOf(option: Option, context: Context): Promise<readonly string[]> {
  if (option.long === '--context') return Object.keys((await readContexts(context)).contexts);
  return option.argChoices ?? [];
}

/** Children of the node that is being typed. A server that cannot be asked offers nothing. */
async function paths(word: string, before: readonly string[], context: Context): Promise<string[]> {
  const optionValue = (...names: string[]): string | undefined => {
    const at = before.findIndex((one) => names.includes(one));
    return at < 0 ? undefined : before[at + 1];
  };
  const asked = { server: optionValue('-s', '--server'), context: optionValue('--context'), auth: [] };
  const parent = word.slice(0, word.lastIndexOf('/')) || '/';
  try {
    const target = await resolveTarget(asked, context);
    return await withClient({ target, timeout: askMs }, 'one command', async ({ client, call }) => {
      const { children } = await client.children(parent, call);
      return children.map((name) => joined(parent, name));
    });
  } catch {
    // Whatever it is, the Tab key is not the place to tell.
    return [];
  }
}
