// Who belongs to an ensemble, and the text that says so: the one form that goes over the wire, into /zookeeper/config
// and into the dynamic configuration file. Servers compare these texts, so writing has one canonical result. What the
// members and weights mean for a quorum is decided elsewhere.

import { isSafeZxid, zxidHex, zxidZero } from '../zxid.ts';
import type { Zxid } from '../zxid.ts';
import { EnsembleConfigError, formatMember, parseMember, quoted } from './member.ts';
import type { Member } from './member.ts';

export interface EnsembleConfig {
  /** Zxid of the reconfiguration that made it; 0 where reconfiguration is switched off. */
  readonly version: Zxid;
  readonly members: ReadonlyMap<number, Member>;
  /** Server ids by group id, in a hierarchical ensemble. Every participant is in exactly one group. */
  readonly groups?: ReadonlyMap<number, readonly number[]>;
  /** Votes by server id, for every participant; given whenever groups are. */
  readonly weights?: ReadonlyMap<number, number>;
}

interface Parts {
  version: Zxid | undefined;
  readonly members: Map<number, Member>;
  readonly groups: Map<number, readonly number[]>;
  readonly weights: Map<number, number>;
}

const byteOrderMark = '\ufeff';
const defaultWeight = 1;

/** Reads the text of a dynamic configuration. Throws EnsembleConfigError, whose message says what to change. */
export function parseEnsembleConfig(text: string): EnsembleConfig {
  if (text.startsWith(byteOrderMark)) {
    throw new EnsembleConfigError('the configuration starts with a byte order mark: save it as UTF-8 without one');
  }
  const parts: Parts = { version: undefined, members: new Map(), groups: new Map(), weights: new Map() };
  for (const line of text.split('\n')) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#') || trimmed.startsWith('!')) continue;
    const equals = trimmed.indexOf('=');
    if (equals < 0) throw new EnsembleConfigError(`${quoted(trimmed)}: write key=value`);
    const key = trimmed.slice(0, equals).trim();
    readEntry(parts, key, trimmed.slice(equals + 1).trim());
  }
  const { version = zxidZero, members, groups, weights } = parts;
  if (![...members.values()].some(({ role }) => role === 'participant')) {
    throw new EnsembleConfigError('no server.N line has the role participant: nobody could vote, add one');
  }
  if (groups.size === 0 && weights.size === 0) return { version, members };
  checkGroups(parts);
  for (const { sid, role } of members.values()) {
    if (role === 'participant' && !weights.has(sid)) weights.set(sid, defaultWeight);
  }
  return { version, members, groups, weights };
}

/** Canonical text: members, groups and weights by ascending id, then the version, no newline at the end. */
export function formatEnsembleConfig(config: EnsembleConfig): string {
  const lines = ascending(config.members).map(([sid, member]) => `server.${sid}=${formatMember(member)}`);
  for (const [group, sids] of ascending(config.groups)) {
    lines.push(`group.${group}=${[...sids].sort((a, b) => a - b).join(':')}`);
  }
  for (const [sid, weight] of ascending(config.weights)) lines.push(`weight.${sid}=${weight}`);
  lines.push(`version=${zxidHex(config.version)}`);
  return lines.join('\n');
}

/** Whether two configurations differ in nothing but their versions. */
export function sameMembers(a: EnsembleConfig, b: EnsembleConfig): boolean {
  const ofOneVersion = (config: EnsembleConfig): string => formatEnsembleConfig({ ...config, version: zxidZero });
  return ofOneVersion(a) === ofOneVersion(b);
}

const ascending = <T>(map: ReadonlyMap<number, T> | undefined): [number, T][] =>
  [...(map ?? [])].sort(([a], [b]) => a - b);

function readEntry(parts: Parts, key: string, value: string): void {
  if (key === 'version') {
    if (parts.version !== undefined) throw twice(key);
    parts.version = parseVersion(value);
    return;
  }
  const dot = key.indexOf('.');
  const kind = key.slice(0, dot);
  if (dot < 0 || (kind !== 'server' && kind !== 'group' && kind !== 'weight')) {
    throw new EnsembleConfigError(
      `${quoted(key)} has no place here: only server.N, group.N, weight.N and version are allowed`,
    );
  }
  const id = idOf(key.slice(dot + 1), key);
  switch (kind) {
    case 'server':
      return addOnce(parts.members, id, parseMember(id, value), key);
    case 'group':
      return addOnce(parts.groups, id, parseGroup(key, value), key);
    case 'weight':
      return addOnce(parts.weights, id, idOf(value, key), key);
  }
}

/** `server.1` and `server.01` are the same server. */
function addOnce<T>(map: Map<number, T>, id: number, value: T, key: string): void {
  if (map.has(id)) throw twice(key);
  map.set(id, value);
}

const twice = (key: string): EnsembleConfigError =>
  new EnsembleConfigError(`${quoted(key)} is there twice: remove one of the lines`);

const parseGroup = (key: string, value: string): number[] => value.split(':').map((digits) => idOf(digits.trim(), key));

function idOf(digits: string, key: string): number {
  const id = /^\d{1,16}$/.test(digits) ? Number(digits) : NaN;
  if (!Number.isSafeInteger(id)) {
    throw new EnsembleConfigError(`${quoted(key)}: write a whole number from 0 up instead of ${quoted(digits)}`);
  }
  return id;
}

function parseVersion(value: string): Zxid {
  const version = /^[0-9a-f]{1,16}$/i.test(value) ? Number.parseInt(value, 16) : NaN;
  if (!isSafeZxid(version)) {
    throw new EnsembleConfigError(`version=${value.slice(0, 60)}: write the version as a hexadecimal zxid without 0x`);
  }
  return version;
}

function checkGroups({ members, groups, weights }: Parts): void {
  const groupOf = new Map<number, number>();
  for (const [group, sids] of groups) {
    for (const sid of sids) {
      const before = groupOf.get(sid);
      if (before !== undefined) {
        throw new EnsembleConfigError(`server ${sid} is in group.${before} and in group.${group}: remove it from one`);
      }
      if (members.get(sid)?.role !== 'participant') {
        throw new EnsembleConfigError(`group.${group}: remove ${sid}, which is no participant of this ensemble`);
      }
      groupOf.set(sid, group);
    }
  }
  for (const { sid, role } of members.values()) {
    if (role === 'participant' && !groupOf.has(sid)) {
      throw new EnsembleConfigError(`server ${sid} is in no group: once there are groups or weights, add it to one`);
    }
  }
  for (const sid of weights.keys()) {
    if (!members.has(sid)) throw new EnsembleConfigError(`weight.${sid}: there is no server.${sid}, remove the line`);
  }
}
