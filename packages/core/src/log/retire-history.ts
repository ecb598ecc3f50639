// A snapshot that came from a leader replaces the history before it. Once the snapshot is durable everything else goes:
// later snapshots and all log files, newest first. Interrupted at any point, what is left leads either to the state before
// or to the snapshot; log files that end before the newest snapshot are finished off at the next start.

import type { Zxid } from '@corral/protocol';
import { logFilesIn, snapshotsIn } from './file-names.ts';
import type { Files } from './files.ts';
import { directoriesAside } from './set-aside.ts';
import type { HistoryDirs } from './truncate.ts';

/** Removes what a snapshot named `zxid`, durable already, has replaced, or moves it into the directories `aside`. */
export function retireHistory(files: Files, dirs: HistoryDirs, zxid: Zxid, aside?: string): void {
  const { snapDir, logDir } = dirs;
  const name = aside === undefined ? undefined : directoriesAside(files, dirs, aside);
  const retire = (dir: string, file: string): void => {
    if (name === undefined) files.remove(`${dir}/${file}`);
    else files.rename(`${dir}/${file}`, `${dir}/${name}/${file}`);
  };
  const snapshots = snapshotsIn(files.list(snapDir));
  for (const snapshot of snapshots.reverse())
    if (snapshot.zxid > zxid || (name !== undefined && snapshot.zxid < zxid)) retire(snapDir, snapshot.name);
  for (const log of logFilesIn(files.list(logDir)).reverse()) retire(logDir, log.name);
}
