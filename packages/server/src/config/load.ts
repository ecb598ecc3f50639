// From files, arguments and environment to one frozen Config. Runs once at start, before anything is opened; a wrong
// value stops the start with a message that names the place, the value and what was expected, and nothing that was
// set is dropped in silence. Sources, weakest first: Docker image variables (only without a file), the file, always-on
// variables, -D arguments, flags.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { escapeControls } from './escape.ts';
import { secretPlaceholder } from './kinds.ts';
import { isSecretKey, meaningOf } from './names.ts';
import { parseServerSpec, serverIdOf, serverSpecForm } from './servers.ts';
import type { ServerSpec } from './servers.ts';
import type { Setting } from './setting.ts';
import { derived } from './settings.ts';
import type { SettingName, SettingValues } from './settings.ts';
import { collect, rows } from './sources.ts';
import type { Collected, LoadInput, RawEntry } from './sources.ts';

export type Config = SettingValues & {
  /** Members named by server.N lines. */
  readonly servers: readonly ServerSpec[];
  /** The number in the file myid (or ZOO_MY_ID), if there is one. */
  readonly myId: number | undefined;
  /** The server's number in session ids and in `conf`: 0 when standalone, as in Apache. */
  readonly serverId: number;
};

export interface IgnoredSetting {
  readonly key: string;
  readonly reason: string;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Where each value came from: `zoo.cfg:7`, `-Dx`, `--client-port`, `default`. */
  readonly sources: Readonly<Record<SettingName, string>>;
  readonly ignored: readonly IgnoredSetting[];
  /** What is used differently from what is written: corrected values, values set twice. */
  readonly notices: readonly string[];
  readonly configFile: string | undefined;
  /** The configuration file as it was read, secrets masked and comments left out. */
  readonly initialText: string;
}

/** The configuration cannot be used. The message has one line per problem. */
export class ConfigError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

const defaultClientPort = 2181;

type Values = { -readonly [N in SettingName]: SettingValues[N] };

interface Draft {
  readonly values: Values;
  readonly sources: Record<SettingName, string>;
  readonly servers: Map<number, ServerSpec>;
  readonly problems: string[];
  readonly ignored: IgnoredSetting[];
  readonly notices: string[];
}

/** Reads the configuration; throws ConfigError when it cannot be used. */
export function loadConfig(input: Omit<LoadInput, 'readFile'> & Partial<Pick<LoadInput, 'readFile'>>): LoadedConfig {
  const readFile = input.readFile ?? readTextFile;
  const collected = collect({ ...input, readFile });
  const draft: Draft = {
    values: Object.fromEntries(rows.map(([name, row]) => [name, row.fallback])) as Values,
    sources: Object.fromEntries(rows.map(([name]) => [name, 'default'])) as Record<SettingName, string>,
    servers: new Map(),
    problems: [...collected.problems],
    ignored: [...collected.ignored],
    notices: [],
  };
  for (const entry of collected.entries) take(draft, entry);
  deriveValues(draft, collected, input.cwd);
  const myId = readMyId(draft, collected, readFile);
  checkMembers(draft);
  checkTogether(draft);
  if (draft.problems.length > 0) throw new ConfigError(draft.problems);
  const config: Config = { ...draft.values, servers: [...draft.servers.values()], myId, serverId: 0 };
  return {
    config: deepFreeze(config),
    sources: draft.sources,
    ignored: draft.ignored,
    notices: draft.notices,
    configFile: collected.configFile,
    initialText: collected.fileEntries.map(shownEntry).join(''),
  };
}

function readTextFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) {
      return undefined;
    }
    throw new ConfigError([`${path}: cannot be read: ${error instanceof Error ? error.message : String(error)}`]);
  }
}

function take(draft: Draft, entry: RawEntry): void {
  const meaning = meaningOf(entry);
  switch (meaning.kind) {
    case 'ignored':
      draft.ignored.push({ key: entry.key, reason: meaning.reason });
      return;
    case 'server':
      takeServer(draft, entry);
      return;
    case 'row':
      takeValue(draft, entry, meaning.name, meaning.row);
      return;
  }
}

function takeValue(draft: Draft, entry: RawEntry, name: SettingName, row: Setting<unknown>): void {
  const parsed = row.kind.parse(entry.value);
  const shown = `${entry.where}: ${row.key}=${row.kind.secret ? secretPlaceholder : quote(entry.value)}`;
  if (parsed === undefined) {
    draft.problems.push(`${shown}: expected ${row.kind.expects}`);
    return;
  }
  if (parsed.notice !== undefined) draft.notices.push(`${shown}: ${parsed.notice}`);
  const isDefault = String(parsed.value) === String(row.fallback);
  if (row.status === 'refused' && !isDefault) {
    draft.problems.push(
      `${shown}: not supported by this version, and starting without it would be less safe than what was asked for`,
    );
  }
  if (row.status === 'later' && !isDefault) {
    draft.ignored.push({ key: row.key, reason: 'not supported by this version' });
  }
  const before = draft.sources[name];
  if (before !== 'default' && String(draft.values[name]) !== String(parsed.value)) {
    draft.notices.push(`${entry.where}: ${row.key} was set before by ${before}; this one counts`);
  }
  // The kind of a row yields the type of that row's value: the table ties them together when it is compiled.
  (draft.values as Record<SettingName, unknown>)[name] = parsed.value;
  draft.sources[name] = entry.where;
}

function takeServer(draft: Draft, entry: RawEntry): void {
  const id = serverIdOf(entry.key);
  if (id === undefined) {
    draft.problems.push(`${entry.where}: ${quote(entry.key)}: expected server.N with N from 0 to 255`);
    return;
  }
  const spec = parseServerSpec(id, entry.value);
  if (spec === undefined) {
    draft.problems.push(`${entry.where}: ${entry.key}=${quote(entry.value)}: expected ${serverSpecForm}`);
    return;
  }
  draft.servers.set(id, spec);
}

/** Values that depend on others, and the few defaults that depend on whether there is a file. */
function deriveValues(draft: Draft, collected: Collected, cwd: string): void {
  const { values, sources } = draft;
  if (values.minSessionTimeoutMs === derived) values.minSessionTimeoutMs = 2 * values.tickTimeMs;
  if (values.maxSessionTimeoutMs === derived) values.maxSessionTimeoutMs = 20 * values.tickTimeMs;
  if (values.juteMaxBufferExtra === derived) values.juteMaxBufferExtra = Math.max(1024, values.juteMaxBuffer);
  if (collected.configFile !== undefined && sources.dataDir === 'default') {
    draft.problems.push(`${collected.configFile}: dataDir: required`);
  }
  values.dataDir = resolve(cwd, values.dataDir);
  values.dataLogDir = values.dataLogDir === '' ? values.dataDir : resolve(cwd, values.dataLogDir);
  takeClientPort(draft);
  if (values.clientPort !== undefined) return;
  if (collected.configFile === undefined) values.clientPort = defaultClientPort;
  else if (values.secureClientPort === undefined) {
    draft.problems.push(`${collected.configFile}: clientPort: required, as nothing else says where clients connect`);
  }
}

/** A single server.N line may name the client port instead of clientPort, but not contradict it. */
function takeClientPort(draft: Draft): void {
  const { values, sources } = draft;
  const [only, ...others] = draft.servers.values();
  if (only?.client === undefined || others.length > 0) return;
  const { host, port } = only.client;
  if (values.clientPort !== undefined && values.clientPort !== port) {
    draft.problems.push(
      `${sources.clientPort}: clientPort=${values.clientPort}: expected ${port}, as in the line server.${only.id}`,
    );
  }
  values.clientPort = port;
  if (host !== undefined && values.clientPortAddress === undefined) values.clientPortAddress = host;
}

function readMyId(draft: Draft, collected: Collected, readFile: LoadInput['readFile']): number | undefined {
  const file = join(draft.values.dataDir, 'myid');
  const content = readFile(file);
  const where = content === undefined ? 'ZOO_MY_ID (environment)' : file;
  const written = (content ?? collected.imageServerId)?.trim();
  if (written === undefined) return undefined;
  const idMax = draft.values.extendedTypesEnabled ? 254 : 255;
  const id = /^\d{1,3}$/.test(written) ? Number(written) : 0;
  if (id >= 1 && id <= idMax) return id;
  draft.problems.push(`${where}: ${quote(written)}: expected a server id from 1 to ${idMax}`);
  return undefined;
}

function checkMembers(draft: Draft): void {
  const members = [...draft.servers.values()];
  if (members.length === 0) return;
  const voters = members.filter((server) => server.role === 'participant').length;
  if (voters === 0) {
    draft.problems.push('server.N: expected at least one participant among the servers');
  } else if (members.length > 1) {
    draft.problems.push(
      `server.N: ${members.length} servers: ensembles are not supported by this version; ` +
        'keep one server.N line, or none, to run standalone',
    );
  } else if (!draft.values.standaloneEnabled) {
    draft.problems.push(
      `${draft.sources.standaloneEnabled}: standaloneEnabled=false: ensembles are not supported by this version, ` +
        'not even of one server',
    );
  }
}

/** Conditions on more than one value. */
function checkTogether(draft: Draft): void {
  const { values, sources, problems } = draft;
  if (values.minSessionTimeoutMs > values.maxSessionTimeoutMs) {
    const where = sources.minSessionTimeoutMs === 'default' ? sources.maxSessionTimeoutMs : sources.minSessionTimeoutMs;
    problems.push(
      `${where}: minSessionTimeout=${values.minSessionTimeoutMs}: expected at most ` +
        `maxSessionTimeout=${values.maxSessionTimeoutMs}`,
    );
  }
  const unknownScheme = values.enforceAuthSchemes.find((scheme) => scheme !== 'digest' && scheme !== 'ip');
  if (values.enforceAuthEnabled && (values.enforceAuthSchemes.length === 0 || unknownScheme !== undefined)) {
    const shown = values.enforceAuthSchemes.join(',');
    problems.push(`${sources.enforceAuthSchemes}: enforce.auth.schemes=${quote(shown)}: expected digest, ip or both`);
  }
  if (!/^(\/[A-Za-z0-9._~-]+)+$/.test(values.adminCommandUrl)) {
    problems.push(
      `${sources.adminCommandUrl}: admin.commandURL=${quote(values.adminCommandUrl)}: expected a path like /commands`,
    );
  }
  const superDigest = values.superDigest?.reveal();
  if (superDigest !== undefined && !/^super:\S+$/.test(superDigest)) {
    problems.push(
      `${sources.superDigest}: DigestAuthenticationProvider.superDigest=${secretPlaceholder}: expected super:<digest>`,
    );
  }
}

function shownEntry(entry: { readonly key: string; readonly value: string }): string {
  return `${entry.key}=${isSecretKey(entry.key) ? secretPlaceholder : entry.value}\n`;
}

/** A value inside a message. */
function quote(value: string): string {
  const short = value.length > 80 ? `${value.slice(0, 80)}…` : value;
  return escapeControls(short);
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
