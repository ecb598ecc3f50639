// What a command of the compatible shell is: a row with its usage and options, and what it does.

import type { Link } from './link.ts';
import type { OptionGroup, OptionTable, Parsed } from './options.ts';
import { ShellError } from './shell-error.ts';
import { pathComplaint } from './texts.ts';

export interface Call {
  readonly link: Link;
  /** Options and the words that are none, the command's name left out. */
  readonly given: Parsed;
  readonly usage: string;
  out(line: string): void;
  /** Bytes of a node: unchanged, but for a terminal. */
  data(bytes: Uint8Array): void;
  err(line: string): void;
  readFile(path: string): Promise<Uint8Array>;
}

export interface ShellCommand {
  readonly name: string;
  /** What the help prints behind the name. */
  readonly usage: string;
  readonly options?: OptionTable;
  readonly group?: OptionGroup;
  /** Takes every word as it is. */
  readonly raw?: boolean;
  /** Fewest words; with fewer the usage is printed. */
  readonly words?: number;
  /** Lines about the options that the usage ends with. */
  readonly help?: readonly string[];
  run(call: Call): Promise<void> | void;
}

export const usageText = ({ name, usage, help }: ShellCommand): string =>
  help === undefined ? `${name} ${usage}` : `${name} ${usage}\n${help.join('\n')}\n`;

/** A path that can be sent. */
export function checkedPath(path: string): string {
  const complaint = pathComplaint(path);
  if (complaint !== undefined) throw new ShellError(complaint);
  return path;
}

/** A version as zkCli reads it: -1 matches any. */
export function versionOf(text: string | undefined): number | 'any' {
  if (text === undefined) return 'any';
  const version = wholeNumber(text, 'version');
  return version === -1 ? 'any' : version;
}

const int32 = 2 ** 31;

export function wholeNumber(text: string, what: string): number {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value) || value < -int32 || value >= int32) throw new ShellError(`"${text}" is not a ${what}`);
  return value;
}

/** Puts the words of an old form into the new one, with a notice. */
export const deprecated = (call: Call, name: string, old: string, now: string): void =>
  call.err(`'${name} ${old}' has been deprecated. Please use '${name} ${now}' instead.`);
