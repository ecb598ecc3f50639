// A data directory of ZooKeeper, or of another Corral, into a new one. The original is only read; the copy counts when a
// server would start on it with the same last transaction.

import { copyFileSync, existsSync } from 'node:fs';
import * as path from 'node:path';
import { logFilesIn, snapshotsIn } from '@corral/core';
import { diagnose, directoriesOf } from './doctor.ts';
import type { DataDirectories, Diagnosis } from './doctor.ts';
import { NodeFiles } from './node-files.ts';

export interface ImportPlan {
  /** Of the original. */
  readonly diagnosis: Diagnosis;
  /** Files from where to where, in the order of copying. */
  readonly copies: readonly { readonly from: string; readonly to: string }[];
}

const files = new NodeFiles();
const epochFiles = ['acceptedEpoch', 'currentEpoch'];

/** Reads the original to its last byte, and says what would be copied. */
export function planImport(from: DataDirectories, to: DataDirectories): ImportPlan {
  const [source, target] = [directoriesOf(from), directoriesOf(to)];
  // Snapshots before logs: of an original that somebody writes to, the logs then reach beyond every snapshot.
  const names = files.list(source.snapDir);
  const kept = [...snapshotsIn(names).map(({ name }) => name), ...epochFiles.filter((name) => names.includes(name))];
  const logs = logFilesIn(files.list(source.logDir)).map(({ name }) => name);
  const pair = (fromDir: string, toDir: string) => (name: string) => ({
    from: path.join(fromDir, name),
    to: path.join(toDir, name),
  });
  const ids = existsSync(path.join(from.dataDir, 'myid')) ? ['myid'] : [];
  return {
    diagnosis: diagnose(from),
    copies: [
      ...ids.map(pair(from.dataDir, to.dataDir)),
      ...kept.map(pair(source.snapDir, target.snapDir)),
      ...logs.map(pair(source.logDir, target.logDir)),
    ],
  };
}

/** True when there is nothing yet that a copy could mix with. */
export function isUnused(directories: DataDirectories): boolean {
  const { snapDir, logDir } = directoriesOf(directories);
  return [directories.dataDir, snapDir, logDir].every((dir) => files.list(dir).length === 0);
}

/** Copies, durably; the diagnosis of the copy. */
export function runImport({ copies }: ImportPlan, to: DataDirectories, onProgress: (count: number) => void): Diagnosis {
  const { snapDir, logDir } = directoriesOf(to);
  for (const dir of [snapDir, logDir]) files.makeDir(dir);
  let count = 0;
  for (const { from, to: target } of copies) {
    copyFileSync(from, target);
    files.sync(target);
    onProgress(++count);
  }
  for (const dir of [to.dataDir, snapDir, logDir]) files.syncDir(dir);
  return diagnose(to);
}
