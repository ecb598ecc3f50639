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
}

/** Makes a new value durable, its name included. */
export function writeEpochFile(files: Files, dir: string, name: EpochFileName, epoch: number): void {
  files.writeDurably(`${dir}/${name}`, encodeText(String(epoch)));
}

/**
 * Reads both. A file that is missing stands for the epoch of the last transaction. A current epoch below that of the last
 * transaction is what a crash in the middle of a synchronisation leaves: the server goes on with the old one, and loses
 * every election against those that finished. Throws RecoveryRefused when the numbers contradict each other.
 */
export function readEpochs(files: Files, dir: string, lastZxid: Zxid): EpochNumbers {
  const present = new Set(files.list(dir));
  const read = (name: EpochFileName): number | undefined =>
    present.has(name) ? parse(files, `${dir}/${name}`) : undefined;
  const inLog = epochOf(lastZxid);
  const current = read('currentEpoch') ?? inLog;
  const accepted = read('acceptedEpoch') ?? Math.max(current, inLog);
  if (accepted >= current && accepted >= inLog) return { accepted, current };
  throw new RecoveryRefused({
    file: `${dir}/acceptedEpoch`,
    problem:
      `the accepted epoch ${accepted} is below ` +
      (accepted < current ? `the current epoch ${current}` : `epoch ${inLog} of the last transaction`),
    advice: 'a promise of this server is lost: empty this directory and let it fetch its data from the ensemble',
  });
}

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
