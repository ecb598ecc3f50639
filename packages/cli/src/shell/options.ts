// The options of the compatible shell: one dash, one letter or a word, values behind a space or glued on, letters in one
// bunch. No library of today reads these; the rules and the texts are those of zkCli.

import { ShellError } from './shell-error.ts';

export interface OptionTable {
  readonly [name: string]: 'flag' | 'value';
}

/** Options of which only one may be given. `texts` describe them where one is required. */
export interface OptionGroup {
  readonly names: readonly string[];
  readonly required?: string;
}

export interface Parsed {
  /** Words that are no options. */
  readonly words: readonly string[];
  has(name: string): boolean;
  /** The value that was given first. */
  value(name: string): string | undefined;
  values(name: string): readonly string[];
}

const complaint = (kind: string, text: string): ShellError =>
  new ShellError(`org.apache.commons.cli.${kind}Exception: ${text}`);

export function parseOptions(args: readonly string[], table: OptionTable, group?: OptionGroup): Parsed {
  const given = new Map<string, string[]>();
  const words: string[] = [];
  let open: string | null = null;
  let onlyWords = false;
  const start = (name: string): void => {
    if (open !== null) throw missing(open);
    const rival =
      group?.names.includes(name) === true ? group.names.find((n) => n !== name && given.has(n)) : undefined;
    if (rival !== undefined) throw taken(name, rival);
    if (!given.has(name)) given.set(name, []);
    if (table[name] === 'value') open = name;
  };
  const finish = (value: string): void => {
    given.get(open!)!.push(value);
    open = null;
  };
  for (const arg of args) {
    if (onlyWords || arg === '-' || !arg.startsWith('-') || (open !== null && !isOption(arg, table))) {
      if (open === null) words.push(arg);
      else finish(arg);
    } else if (arg === '--') onlyWords = true;
    else readOption(arg, table, start, finish);
  }
  if (open !== null) throw missing(open);
  if (group?.required !== undefined && !group.names.some((name) => given.has(name))) {
    throw complaint('MissingOption', `Missing required option: ${group.required}`);
  }
  return {
    words,
    has: (name) => given.has(name),
    value: (name) => given.get(name)?.[0],
    values: (name) => given.get(name) ?? [],
  };
}

const missing = (name: string): ShellError => complaint('MissingArgument', `Missing argument for option: ${name}`);
const taken = (name: string, rival: string): ShellError =>
  complaint(
    'AlreadySelected',
    `The option '${name}' was specified but an option from this group has already been selected: '${rival}'`,
  );

/** What may not be the value of the option before it. Negative numbers may. */
function isOption(arg: string, table: OptionTable): boolean {
  if (!Number.isNaN(Number(arg))) return false;
  const name = arg.slice(1).split('=', 1)[0];
  return name in table || name.charAt(0) in table;
}

function readOption(
  arg: string,
  table: OptionTable,
  start: (name: string) => void,
  finish: (value: string) => void,
): void {
  const name = arg.slice(1);
  if (name in table) return start(name);
  const unknown = complaint('UnrecognizedOption', `Unrecognized option: ${arg}`);
  const assignment = /^(.)=(.*)$/s.exec(name);
  if (assignment !== null) {
    if (table[assignment[1]] !== 'value') throw unknown;
    start(assignment[1]);
    return finish(assignment[2]);
  }
  for (let at = 0; at < name.length; at++) {
    if (!(name[at] in table)) throw unknown;
    start(name[at]);
    if (table[name[at]] === 'value' && at + 1 < name.length) return finish(name.slice(at + 1));
  }
}
