// What only a recipe can run into. What a server refuses stays the client's ZkError.

import { ZkError } from '@corral/client';

/** `session`: it is over, or no server has confirmed it in time. */
export type LossCause = 'deleted' | 'session' | 'released';

const causes: Readonly<Record<LossCause, string>> = {
  deleted: 'its node was deleted',
  session: 'its session is over',
  released: 'it was released',
};

/** What was held is held no longer: its node is gone, its session is over or nobody can say that it is not. */
export class LostError extends Error {
  override name = 'LostError';
  /** The node that stood for it. */
  readonly path: string;
  override readonly cause: LossCause;

  constructor(path: string, cause: LossCause, why: string = causes[cause]) {
    super(`${path} is lost: ${why}`);
    this.path = path;
    this.cause = cause;
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

const raceCodes = ['BadVersion', 'NodeExists', 'NoNode', 'SessionExpired', 'SessionMoved', 'ThrottledOp'] as const;

/** A compare and set that did not happen, and may with what is there now. */
export const isLostRace = (error: unknown): boolean => raceCodes.some((code) => ZkError.is(error, code));

export const toError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));
