// A snapshot that came from a leader replaces the history before it. Once the snapshot is durable everything else goes:
// later snapshots and all log files, newest first. Interrupted at any point, what is left leads either to the state before
// or to the snapshot; log files that end before the newest snapshot are finished off at the next start.

import type { Zxid } from '@corral/protocol';
import { logFilesIn, snapshotsIn } from './file-names.ts';
import type { Files } from './files.ts';
import type { HistoryDirs } from './truncate.ts';

/** Removes what a snapshot named `zxid`, durable already, has replaced. */
export function retireHistory(files: Files, { snapDir, logDir }: HistoryDirs, zxid: Zxid): void {
  const later = snapshotsIn(files.list(snapDir)).filter((snapshot) => snapshot.zxid > zxid);
  for (const { name } of later.reverse()) files.remove(`${snapDir}/${name}`);
  for (const { name } of logFilesIn(files.list(logDir)).reverse()) files.remove(`${logDir}/${name}`);
}
