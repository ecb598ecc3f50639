// Reading nodes: calls that change nothing, so they are repeated on the next connection when their answer is lost. A read
// may set a watch for the first change after its answer.

import { makeCall } from './call.ts';
import type { CallSpec } from './call.ts';
import type { Codec } from './codec.ts';
import type { CallOptions } from './connection.ts';
import { InvalidDataError, makeError, ZkError } from './errors.ts';
import { onAbort } from './abort.ts';
import { fromWireAcl, toData, toNames, toStat } from './results.ts';
import type { AclResult, Children, Data, Identity, Stat } from './results.ts';
import type { View } from './view.ts';
import type { OneShotKind, WatchEvent, WatchListener, Watcher } from './watches.ts';

/** A watch to leave with a read. */
export interface WatchOption {
  /** Called once, for the first change after the answer. `signal` removes the watch as well. */
  readonly watch?: WatchListener | undefined;
}
type ReadOptions = CallOptions & WatchOption;

export async function getData(view: View, path: string, options: ReadOptions): Promise<Data> {
  const watcher = watcherOf(view, path, 'data', options);
  const request = { path: view.root.full(path), watch: watcher !== null };
  const call = makeCall('getData', { request, path, watcher, map: ({ data, stat }) => toData(data, stat) });
  return await watched(view, call, options);
}

/** The data through a codec. */
export async function getValue<T>(view: View, path: string, codec: Codec<T>, options: ReadOptions): Promise<Data<T>> {
  const found = await getData(view, path, options);
  return { ...found, data: await decodeData(codec, found.data, path) };
}

/** What a codec makes of the data of a node; what it refuses becomes an InvalidDataError that names the node. */
export async function decodeData<T>(codec: Pick<Codec<T>, 'decode'>, data: Uint8Array, path: string): Promise<T> {
  try {
    return await codec.decode(data);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : undefined;
    throw new InvalidDataError('InvalidData', { op: 'getData', path, cause, ...(message && { message }) });
  }
}

export async function exists(view: View, path: string, options: ReadOptions): Promise<Stat | null> {
  const watcher = watcherOf(view, path, 'exists', options);
  const request = { path: view.root.full(path), watch: watcher !== null };
  const call = makeCall('exists', { request, path, watcher, map: ({ stat }) => toStat(stat) });
  try {
    return await view.connection.submit(call, options);
  } catch (error) {
    if (ZkError.is(error, 'NoNode')) return null;
    watcher?.release?.();
    throw error;
  }
}

export async function getChildren(view: View, path: string, options: ReadOptions): Promise<Children> {
  const watcher = watcherOf(view, path, 'children', options);
  const request = { path: view.root.full(path), watch: watcher !== null };
  const call = makeCall('getChildren2', {
    request,
    path,
    watcher,
    map: ({ children, stat }): Children => ({ children: toNames(children), stat: toStat(stat) }),
  });
  return await watched(view, call, options);
}

export async function getAcl(view: View, path: string, options: CallOptions): Promise<AclResult> {
  const request = { path: view.root.full(path) };
  const call = makeCall('getACL', {
    request,
    path,
    map: ({ acl, stat }): AclResult => ({ acl: fromWireAcl(acl), stat: toStat(stat) }),
  });
  return await view.connection.submit(call, options);
}

export async function sync(view: View, path: string, options: CallOptions): Promise<void> {
  const request = { path: view.root.full(path) };
  return await view.connection.submit(makeCall('sync', { request, path, map: () => undefined }), options);
}

export async function ephemerals(view: View, prefix: string, options: CallOptions): Promise<string[]> {
  const request = { prefixPath: view.root.full(prefix) };
  const call = makeCall('getEphemerals', {
    request,
    path: prefix,
    // The server compares text: it also tells of `/ab` when the scope is `/a`.
    map: ({ ephemerals }) =>
      toNames(ephemerals)
        .filter((path) => view.root.holds(path))
        .map((path) => view.root.local(path)),
  });
  return await view.connection.submit(call, options);
}

export async function countDescendants(view: View, path: string, options: CallOptions): Promise<number> {
  const request = { path: view.root.full(path) };
  const call = makeCall('getAllChildrenNumber', { request, path, map: ({ totalNumber }) => totalNumber });
  return await view.connection.submit(call, options);
}

export async function whoAmI(view: View, options: CallOptions): Promise<Identity[]> {
  const call = makeCall('whoAmI', {
    request: {},
    path: null,
    map: ({ clientInfo }) =>
      (clientInfo ?? []).map(({ authScheme, user }) => ({ scheme: authScheme ?? '', user: user ?? '' })),
  });
  return await view.connection.submit(call, options);
}

/** The next creation, change or deletion of a node. */
export async function changed(view: View, path: string, { signal, timeout }: CallOptions): Promise<WatchEvent> {
  signal?.throwIfAborted();
  const over = new AbortController();
  const forget = onAbort(signal, () => over.abort(signal?.reason));
  const details = { op: 'exists', path } as const;
  const cancel =
    timeout === undefined
      ? undefined
      : view.clock.after(timeout, () => over.abort(makeError('OperationTimeout', details)));
  const stop = view.onState((state) => {
    if (state === 'closed') over.abort(makeError('Closing', details));
  });
  try {
    return await new Promise<WatchEvent>((resolve, reject) => {
      over.signal.addEventListener('abort', () => reject(over.signal.reason), { once: true });
      exists(view, path, { watch: resolve, signal: over.signal }).catch(reject);
    });
  } finally {
    stop();
    forget();
    cancel?.();
  }
}

function watcherOf({ watching, root }: View, path: string, kind: OneShotKind, options: ReadOptions): Watcher | null {
  if (options.watch === undefined) return null;
  return watching.oneShot(root, path, kind, options.watch, options.signal);
}

/** A failed read sets no watch: stop listening to its signal. */
function watched<T>(view: View, call: CallSpec<T>, options: CallOptions): Promise<T> {
  const answer = view.connection.submit(call, options);
  const { watcher } = call;
  if (watcher === null) return answer;
  return answer.catch((error: unknown) => {
    watcher.release?.();
    throw error;
  });
}
