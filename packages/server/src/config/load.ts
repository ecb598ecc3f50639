// From files, arguments and environment to one frozen Config. Runs once at start, before anything is opened; a wrong
// value stops the start with a message that names the place, the value and what was expected, and nothing that was
// set is dropped in silence. Sources, weakest first: Docker image variables (only without a file), the file, always-on
// variables, -D arguments, flags.

import { readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { votersOf } from '@corral/core';
import { EnsembleConfigError, parseMember } from '@corral/protocol';
import type { EnsembleConfig, Member } from '@corral/protocol';

import { escapeControls } from './escape.ts';
import { secretPlaceholder } from './kinds.ts';
import { isSecretKey, meaningOf } from './names.ts';
import { listsMembers, readMembers, readNextMembers } from './members.ts';
import type { EnsemblePlace, MemberLines } from './members.ts';
import { decidePlace } from './place.ts';
import type { Setting } from './setting.ts';
import { derived } from './settings.ts';
import type { SettingName, SettingValues } from './settings.ts';
import { collect, rows } from './sources.ts';
import type { RawEntry } from './raw-entry.ts';
import type { Collected, LoadInput } from './sources.ts';

export type Config = SettingValues & {
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
  /** The server's place in its ensemble; undefined when it stands alone. */
  readonly ensemble: EnsemblePlace | undefined;
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
const anyAddress = '0.0.0.0';

type Values = { -readonly [N in SettingName]: SettingValues[N] };

interface Draft {
  readonly values: Values;
  readonly sources: Record<SettingName, string>;
  readonly memberLines: { readonly text: string; readonly where: string }[];
  readonly problems: string[];
  readonly ignored: IgnoredSetting[];
  readonly notices: string[];
}

/** Reads the configuration; throws ConfigError when it cannot be used. */
export function loadConfig(
  input: Omit<LoadInput, 'readFile' | 'listDir'> & Partial<Pick<LoadInput, 'readFile' | 'listDir'>>,
): LoadedConfig {
  const readFile = input.readFile ?? readTextFile;
  const listDir = input.listDir ?? (input.readFile === undefined ? namesIn : () => []);
  const files = { ...input, readFile, listDir };
  const collected = collect(files);
  if (!collected.isFileRead) throw new ConfigError(collected.problems);
  const draft: Draft = {
    values: Object.fromEntries(rows.map(([name, row]) => [name, row.fallback])) as Values,
    sources: Object.fromEntries(rows.map(([name]) => [name, 'default'])) as Record<SettingName, string>,
    memberLines: [],
    problems: [...collected.problems],
    ignored: [...collected.ignored],
    notices: [],
  };
  for (const entry of collected.entries) take(draft, entry);
  const members = membersOf(draft, collected, readFile, input.cwd);
  deriveValues(draft, collected, input.cwd);
  const known = draft.problems.length;
  const myId = readMyId(draft, collected, readFile, members !== undefined);
  // A wrong number is one problem, and no missing one besides.
  const hasWrongId = draft.problems.length > known;
  const ensemble = hasWrongId
    ? undefined
    : placeOf(draft, members, myId, { ...files, configFile: collected.configFile });
  takeClientPort(draft, collected, members?.config.members.get(myId ?? -1) ?? onlyMember(members));
  checkTogether(draft);
  if (draft.problems.length > 0) throw new ConfigError(draft.problems);
  const config: Config = { ...draft.values, myId, serverId: ensemble?.sid ?? 0 };
  return {
    config: deepFreeze(config),
    ensemble,
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

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    return []; // what cannot be listed cannot contradict anything; what is needed is read, and its absence told
  }
}

function take(draft: Draft, entry: RawEntry): void {
  const meaning = meaningOf(entry);
  switch (meaning.kind) {
    case 'ignored':
      draft.ignored.push({ key: entry.key, reason: meaning.reason });
      return;
    case 'refused':
      draft.problems.push(
        `${entry.where}: ${entry.key}=${isSecretKey(entry.key) ? secretPlaceholder : quote(entry.value)}: ${meaning.reason}, ` +
          'and starting without it would be less safe than what was asked for',
      );
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
    const advice = row.remark === undefined ? '' : `. Remove it: ${row.remark}`;
    draft.problems.push(
      `${shown}: not supported by this version, and starting without it would be less safe than what was asked for${advice}`,
    );
  }
  if (row.status === 'later' && !isDefault) {
    draft.ignored.push({ key: row.key, reason: row.remark ?? 'not supported by this version' });
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
  const problem = memberProblem(entry);
  if (problem !== undefined) return void draft.problems.push(`${entry.where}: ${problem}`);
  draft.memberLines.push({ text: `${entry.key}=${entry.value}`, where: entry.where });
}

/** What is wrong with a line by itself; what is wrong with all of them together is found later. */
function memberProblem({ key, value }: RawEntry): string | undefined {
  if (!key.startsWith('server.')) return undefined;
  const digits = key.slice('server.'.length);
  const id = serverIdOf(digits);
  if (id === undefined) return `${quote(key)}: expected server.N with N from 0 to ${serverIdMax}`;
  try {
    parseMember(id, value);
    return undefined;
  } catch (error) {
    if (!(error instanceof EnsembleConfigError)) throw error;
    return error.message;
  }
}

/** A long on the wire; what a number cannot hold exactly is refused. */
const serverIdMax = Number.MAX_SAFE_INTEGER;
/** Owners of ephemerals that begin with 255 stand for a time to live. */
const serverIdMaxWithTtl = 254;

function serverIdOf(text: string): number | undefined {
  const id = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  return id <= serverIdMax ? id : undefined;
}

interface Members {
  readonly config: EnsembleConfig;
  readonly next: EnsembleConfig | undefined;
}

function membersOf(
  draft: Draft,
  collected: Collected,
  readFile: LoadInput['readFile'],
  cwd: string,
): Members | undefined {
  const { dynamicConfigFile } = draft.values;
  const lines: MemberLines = {
    lines: draft.memberLines,
    dynamicFile: dynamicConfigFile === undefined ? undefined : resolve(cwd, dynamicConfigFile),
    configFile: collected.configFile === undefined ? undefined : resolve(cwd, collected.configFile),
    readFile,
  };
  try {
    const config = readMembers(lines);
    return config && { config, next: readNextMembers(config, lines) };
  } catch (error) {
    if (!(error instanceof EnsembleConfigError)) throw error;
    draft.problems.push(error.message);
    return undefined;
  }
}

type Files = Pick<LoadInput, 'readFile' | 'listDir' | 'cwd'> & Pick<Collected, 'configFile'>;

/** The server's place in its ensemble, undefined when it stands alone or when a problem says why it has none. */
function placeOf(
  draft: Draft,
  members: Members | undefined,
  myId: number | undefined,
  files: Files,
): EnsemblePlace | undefined {
  const { values } = draft;
  const { standaloneEnabled, reconfigEnabled } = values;
  const dynamicFile = values.dynamicConfigFile === undefined ? undefined : resolve(files.cwd, values.dynamicConfigFile);
  if (members === undefined && draft.problems.length > 0) return undefined; // the lists are wrong in another way
  const facts = {
    standaloneEnabled,
    reconfigEnabled,
    configFile: files.configFile === undefined ? undefined : resolve(files.cwd, files.configFile),
    dynamicFile,
    config: members?.config,
    next: members?.next,
    strayList: strayList(files),
    myId,
    myIdFile: join(values.dataDir, 'myid'),
    epochFile: epochFile(values.dataDir, files),
  };
  const place = decidePlace(facts);
  if (place.kind === 'refused') draft.problems.push(place.problem);
  if (place.kind !== 'member' || members === undefined || myId === undefined) return undefined;
  checkAddresses(draft, members.config);
  const voters = votersOf(members.config).length;
  if (voters === 2) draft.notices.push('server.N: two participants: when either of them fails, nothing is served');
  else if (voters % 2 === 0)
    draft.notices.push(
      `server.N: ${voters} participants survive no more failures than ${voters - 1}; an odd number is better`,
    );
  warnOfTwins(draft, members.config);
  return { sid: myId, config: members.config, nextConfig: members.next, dynamicFile };
}

/** Session ids begin with the last byte of the server id, so two such servers may give out the same one. */
function warnOfTwins(draft: Draft, { members }: EnsembleConfig): void {
  const byLastByte = new Map<number, number>();
  for (const sid of members.keys()) {
    const twin = byLastByte.get(sid % 256);
    if (twin !== undefined)
      draft.notices.push(
        `server.N: ${twin} and ${sid} are the same modulo 256 and may give out the same session ids; choose other ids`,
      );
    byLastByte.set(sid % 256, sid);
  }
}

/** A list of members that an ensemble has left beside the configuration file. */
function strayList({ configFile, readFile, listDir, cwd }: Files): string | undefined {
  if (configFile === undefined) return undefined;
  const file = resolve(cwd, configFile);
  const prefix = `${basename(file)}.dynamic.`;
  const versions = listDir(dirname(file)).filter((name) => name.startsWith(prefix) && name !== `${prefix}next`);
  const candidates = [...versions.sort().reverse(), `${prefix}next`].map((name) => join(dirname(file), name));
  return candidates.find((path) => listsMembers(readFile(path)));
}

/** An epoch file, which only members of an ensemble have. */
function epochFile(dataDir: string, { readFile }: Files): string | undefined {
  const files = ['currentEpoch', 'acceptedEpoch'].map((name) => join(dataDir, 'version-2', name));
  return files.find((file) => readFile(file) !== undefined);
}

function checkAddresses(draft: Draft, config: EnsembleConfig): void {
  if (draft.values.multiAddressEnabled) return;
  for (const { sid, addresses } of config.members.values())
    if (addresses.length > 1) draft.problems.push(`server.${sid}: several addresses need multiAddress.enabled=true`);
}

const onlyMember = (members: Members | undefined): Member | undefined =>
  members?.config.members.size === 1 ? [...members.config.members.values()][0] : undefined;

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
}

const mayNameMembers = ({ entries }: Collected): boolean =>
  entries.some(({ key }) => key.startsWith('server.') || key === 'dynamicConfigFile');

/** The own server.N line may name the client port instead of clientPort, but not contradict it. */
function takeClientPort(draft: Draft, collected: Collected, own: Member | undefined): void {
  const { values, sources } = draft;
  if (own?.client !== undefined) {
    const { host, port } = own.client;
    if (values.clientPort !== undefined && values.clientPort !== port) {
      draft.problems.push(
        `${sources.clientPort}: clientPort=${values.clientPort}: expected ${port}, as in the line server.${own.sid}`,
      );
    }
    values.clientPort = port;
    if (host !== anyAddress && values.clientPortAddress === undefined) values.clientPortAddress = host;
  }
  if (values.clientPort !== undefined) return;
  if (collected.configFile === undefined) values.clientPort = defaultClientPort;
  // A wrong line of a member may be the one that names the port.
  else if (values.secureClientPort === undefined && !(mayNameMembers(collected) && draft.problems.length > 0)) {
    draft.problems.push(`${collected.configFile}: clientPort: required, as nothing else says where clients connect`);
  }
}

/** `isListed`: there are members; otherwise the number decides nothing. */
function readMyId(
  draft: Draft,
  collected: Collected,
  readFile: LoadInput['readFile'],
  isListed: boolean,
): number | undefined {
  const file = join(draft.values.dataDir, 'myid');
  const content = readFile(file);
  const where = content === undefined ? 'ZOO_MY_ID (environment)' : file;
  const written = (content ?? collected.imageServerId)?.trim();
  if (written === undefined) return undefined;
  const id = serverIdOf(written);
  if (!isListed) {
    if (id === undefined)
      draft.notices.push(`${where}: ${quote(written)}: no server id; a standalone server needs none`);
    return id;
  }
  const { extendedTypesEnabled } = draft.values;
  const idMax = extendedTypesEnabled ? serverIdMaxWithTtl : serverIdMax;
  if (id !== undefined && id <= idMax) return id;
  const reason = extendedTypesEnabled ? ', as extendedTypesEnabled=true keeps 255 for nodes with a time to live' : '';
  draft.problems.push(`${where}: ${quote(written)}: expected a server id from 0 to ${idMax}${reason}`);
  return undefined;
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
  if (superDigest !== undefined && !/^[^:]*:\S+$/.test(superDigest)) {
    problems.push(
      `${sources.superDigest}: DigestAuthenticationProvider.superDigest=${secretPlaceholder}: expected user:<digest>`,
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
