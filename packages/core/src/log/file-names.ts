// The names that files of the data directories have: log.<zxid of the first record> and snapshot.<zxid>[.gz|.snappy],
// in hex. Everything else there is not ours to read.

import { isSafeZxid, zxidHex } from '@corral/protocol';
import type { Zxid } from '@corral/protocol';

export interface NamedFile {
  readonly name: string;
  readonly zxid: Zxid;
}

const logName = /^log\.([0-9a-f]{1,16})$/i;
const snapshotName = /^snapshot\.([0-9a-f]{1,16})(?:\.(?:gz|snappy))?$/i;

export const logFileName = (firstZxid: Zxid): string => `log.${zxidHex(firstZxid)}`;
export const snapshotFileName = (zxid: Zxid, compression: 'none' | 'gz' = 'none'): string =>
  `snapshot.${zxidHex(zxid)}${compression === 'gz' ? '.gz' : ''}`;

/** Log files among the names, oldest first. */
export const logFilesIn = (names: readonly string[]): NamedFile[] => named(names, logName);
/** Snapshots among the names, oldest first. */
export const snapshotsIn = (names: readonly string[]): NamedFile[] => named(names, snapshotName);

function named(names: readonly string[], pattern: RegExp): NamedFile[] {
  const found: NamedFile[] = [];
  for (const name of names) {
    const hex = pattern.exec(name)?.[1];
    if (hex === undefined) continue;
    const zxid = Number.parseInt(hex, 16);
    if (isSafeZxid(zxid)) found.push({ name, zxid });
  }
  return found.sort((a, b) => a.zxid - b.zxid || (a.name < b.name ? -1 : 1));
}

/**
 * The logs that can hold transactions after `zxid`: the newest one whose first record is not behind it, and all later.
 */
export function logsAfter(logs: readonly NamedFile[], zxid: Zxid): NamedFile[] {
  const older = logs.filter((log) => log.zxid <= zxid);
  return [...older.slice(-1), ...logs.filter((log) => log.zxid > zxid)];
}
