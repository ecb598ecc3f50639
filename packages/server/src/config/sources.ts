// Where settings come from: the configuration file, `-D` arguments, flags, and the environment of the official Docker
// image. This file collects raw entries from weakest to strongest; load.ts gives them meaning.

import { join, resolve } from 'node:path';

import { PropertySyntaxError, parseProperties } from './properties.ts';
import type { PropertyEntry } from './properties.ts';
import { imageVariables } from './image-variables.ts';
import type { RawEntry } from './raw-entry.ts';
import { settings } from './settings.ts';
import type { SettingName } from './settings.ts';
import type { Setting } from './setting.ts';

export interface LoadInput {
  /** Arguments after the word `server`. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Directory against which relative paths of arguments are meant. */
  readonly cwd: string;
  /** The text of a file, undefined when there is none. */
  readonly readFile: (path: string) => string | undefined;
  /** The names in a directory; none when it cannot be listed. */
  readonly listDir: (path: string) => readonly string[];
}

export interface Collected {
  readonly entries: RawEntry[];
  readonly problems: string[];
  readonly ignored: { key: string; reason: string }[];
  readonly configFile: string | undefined;
  /** Whether it could be read; when it could not, nothing else is worth a word. */
  readonly isFileRead: boolean;
  readonly fileEntries: readonly PropertyEntry[];
  /** Of the variables of an image: what its entry script writes into a myid that is not there. */
  readonly imageServerId: string | undefined;
}

export const rows = Object.entries(settings) as [SettingName, Setting<unknown>][];

/** Reads every source. Problems are collected, so that one start shows all of them. */
export function collect(input: LoadInput): Collected {
  const problems: string[] = [];
  const ignored: Collected['ignored'] = [];
  const args = parseArguments(input.argv, problems);
  const jvm = jvmFlags(input.env, ignored);
  const confDir = input.env['ZOO_CONF_DIR'] ?? '';
  const inConfDir = confDir === '' ? undefined : join(confDir, 'zoo.cfg');
  const named = args.configFile === undefined ? undefined : resolve(input.cwd, args.configFile);
  const configFile = named ?? (inConfDir !== undefined && exists(input, inConfDir) ? inConfDir : undefined);
  const file = configFile === undefined ? undefined : readEntries(input, configFile, problems);
  const dynamic = dynamicEntries(input, file ?? [], problems);
  const image = imageVariables(input.env);
  if (configFile !== undefined) {
    const reason = `the configuration file ${configFile} is used; image variables count only without one`;
    for (const name of image.used) ignored.push({ key: name, reason });
  }
  for (const key of image.unknown)
    ignored.push({ key, reason: 'no image has a variable of this name that means anything here' });
  const fromImage = configFile === undefined ? image.entries : [];
  const alwaysEnv = rows.flatMap(([name, row]) => entryOfVariable(name, row.env, input.env));
  return {
    entries: [
      ...fromImage,
      ...(file ?? []).map(toRaw(configFile ?? '')),
      ...dynamic,
      ...alwaysEnv,
      ...jvm,
      ...args.entries,
    ],
    problems,
    ignored,
    configFile,
    isFileRead: configFile === undefined || file !== undefined,
    fileEntries: file ?? [],
    imageServerId: named === undefined ? image.serverId : undefined,
  };
}

const exists = (input: LoadInput, path: string): boolean => input.readFile(path) !== undefined;

const toRaw =
  (file: string) =>
  (entry: PropertyEntry): RawEntry => ({
    naming: 'cfg',
    key: entry.key,
    value: entry.value,
    where: `${file}:${entry.line}`,
  });

function readEntries(input: LoadInput, path: string, problems: string[]): PropertyEntry[] | undefined {
  const source = input.readFile(path);
  if (source === undefined) {
    problems.push(`${path}: there is no such file`);
    return undefined;
  }
  try {
    return parseProperties(source);
  } catch (error) {
    if (!(error instanceof PropertySyntaxError)) throw error;
    problems.push(`${path}:${error.line}: ${error.message}`);
    return undefined;
  }
}

/** The file that dynamicConfigFile names holds nothing but members; anything else in it is an error. */
function dynamicEntries(input: LoadInput, entries: readonly PropertyEntry[], problems: string[]): RawEntry[] {
  const name = entries.findLast((entry) => entry.key === 'dynamicConfigFile')?.value;
  if (name === undefined) return [];
  const path = resolve(input.cwd, name);
  const members: RawEntry[] = [];
  for (const entry of readEntries(input, path, problems) ?? []) {
    if (/^(server|group|weight)\./.test(entry.key)) members.push(toRaw(path)(entry));
    else if (entry.key !== 'version') {
      problems.push(`${path}:${entry.line}: ${entry.key}: expected only server.N, group.N, weight.N and version here`);
    }
  }
  return members;
}

const isProperty = (entry: RawEntry): boolean => entry.naming === 'property';

interface Arguments {
  readonly entries: RawEntry[];
  readonly configFile: string | undefined;
}

function parseArguments(argv: readonly string[], problems: string[]): Arguments {
  const entries: RawEntry[] = [];
  let configFile: string | undefined;
  const takeFile = (file: string): void => {
    if (configFile !== undefined) problems.push(`${file}: expected one configuration file, ${configFile} came first`);
    else configFile = file;
  };
  for (let at = 0; at < argv.length; at++) {
    const argument = argv[at] ?? '';
    if (argument.startsWith('-D')) {
      entries.push(propertyArgument(argument));
      continue;
    }
    if (!argument.startsWith('-')) {
      takeFile(argument);
      continue;
    }
    const equals = argument.indexOf('=');
    const flag = equals < 0 ? argument : argument.slice(0, equals);
    const row = rows.find(([, setting]) => setting.flag === flag);
    if (row === undefined && flag !== '--config') {
      problems.push(`${flag}: unknown argument; corral server --help lists them`);
      continue;
    }
    const value = equals < 0 ? argv[++at] : argument.slice(equals + 1);
    if (value === undefined) problems.push(`${flag}: expected a value`);
    else if (row === undefined) takeFile(value);
    else entries.push({ naming: 'row', key: row[0], value, where: flag });
  }
  // A flag counts more than a property wherever it stands.
  return { entries: [...entries.filter(isProperty), ...entries.filter((entry) => !isProperty(entry))], configFile };
}

function propertyArgument(argument: string): RawEntry {
  const equals = argument.indexOf('=');
  const key = equals < 0 ? argument.slice(2) : argument.slice(2, equals);
  return { naming: 'property', key, value: equals < 0 ? '' : argument.slice(equals + 1).trim(), where: `-D${key}` };
}

/** zkServer.sh passes these variables to the Java machine; their -D arguments are ours too. */
function jvmFlags(env: LoadInput['env'], ignored: Collected['ignored']): RawEntry[] {
  const entries: RawEntry[] = [];
  for (const name of ['JVMFLAGS', 'SERVER_JVMFLAGS']) {
    for (const argument of (env[name] ?? '').split(/\s+/).filter((part) => part !== '')) {
      if (argument.startsWith('-D')) entries.push({ ...propertyArgument(argument), where: `${name} (environment)` });
      else ignored.push({ key: name, reason: 'arguments of the Java machine other than -D have no meaning here' });
    }
  }
  return entries;
}

function entryOfVariable(name: SettingName, variable: string | undefined, env: LoadInput['env']): RawEntry[] {
  const value = variable === undefined ? undefined : env[variable];
  if (variable === undefined || value === undefined || value === '') return [];
  return [{ naming: 'row', key: name, value: value.trim(), where: `${variable} (environment)` }];
}
