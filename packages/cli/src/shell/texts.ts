// How the compatible shell prints what it found: byte for byte as zkCli does, which prints as Java does.

import type { Acl, Stat } from '@corral/client';
import { perms } from '@corral/client';
import { hex } from '../output.ts';

/** One after the other until one of them knows a name for the time zone: `CET` is not a word in America. */
const locales = ['en-US', 'en-GB', 'en-AU', 'en-IN', 'en-ZA'];

/** `Tue Nov 24 19:45:34 UTC 2026` */
export function dateText(date: Date, timeZone?: string): string {
  const parts = new Intl.DateTimeFormat('en-US', {
    weekday: 'short',
    month: 'short',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    year: 'numeric',
    hourCycle: 'h23',
    timeZone,
  }).formatToParts(date);
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.find((p) => p.type === type)?.value ?? '';
  const time = `${part('hour')}:${part('minute')}:${part('second')}`;
  return `${part('weekday')} ${part('month')} ${part('day')} ${time} ${zoneName(date, timeZone)} ${part('year')}`;
}

function zoneName(date: Date, timeZone: string | undefined): string {
  const names = locales.map((locale) =>
    new Intl.DateTimeFormat(locale, { timeZoneName: 'short', timeZone })
      .formatToParts(date)
      .find(({ type }) => type === 'timeZoneName'),
  );
  return names.find((name) => name !== undefined && !/^GMT[+-]/.test(name.value))?.value ?? names[0]?.value ?? '';
}

export function statLines(stat: Stat): string[] {
  return [
    `cZxid = ${hex(stat.czxid)}`,
    `ctime = ${dateText(stat.ctime)}`,
    `mZxid = ${hex(stat.mzxid)}`,
    `mtime = ${dateText(stat.mtime)}`,
    `pZxid = ${hex(stat.pzxid)}`,
    `cversion = ${stat.cversion}`,
    `dataVersion = ${stat.version}`,
    `aclVersion = ${stat.aversion}`,
    `ephemeralOwner = ${hex(stat.ephemeralOwner)}`,
    `dataLength = ${stat.dataLength}`,
    `numChildren = ${stat.numChildren}`,
  ];
}

const permLetters: readonly (readonly [string, number])[] = [
  ['c', perms.create],
  ['d', perms.delete],
  ['r', perms.read],
  ['w', perms.write],
  ['a', perms.admin],
];

export const permText = (bits: number): string =>
  permLetters
    .filter(([, bit]) => (bits & bit) !== 0)
    .map(([letter]) => letter)
    .join('');

export const aclLines = (acl: readonly Acl[]): string[] =>
  acl.flatMap(({ scheme, id, perms: bits }) => [`'${scheme},'${id}`, `: ${permText(bits)}`]);

/** Reads `scheme:id:perms,...`. What it cannot read it says, and leaves out; null when nothing may be left out. */
export function parseAcl(text: string, complain: (line: string) => void): Acl[] | null {
  const entries: Acl[] = [];
  for (const entry of text.split(',')) {
    const first = entry.indexOf(':');
    const last = entry.lastIndexOf(':');
    if (first < 0 || first === last) {
      complain(`${entry} does not have the form scheme:id:perm`);
      return null;
    }
    const scheme = entry.slice(0, first);
    entries.push({ scheme, id: entry.slice(first + 1, last), perms: parsePerms(entry.slice(last + 1), complain) });
  }
  return entries;
}

function parsePerms(letters: string, complain: (line: string) => void): number {
  let bits = 0;
  for (const letter of letters) {
    const known = permLetters.find(([name]) => name === letter);
    if (known === undefined) complain(`Unknown perm type: ${letter}`);
    else bits |= known[1];
  }
  return bits;
}

const rowBytes = 16;
const rule = '+--------+-------------------------------------------------+----------------+';

/** Bytes as a table of sixteen columns; nothing for no bytes. */
export function hexDump(bytes: Uint8Array): string {
  if (bytes.length === 0) return '';
  const columns = Array.from({ length: rowBytes }, (_, at) => `  ${at.toString(16)}`).join('');
  const lines = [`         +-------------------------------------------------+`, `         |${columns} |`, rule];
  for (let start = 0; start < bytes.length; start += rowBytes) {
    const row = [...bytes.subarray(start, start + rowBytes)];
    const cells = row.map((byte) => ` ${byte.toString(16).padStart(2, '0')}`).join('');
    const shown = row.map((byte) => (byte <= 0x1f || byte >= 0x7f ? '.' : String.fromCharCode(byte))).join('');
    const offset = start.toString(16).padStart(8, '0');
    lines.push(`|${offset}|${cells.padEnd(3 * rowBytes)} |${shown.padEnd(rowBytes)}|`);
  }
  return [...lines, rule].join('\n');
}

/** Why a path cannot be sent, in the words of the Java client; undefined when it can. */
export function pathComplaint(path: string): string | undefined {
  if (path === '') return 'Path length must be > 0';
  if (!path.startsWith('/')) return 'Path must start with / character';
  if (path.length > 1 && path.endsWith('/')) return 'Path must not end with / character';
  const reason = path.length === 1 ? undefined : elementComplaint(path);
  return reason === undefined ? undefined : `Invalid path string "${path}" caused by ${reason}`;
}

function elementComplaint(path: string): string | undefined {
  for (let at = 1; at < path.length; at++) {
    const unit = path.charCodeAt(at);
    if (unit === 0) return `null character not allowed @${at}`;
    if (path[at] === '/' && path[at - 1] === '/') return `empty node name specified @${at}`;
    if (path[at] === '.' && /(^|\/)\.{0,1}$/.test(path.slice(0, at)) && /^\.(\/|$)/.test(path.slice(at))) {
      return `relative paths not allowed @${at}`;
    }
    if (isForbidden(unit)) return `invalid character @${at}`;
  }
  return undefined;
}

/** Control characters, surrogates, private use and the specials at the end of the plane. */
function isForbidden(unit: number): boolean {
  return unit < 0x20 || (unit >= 0x7f && unit <= 0x9f) || (unit >= 0xd800 && unit <= 0xf8ff) || unit >= 0xfff0;
}
