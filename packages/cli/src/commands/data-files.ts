// What the commands on data files share. They work on files alone, without a server.

import { UsageError } from '../exit-codes.ts';

/** Runs a command's work. A file that is not there is a mistake on the command line, not a problem of the data. */
export async function onFiles<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (error instanceof Error && wrongPath.has(code)) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

const wrongPath: ReadonlySet<unknown> = new Set(['ENOENT', 'EISDIR', 'ENOTDIR', 'EACCES']);

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
