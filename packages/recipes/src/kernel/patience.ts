// Two kinds of work. What a caller waits for ends with OperationTimeout when no server answers: the client's `callTimeout`
// sees to that. What waits for others, or goes on in the background, outlasts an outage, and works with a view that has no
// limit.

import { OperationTimeoutError, ZkError, onAbort } from '@corral/client';
import type { Client } from '@corral/client';

/** The same client without a limit for its calls. */
export const patient = (zk: Client): Client =>
  zk.callTimeout === Infinity ? zk : zk.scope('/', { callTimeout: Infinity });

/** The error of an operation that had no answer in time. */
export const timedOut = (zk: Client, path: string, cause?: unknown): ZkError =>
  new OperationTimeoutError('OperationTimeout', {
    op: ZkError.is(cause) ? cause.op : 'connect',
    path,
    message: `no server answered within ${zk.callTimeout} ms`,
    ambiguous: ZkError.is(cause) && cause.ambiguous,
    cause,
  });

/**
 * Runs what somebody waits for and others bring about: it ends with OperationTimeout when there has been no connection for
 * as long as a call may take. While there is one it may take any time.
 */
export async function whileServed<T>(
  zk: Client,
  path: string,
  caller: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  caller?.throwIfAborted();
  const over = new AbortController();
  let cancel: (() => void) | null = null;
  const look = (): void => {
    const isServed = zk.state === 'connected' || zk.state === 'readonly';
    if (isServed) {
      cancel?.();
      cancel = null;
    } else if (zk.callTimeout !== Infinity) {
      cancel ??= zk.clock.after(zk.callTimeout, () => over.abort(timedOut(zk, path)));
    }
  };
  const stops = [zk.on('state', look), onAbort(caller, () => over.abort(caller?.reason))];
  look();
  try {
    return await work(over.signal);
  } finally {
    for (const stop of stops) stop();
    (cancel as (() => void) | null)?.();
  }
}

/** A loop over what happens: it ends, without an error, when the signal of its owner aborts. */
export async function* quietly<T>(
  signal: AbortSignal | undefined,
  loop: AsyncGenerator<T, void>,
): AsyncGenerator<T, void> {
  try {
    yield* loop;
  } catch (error) {
    const isOurs = error === signal?.reason || (ZkError.is(error, 'Aborted') && error.cause === signal?.reason);
    if (signal?.aborted !== true || !isOurs) throw error;
  }
}
