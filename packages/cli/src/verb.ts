// What the files in commands/ share: examples in the help, lines of text, colours, questions.

import type { Command } from 'commander';
import type { Context } from './context.ts';
import { UsageError } from './exit-codes.ts';
import { control, oneLine } from './terminal.ts';
import type { GlobalOptions } from './with-client.ts';

/** Ends a command's help with command lines that work. A command of commands gives each of them those that are its own. */
export function examples(command: Command, ...lines: readonly string[]): void {
  command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  $ corral ${line}\n`).join('')}`);
  for (const part of command.commands) {
    const own = lines.filter((line) => `${line} `.includes(`${command.name()} ${part.name()} `));
    if (own.length > 0) examples(part, ...own);
  }
}

/** A line for each row, whatever is in it. */
export const lines = (rows: readonly string[]): string => rows.map(line).join('');

export const line = (row: string): string => `${oneLine(row)}\n`;

/** What switches a style on and off. */
const styles = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

export type Colors = Readonly<Record<keyof typeof styles, (text: string) => string>>;

/** Styles for a terminal that wants them; without one, text as it is. */
export function colorsFor(stream: { readonly isTTY?: boolean | undefined }, context: Context, color: boolean): Colors {
  const isOn = color && stream.isTTY === true && context.env['NO_COLOR'] === undefined;
  const style =
    ([on, off]: readonly [number, number]) =>
    (text: string) =>
      isOn ? `${control(`[${on}m`)}${text}${control(`[${off}m`)}` : text;
  const all = Object.entries(styles).map(([name, codes]) => [name, style(codes)]);
  return Object.fromEntries(all) as Colors;
}

/** Asks on the terminal; without one only -y says yes. */
export async function confirmed(context: Context, globals: GlobalOptions, question: string): Promise<boolean> {
  if (globals.yes) return true;
  if (context.stdin.isTTY !== true) throw new UsageError(`${question}: confirm with -y`);
  context.stderr.write(`${question}? [y/N] `);
  for await (const line of context.stdin) return /^y(es)?\s*$/i.test(line.toString());
  return false;
}

export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

export const byteText = (bytes: number): string => {
  const units = ['B', 'kB', 'MB', 'GB'];
  const unit = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** unit;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
};

/** Resolves when it aborts. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
