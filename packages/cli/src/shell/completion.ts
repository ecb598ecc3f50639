// What the Tab key offers in the shell: commands in the first place, after that the children of the node being typed.

import { shellCommands } from './commands.ts';
import { isPlain } from '../terminal.ts';
import type { Link } from './link.ts';

/** Matches, and the part of the line that they replace. */
export async function complete(line: string, link: Link): Promise<[string[], string]> {
  const word = /\S*$/.exec(line)![0];
  const names = shellCommands.map(({ name }) => name);
  if (word === line) return [names.filter((name) => name.startsWith(word)).map((name) => `${name} `), word];
  if (!word.startsWith('/') || !link.alive) return [[], word];
  const cut = word.lastIndexOf('/');
  const parent = cut === 0 ? '/' : word.slice(0, cut);
  const { children } = await link.call(parent, (client, options) => client.children(parent, options));
  const paths = children
    .filter(isPlain)
    .toSorted()
    .map((name) => `${word.slice(0, cut)}/${name}`);
  return [paths.filter((path) => path.startsWith(word)), word];
}
