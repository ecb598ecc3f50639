// Writes that are sent again after their answer was lost, because the state of the node tells whether they happened. Both
// are asked for: another client's change in between may be overwritten, or a node deleted that somebody made anew.

import { makeCall } from './call.ts';
import type { CallSpec } from './call.ts';
import type { CallOptions } from './connection.ts';
import { isInDoubt, stillInDoubt } from './doubt.ts';
import { ZkError } from './errors.ts';
import { setRequest, versionRequest } from './requests.ts';
import type { VersionOptions } from './requests.ts';
import { sameBytes, toBytes, toStat } from './results.ts';
import type { DataInput, Stat } from './results.ts';
import { sharedLimit } from './view.ts';
import type { View } from './view.ts';

/** Whether a write may be sent again. */
export interface RepeatOptions {
  /**
   * Sends the write again when its answer was lost. A set counts as done when the node then has the next version and the
   * same bytes, a delete when the node is gone.
   */
  readonly idempotent?: boolean | undefined;
}
type WriteOptions = VersionOptions & RepeatOptions & CallOptions;

export async function setData(view: View, path: string, data: DataInput, options: WriteOptions): Promise<Stat> {
  const request = setRequest(view.root, path, data, options);
  const call = makeCall('setData', { request, path, map: ({ stat }) => toStat(stat) });
  if (options.idempotent !== true) return await view.connection.submit(call, options);
  const wasOurs = async (error: unknown, limit: () => CallOptions): Promise<Stat | null> => {
    if (!ZkError.is(error, 'BadVersion')) return null;
    const { data: found, stat } = await view.connection.submit(readCall(request.path, path), {
      ...limit(),
      patient: true,
    });
    // Versions are 32 bits and wrap.
    const next = (request.version + 1) | 0;
    return stat.version === next && sameBytes(found, toBytes(data)) ? stat : null;
  };
  return await repeated(view, call, options, wasOurs);
}

export async function deleteNode(view: View, path: string, options: WriteOptions): Promise<void> {
  const request = versionRequest(view.root, path, options.version ?? 'any');
  const call = makeCall('delete', { request, path, map: () => true });
  const wasOurs = (error: unknown): true | null => (ZkError.is(error, 'NoNode') ? true : null);
  if (options.idempotent !== true) await view.connection.submit(call, options);
  else await repeated(view, call, options, wasOurs);
}

const readCall = (full: string, path: string) =>
  makeCall('getData', {
    request: { path: full, watch: false },
    path,
    map: ({ data, stat }) => ({ data: data?.slice() ?? null, stat: toStat(stat) }),
  });

/** `wasOurs` turns the refusal of a repetition into a success when an earlier one explains it. */
async function repeated<T>(
  view: View,
  call: CallSpec<T>,
  options: CallOptions,
  wasOurs: (error: unknown, limit: () => CallOptions) => Promise<T | null> | T | null,
): Promise<T> {
  const generation = view.connection.generationOf(options);
  const limit = sharedLimit({ ...options, generation }, view.clock);
  let doubt: ZkError | null = null;
  for (;;) {
    try {
      return await view.connection.submit(call, { ...limit(), patient: doubt !== null });
    } catch (error) {
      if (isInDoubt(error)) doubt = error;
      else if (doubt === null) throw error;
      else return await settled(error, doubt, () => wasOurs(error, limit));
    }
  }
}

async function settled<T>(refusal: unknown, doubt: ZkError, ask: () => Promise<T | null> | T | null): Promise<T> {
  let found: T | null;
  try {
    found = await ask();
  } catch (error) {
    throw stillInDoubt(error, doubt);
  }
  if (found === null) throw stillInDoubt(refusal, doubt);
  return found;
}
