// Cutting the end of a history that a leader does not share. Interrupted at any point, what is left is a shorter or longer
// but whole history: snapshots beyond the cut go first, then log files from the newest back, then the tail of the last.

import type { Zxid } from '@corral/protocol';
import { logFilesIn, snapshotsIn } from './file-names.ts';
import type { Files } from './files.ts';
import { logHeaderBytes } from './log-codec.ts';
import { LogScanner } from './log-scanner.ts';

export interface HistoryDirs {
  readonly snapDir: string;
  readonly logDir: string;
}

/** Where the history goes on behind the cut. */
interface Cut {
  readonly path: string;
  /** End of the last record that stays. */
  readonly offset: number;
}

/**
 * Cuts the history on disk behind `zxid`, durably. Where that is not part of the history, it ends at the transaction
 * before; without a snapshot at or before `zxid` nothing is touched, since nothing would be left. Memory has to be restored
 * from the disk afterwards, and shows where the history ends now.
 */
export function truncateHistory(files: Files, { snapDir, logDir }: HistoryDirs, zxid: Zxid): void {
  const snapshots = snapshotsIn(files.list(snapDir));
  if (!snapshots.some((snapshot) => snapshot.zxid <= zxid)) return;
  const logs = logFilesIn(files.list(logDir));
  const holding = logs.filter((log) => log.zxid <= zxid).at(-1);
  const cut = holding && findCut(files, `${logDir}/${holding.name}`, zxid);
  for (const { name } of snapshots.filter((snapshot) => snapshot.zxid > zxid).reverse())
    files.remove(`${snapDir}/${name}`);
  for (const { name } of logs.filter((log) => log.zxid > zxid).reverse()) files.remove(`${logDir}/${name}`);
  if (cut === undefined) return;
  // A file without records would only be in the way of the next one with its name.
  if (cut.offset <= logHeaderBytes) files.remove(cut.path);
  else files.truncate(cut.path, cut.offset);
}

function findCut(files: Files, path: string, zxid: Zxid): Cut {
  const scanner = new LogScanner({ size: files.size(path), read: (at, length) => files.read(path, at, length) });
  let offset = logHeaderBytes;
  for (let record = scanner.next(); record !== undefined && record.zxid <= zxid; record = scanner.next())
    offset = record.end;
  return { path, offset };
}
