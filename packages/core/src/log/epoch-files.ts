// The two numbers a member of an ensemble promises by, as files of their own beside the snapshots: the highest epoch it has
// agreed to (acceptedEpoch) and the epoch of the leader whose history it has (currentEpoch). Decimal text, no newline.

import { decodeText, encodeText, epochMax, epochOf } from '@corral/protocol';
import type { Zxid } from '@corral/protocol';
import type { Files } from './files.ts';
import { RecoveryRefused } from './recovery-refused.ts';

export type EpochFileName = 'acceptedEpoch' | 'currentEpoch';

/** The file beside them with the number of the history (zab/history-identity.ts). */
export const historyIdFile = 'historyId';

/**
 * What currentEpoch holds where the history was damaged, and this server has none of a leader since (set-aside.ts). No
 * epoch is below zero, so nothing that knows only epochs takes such a server for one with a history.
 */
export const epochMarks = { isSetAside: -1, isBeingSetAside: -2 } as const;

export interface EpochNumbers {
  readonly accepted: number;
  /** Below zero: the history that went with it was damaged and is gone. */
  readonly current: number;
  /** This server may have lost what it promised, or never had all of a leader's history: it has no vote for now. */
  readonly isUnknown: boolean;
  /** Number of the history; 0 when none was told, and for no history. */
  readonly historyId: number;
}

/** The number in a file; undefined when there is no such file. Throws RecoveryRefused when it holds none. */
export function readEpochFile(files: Files, dir: string, name: EpochFileName): number | undefined {
  if (!files.list(dir).includes(name)) return undefined;
  const path = `${dir}/${name}`;
  const text = textOf(files.read(path, 0, 64)).trim();
  const epoch = /^(\d{1,10}|-[12])$/.test(text) ? Number(text) : NaN;
  if (epoch <= epochMax && (epoch >= 0 || name === 'currentEpoch')) return epoch;
  throw new RecoveryRefused({
    file: path,
    isDamage: true,
    problem: `${JSON.stringify(text.slice(0, 20))} is no epoch from 0 to ${epochMax}`,
    advice: 'restore the file from a backup, or empty this directory and let the server fetch its data',
  });
}

/** The number of the history; 0 when there is none, or none that can be read: a leader tells it again. */
export function readHistoryIdFile(files: Files, dir: string): number {
  if (!files.list(dir).includes(historyIdFile)) return 0;
  const text = textOf(files.read(`${dir}/${historyIdFile}`, 0, 64)).trim();
  return /^-?\d{1,15}$/.test(text) ? Number(text) : 0;
}

/** Makes a new value durable, its name included. */
export function writeEpochFile(
  files: Files,
  dir: string,
  name: EpochFileName | typeof historyIdFile,
  value: number,
): void {
  files.writeDurably(`${dir}/${name}`, encodeText(String(value)));
}

/**
 * Reads both and makes sure of them: what is only in the cache could still be lost with the power, and a promise that is
 * forgotten is given twice. `isEmpty`: there is no history, and nobody has said that none is lost.
 *
 * On data that was never a member's (neither file is there), both are the epoch of the last transaction. An accepted epoch
 * without a current one is what a server leaves that began empty and stopped in its first synchronisation: it has a part
 * of a history, and not all of it. A current epoch below that of the last transaction comes from a later synchronisation
 * that was interrupted: the server goes on with the old one, and loses every election against those that finished.
 * Throws RecoveryRefused when the numbers contradict each other.
 */
export function restoreEpochs(files: Files, dir: string, lastZxid: Zxid, isEmpty: boolean): EpochNumbers {
  const inLog = epochOf(lastZxid);
  const acceptedFile = readEpochFile(files, dir, 'acceptedEpoch');
  const currentFile = readEpochFile(files, dir, 'currentEpoch');
  const isUnknown = isEmpty || (acceptedFile !== undefined && (currentFile ?? -1) < 0);
  const current = currentFile ?? (isUnknown ? 0 : inLog);
  const accepted = acceptedFile ?? Math.max(current, inLog);
  if (accepted < current || accepted < inLog) throw contradiction(dir, accepted, current, inLog);
  if (!isUnknown) {
    // The current epoch first: an accepted one alone would mean something else.
    if (currentFile === undefined) writeEpochFile(files, dir, 'currentEpoch', current);
    if (acceptedFile === undefined) writeEpochFile(files, dir, 'acceptedEpoch', accepted);
  }
  if (currentFile !== undefined) files.sync(`${dir}/currentEpoch`);
  if (acceptedFile !== undefined) files.sync(`${dir}/acceptedEpoch`);
  if (files.list(dir).includes(historyIdFile)) files.sync(`${dir}/${historyIdFile}`);
  files.syncDir(dir);
  return { accepted, current, isUnknown, historyId: isEmpty ? 0 : readHistoryIdFile(files, dir) };
}

const contradiction = (dir: string, accepted: number, current: number, inLog: number): RecoveryRefused =>
  new RecoveryRefused({
    file: `${dir}/acceptedEpoch`,
    isDamage: true,
    problem:
      `the accepted epoch ${accepted} is below ` +
      (accepted < current ? `the current epoch ${current}` : `epoch ${inLog} of the last transaction`),
    advice: 'a promise of this server is lost: empty this directory and let it fetch its data from the ensemble',
  });

const textOf = (bytes: Uint8Array): string => decodeText(bytes, 0, bytes.length);
