// What the commands on data files share. They work on files alone, without a server.

import { existsSync } from 'node:fs';
import type { DataDirectories } from '@corral/server';
import { UsageError } from '../exit-codes.ts';

/** Directories that are there: a wrong name is a mistake on the command line, not an empty directory. */
export function existing(directories: DataDirectories): DataDirectories {
  for (const dir of [directories.dataDir, directories.dataLogDir]) {
    if (dir !== undefined && !existsSync(dir)) throw new UsageError(`${dir} does not exist`);
  }
  return directories;
}

/** A zxid in hex, with or without 0x. */
export function parseZxid(text: string): number {
  const digits = text.replace(/^0x/i, '');
  const value = /^[0-9a-f]{1,16}$/i.test(digits) ? Number.parseInt(digits, 16) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new UsageError(`${text} is not a zxid: give it in hex, like 0x1f`);
  return value;
}

/** What was found is printed already; this makes the command fail with one line and exit code 1. */
export class ProblemsFound extends Error {
  override readonly name = 'ProblemsFound';
}
