// After a write that may have happened: what later calls of the same operation may say, and what they may not.

import { BadVersionError, makeError, ZkError } from './errors.ts';

/** The link broke after the write had left: the one doubt that asking again can remove. */
export const isInDoubt = (error: unknown): error is ZkError => ZkError.is(error, 'ConnectionLoss') && error.ambiguous;

/** A failure after a doubt that was never removed: whatever went wrong now, the write may have happened before. */
export function stillInDoubt(error: unknown, doubt: ZkError): ZkError {
  const { op, path } = doubt;
  if (!ZkError.is(error)) return makeError('Aborted', { op, path, ambiguous: true, cause: error });
  const expected = error instanceof BadVersionError ? (error.expected ?? undefined) : undefined;
  return makeError(error.code, { op, path, ambiguous: true, cause: error, expected });
}
