// The two numbers a member of an ensemble promises by, as files of their own beside the snapshots: the highest epoch it has
// agreed to (acceptedEpoch) and the epoch of the leader whose history it has (currentEpoch). Decimal text, no newline.

import { decodeText, encodeText, epochMax, epochOf } from '@corral/protocol';
import type { Zxid } from '@corral/protocol';
import type { Files } from './files.ts';
import { RecoveryRefused } from './recovery-refused.ts';

export type EpochFileName = 'acceptedEpoch' | 'currentEpoch';

export interface EpochNumbers {
  readonly accepted: number;
  readonly current: number;
  /** This server may have lost what it promised, or never had all of a leader's history: it has no vote for now. */
  readonly isUnknown: boolean;
}

/** Makes a new value durable, its name included. */
export function writeEpochFile(files: Files, dir: string, name: EpochFileName, epoch: number): void {
  files.writeDurably(`${dir}/${name}`, encodeText(String(epoch)));
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
  const present = new Set(files.list(dir));
  const read = (name: EpochFileName): number | undefined =>
    present.has(name) ? parse(files, `${dir}/${name}`) : undefined;
  const inLog = epochOf(lastZxid);
  const [acceptedFile, currentFile] = [read('acceptedEpoch'), read('currentEpoch')];
  const isUnknown = isEmpty || (acceptedFile !== undefined && currentFile === undefined);
  const current = currentFile ?? (isUnknown ? 0 : inLog);
  const accepted = acceptedFile ?? Math.max(current, inLog);
  if (accepted < current || accepted < inLog) throw contradiction(dir, accepted, current, inLog);
  if (!isUnknown) {
    // The current epoch first: an accepted one alone would mean something else.
    if (currentFile === undefined) writeEpochFile(files, dir, 'currentEpoch', current);
    if (acceptedFile === undefined) writeEpochFile(files, dir, 'acceptedEpoch', accepted);
  }
  for (const name of ['currentEpoch', 'acceptedEpoch']) if (present.has(name)) files.sync(`${dir}/${name}`);
  files.syncDir(dir);
  return { accepted, current, isUnknown };
}

const contradiction = (dir: string, accepted: number, current: number, inLog: number): RecoveryRefused =>
  new RecoveryRefused({
    file: `${dir}/acceptedEpoch`,
    problem:
      `the accepted epoch ${accepted} is below ` +
      (accepted < current ? `the current epoch ${current}` : `epoch ${inLog} of the last transaction`),
    advice: 'a promise of this server is lost: empty this directory and let it fetch its data from the ensemble',
  });

function parse(files: Files, path: string): number {
  const text = textOf(files.read(path, 0, 64)).trim();
  const epoch = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (epoch <= epochMax) return epoch;
  throw new RecoveryRefused({
    file: path,
    problem: `${JSON.stringify(text.slice(0, 20))} is no epoch from 0 to ${epochMax}`,
    advice: 'restore the file from a backup, or empty this directory and let the server fetch its data',
  });
}

const textOf = (bytes: Uint8Array): string => decodeText(bytes, 0, bytes.length);
