// Which row of the table an entry means, and what to say about keys that are no row. Used by load.ts.

import { ignoredKeys } from './settings-ignored.ts';
import { settings } from './settings.ts';
import type { SettingName } from './settings.ts';
import type { Setting } from './setting.ts';
import { rows } from './sources.ts';
import type { RawEntry } from './raw-entry.ts';

export type Meaning =
  | { readonly kind: 'row'; readonly name: SettingName; readonly row: Setting<unknown> }
  | { readonly kind: 'server' }
  | { readonly kind: 'ignored'; readonly reason: string }
  /** It asks for security that there is none of here. */
  | { readonly kind: 'refused'; readonly reason: string };

const prefix = 'zookeeper.';

const byKey = new Map(rows.map(([name, row]) => [row.key, name]));

/** Follows Apache: a key of zoo.cfg that is not its own becomes the system property with the prefix before it. */
export function meaningOf(entry: RawEntry): Meaning {
  if (entry.naming === 'row') return rowMeaning(entry.key as SettingName);
  const prefixed = entry.key.startsWith(prefix);
  const bare = prefixed ? entry.key.slice(prefix.length) : entry.key;
  if (entry.naming === 'cfg') {
    if (entry.key.startsWith('server.')) return { kind: 'server' };
    if (/^(group|weight)\.\d+$/.test(entry.key)) return { kind: 'server' };
    if (prefixed && isKnown(bare)) return ignored(`in a configuration file the key is ${bare}, without "${prefix}"`);
  }
  const name = byKey.get(bare);
  const origin = name === undefined ? undefined : settings[name].from;
  if (name !== undefined && origin === 'plain') {
    if (entry.naming === 'cfg') return ignored(`it counts only as a system property; start with -D${bare}=…`);
    return prefixed ? ignored(`the property is ${bare}, without "${prefix}"`) : rowMeaning(name);
  }
  if (name !== undefined && origin !== 'start') return rowMeaning(name);
  const known = ignoredKeyOf(bare);
  if (known?.asksForSecurity?.(entry.value) === true) return { kind: 'refused', reason: known.reason };
  return ignored(known?.reason ?? unknownReason(bare));
}

const rowMeaning = (name: SettingName): Meaning => ({ kind: 'row', name, row: settings[name] });
const ignored = (reason: string): Meaning => ({ kind: 'ignored', reason });
const isKnown = (key: string): boolean => byKey.has(key) || ignoredKeyOf(key) !== undefined;

function ignoredKeyOf(key: string): (typeof ignoredKeys)[number] | undefined {
  return ignoredKeys.find((row) => (row.key.endsWith('.*') ? key.startsWith(row.key.slice(0, -1)) : row.key === key));
}

/** Whether the value of a key must never be shown. Unknown keys are judged by their name: better one too many. */
export function isSecretKey(key: string): boolean {
  const bare = key.startsWith(prefix) ? key.slice(prefix.length) : key;
  const name = byKey.get(bare);
  if (name !== undefined) return settings[name].kind.secret;
  const known = ignoredKeyOf(bare);
  return known === undefined ? /passw|secret|token|credential|digest|private/i.test(bare) : known.secret;
}

function unknownReason(key: string): string {
  const nearest = nearestKey(key);
  return nearest === undefined ? 'unknown key' : `unknown key; did you mean ${nearest}?`;
}

function nearestKey(key: string): string | undefined {
  if (key.length > 80) return undefined;
  const limit = Math.max(1, Math.min(3, Math.floor(key.length / 4)));
  let best: { readonly key: string; readonly distance: number } | undefined;
  for (const [, row] of rows) {
    const distance = editDistance(key.toLowerCase(), row.key.toLowerCase());
    if (distance <= limit && (best === undefined || distance < best.distance)) best = { key: row.key, distance };
  }
  return best?.key;
}

/** Levenshtein's distance: insertions, deletions and replacements from one text to the other. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
