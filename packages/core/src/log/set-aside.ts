// What a member of an ensemble does with a history that is damaged: it keeps the files out of the way, keeps its promise,
// and remembers that it has no vote until it has the history of a leader. Nothing is deleted: the files are moved into
// a directory beside them, on the same disk.
//
// The epoch file says how far this is. First it says that the history counts for nothing, durably; then the files go, one
// by one; then it says that they are gone. Interrupted between any two steps, the next start goes on where this one
// stopped, and in no state between is a part of the history taken for the whole.

import { epochOf } from '@corral/protocol';
import type { Epoch } from '@corral/protocol';
import { epochMarks, readEpochFile, writeEpochFile } from './epoch-files.ts';
import { logFilesIn, snapshotsIn } from './file-names.ts';
import type { Files } from './files.ts';
import { RecoveryRefused } from './recovery-refused.ts';
import type { HistoryDirs } from './truncate.ts';

/** Moves the history into the directory `name` and takes this server's vote from it. */
export function setAside(files: Files, dirs: HistoryDirs, name: string): void {
  const { snapDir } = dirs;
  const free = directoriesAside(files, dirs, name);
  const promise = highestPromise(files, dirs);
  const present = files.list(snapDir);
  for (const file of ['acceptedEpoch', 'currentEpoch'].filter((file) => present.includes(file))) {
    files.writeDurably(
      `${snapDir}/${free}/${file}`,
      files.read(`${snapDir}/${file}`, 0, files.size(`${snapDir}/${file}`)),
    );
  }
  writeEpochFile(files, snapDir, 'acceptedEpoch', promise);
  writeEpochFile(files, snapDir, 'currentEpoch', epochMarks.isBeingSetAside);
  move(files, dirs, free);
}

/** Ends what was interrupted. Returns whether there was anything to end. */
export function finishSettingAside(files: Files, dirs: HistoryDirs, name: string): boolean {
  if (currentOf(files, dirs.snapDir) !== epochMarks.isBeingSetAside) return false;
  const free = directoriesAside(files, dirs, name);
  move(files, dirs, free);
  return true;
}

/** Whether this server has no history of its own: it was set aside, and no leader has given it another one yet. */
export const isSetAside = (files: Files, snapDir: string): boolean => (currentOf(files, snapDir) ?? 0) < 0;

function move(files: Files, dirs: HistoryDirs, name: string): void {
  const { snapDir, logDir } = dirs;
  for (const log of logFilesIn(files.list(logDir)))
    files.rename(`${logDir}/${log.name}`, `${logDir}/${name}/${log.name}`);
  for (const snapshot of snapshotsIn(files.list(snapDir)))
    files.rename(`${snapDir}/${snapshot.name}`, `${snapDir}/${name}/${snapshot.name}`);
  writeEpochFile(files, snapDir, 'currentEpoch', epochMarks.isSetAside);
}

/** Makes directories of this name beside the history, or of a similar one: one that is in use has files of the same names. */
export function directoriesAside(files: Files, { snapDir, logDir }: HistoryDirs, name: string): string {
  const isFree = (candidate: string): boolean =>
    files.list(`${snapDir}/${candidate}`).length === 0 && files.list(`${logDir}/${candidate}`).length === 0;
  let free = name;
  for (let count = 2; !isFree(free); count++) free = `${name}-${count}`;
  files.makeDir(`${snapDir}/${free}`);
  if (logDir !== snapDir) files.makeDir(`${logDir}/${free}`);
  return free;
}

/** What this server has promised at least, as far as its disk still says so. */
function highestPromise(files: Files, { snapDir, logDir }: HistoryDirs): Epoch {
  const names = [...snapshotsIn(files.list(snapDir)), ...logFilesIn(files.list(logDir))];
  const known = [readable(files, snapDir, 'acceptedEpoch'), readable(files, snapDir, 'currentEpoch')];
  return Math.max(0, ...known.map((epoch) => epoch ?? 0), ...names.map(({ zxid }) => epochOf(zxid))) as Epoch;
}

const currentOf = (files: Files, dir: string): number | undefined => readable(files, dir, 'currentEpoch');

function readable(files: Files, dir: string, name: 'acceptedEpoch' | 'currentEpoch'): number | undefined {
  try {
    return readEpochFile(files, dir, name);
  } catch (error) {
    if (error instanceof RecoveryRefused) return undefined;
    throw error;
  }
}
