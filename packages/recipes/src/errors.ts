// What only a recipe can run into. What a server refuses stays the client's ZkError.

import { ZkError } from '@corral/client';

/** What was held is held no longer: its node is gone, its session is over or nobody can say that it is not. */
export class LostError extends Error {
  override name = 'LostError';
  /** The node that stood for it. */
  readonly path: string;

  constructor(path: string, why: string) {
    super(`${path} is lost: ${why}`);
    this.path = path;
  }
}

/** The caller would wait for itself. */
export class DeadlockError extends Error {
  override name = 'DeadlockError';
}

/** A queue holds as many items as it may. */
export class QueueFullError extends Error {
  override name = 'QueueFullError';
}

/** Something is there that this recipe did not write or cannot accept: a foreign format, a step that was changed. */
export class ConflictError extends Error {
  override name = 'ConflictError';
}

/** Nobody can know whether it happened: the one who did it vanished between the effect and its record. */
export class AmbiguousError extends Error {
  override name = 'AmbiguousError';
}

/** The client is closed. */
export const closedError = (path: string): ZkError => new ZkError('Closing', { op: 'connect', path });

/** Failures after which the same request may succeed on this session. */
export const isRetryable = (error: unknown): boolean => ZkError.is(error) && error.retryable;

/** True when a write may have been carried out although it failed. */
export const isAmbiguous = (error: unknown): boolean => ZkError.is(error) && error.ambiguous;

export const toError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));
