// All commands of the scenario language, and how a statement finds its own.

import type { Command, Words } from './command.ts';
import { clientCommands } from './commands-clients.ts';
import { diskCommands, networkCommands, serverCommands } from './commands-servers.ts';
import { waitCommands } from './commands-waits.ts';
import { expectCommands } from './expect.ts';
import { rogueCommands } from './rogue.ts';
import { ScenarioError } from './script.ts';

const commands: readonly Command[] = [
  ...serverCommands,
  ...diskCommands,
  ...networkCommands,
  ...clientCommands,
  ...waitCommands,
  ...expectCommands,
  ...rogueCommands,
];

/** First words by which a command can be meant. */
const verbOf = (text: string): string => /^[a-z]+/.exec(text)?.[0] ?? text;

export function commandOf(text: string, line: number): { readonly command: Command; readonly words: Words } {
  for (const command of commands) {
    const match = command.pattern.exec(text);
    if (match === null) continue;
    const words: Words = match.groups ?? {};
    const problem = command.check?.(words);
    if (problem !== undefined) throw new ScenarioError(line, `"${text}": ${problem}`);
    return { command, words };
  }
  const meant = commands.filter(({ usage }) => usage.split(' | ').some((form) => verbOf(form) === verbOf(text)));
  if (meant.length > 0) {
    const forms = meant.map(({ usage }) => `\n  ${usage}`).join('');
    throw new ScenarioError(line, `"${text}" is not understood; write${forms}`);
  }
  const verbs = new Set(commands.flatMap(({ usage }) => usage.split(' | ').map(verbOf)));
  throw new ScenarioError(
    line,
    `there is no command "${verbOf(text)}"; there are boot, ${[...verbs].sort().join(', ')}`,
  );
}
