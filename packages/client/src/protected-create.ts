// Protected create: the node's name carries a mark of its own, so that after a lost answer the client can look whether
// the node is there instead of making a second one.
//
// The look-up is final: `sync` first, because the server reached now may lag behind the commit; and once a session has
// moved to another connection, servers refuse what the old connection still holds. Whatever ends a create that may have
// happened, the node does not stay behind: it is removed in the background.

import { baseName, parentPath } from '@corral/protocol';
import { makeCall } from './call.ts';
import type { SubmitOptions } from './connection.ts';
import { createNode } from './create.ts';
import type { ParentOptions } from './create.ts';
import { isInDoubt, stillInDoubt } from './doubt.ts';
import { makeError, ZkError } from './errors.ts';
import { versionRequest } from './requests.ts';
import type { CreateOptions } from './requests.ts';
import { toNames, toStat } from './results.ts';
import type { Created, DataInput, Stat } from './results.ts';
import { sharedLimit } from './view.ts';
import type { View } from './view.ts';

type Options = CreateOptions & ParentOptions & SubmitOptions;

/** One attempt: where its node would be, and the session it belongs to. */
interface Attempt {
  readonly parent: string;
  readonly mark: string;
  readonly path: string;
  readonly generation: number;
  readonly ephemeral: boolean;
}

/** The mark that Curator puts before a name, too. */
const markOf = (id: string): string => `_c_${id}-`;
const childPath = (parent: string, name: string): string => (parent === '/' ? `/${name}` : `${parent}/${name}`);

export async function createProtected(view: View, path: string, data: DataInput, options: Options): Promise<Created> {
  const limit = sharedLimit(options, view.clock);
  for (;;) {
    const attempt = newAttempt(view, path, options);
    try {
      const made = await tryOnce(view, attempt, data, limit);
      if (made !== null) return made;
    } catch (error) {
      // A caller who takes any session gets a new node under the next one, with a mark of its own.
      if (options.pin !== false || !ZkError.is(error, 'SessionExpired')) throw error;
    }
  }
}

function newAttempt(view: View, path: string, options: Options): Attempt {
  const { machine } = view.connection;
  const parent = parentPath(path);
  const mark = markOf(crypto.randomUUID());
  const generation = view.connection.generationOf(options) ?? machine.generation;
  const ephemeral = options.mode === 'ephemeral' || options.mode === 'ephemeralSequential';
  return { parent, mark, path: childPath(parent, mark + baseName(path)), generation, ephemeral };
}

/** The node, or null when it certainly was not made and another attempt is due. */
async function tryOnce(view: View, attempt: Attempt, data: DataInput, limit: () => Options): Promise<Created | null> {
  const { generation } = attempt;
  try {
    return await createNode(view, attempt.path, data, { ...limit(), generation });
  } catch (error) {
    if (!ZkError.is(error) || !error.ambiguous) throw error;
    if (!isInDoubt(error)) {
      view.background.run(() => removeMarked(view, attempt));
      throw error;
    }
    return await lookUp(view, attempt, error, limit);
  }
}

async function lookUp(view: View, attempt: Attempt, doubt: ZkError, limit: () => Options): Promise<Created | null> {
  const { generation, ephemeral } = attempt;
  try {
    const found = await find(view, attempt, { ...limit(), generation, patient: true });
    if (found === null) return null;
    const { machine } = view.connection;
    const owned = machine.generation === generation && found.stat.ephemeralOwner === machine.session?.id;
    if (!ephemeral || owned) return found;
    throw makeError('SessionExpired', { op: doubt.op, path: doubt.path });
  } catch (error) {
    view.background.run(() => removeMarked(view, attempt));
    throw stillInDoubt(error, doubt);
  }
}

/** The node with the mark, as of a moment after everything that the session wrote before. */
async function find(view: View, attempt: Attempt, options: SubmitOptions): Promise<Created | null> {
  const { connection, root } = view;
  const request = { path: root.full(attempt.parent) };
  const details = { path: attempt.parent };
  await connection.submit(makeCall('sync', { ...details, request, map: () => undefined }), options);
  const list = makeCall('getChildren', {
    ...details,
    request: { ...request, watch: false },
    map: ({ children }) => toNames(children),
  });
  // Whatever server answers this has seen what the one before had: it is not taken otherwise.
  const names = await connection.submit(list, options).catch(unlessMissing<string[]>([]));
  const name = names.find((child) => child.startsWith(attempt.mark));
  if (name === undefined) return null;
  const path = childPath(attempt.parent, name);
  const exists = { path: root.full(path), watch: false };
  const call = makeCall('exists', { request: exists, path, map: ({ stat }): Stat | null => toStat(stat) });
  const stat = await connection.submit(call, options).catch(unlessMissing(null));
  return stat === null ? null : { path, stat };
}

/** For `catch`: NoNode becomes this value. */
const unlessMissing =
  <T>(value: T) =>
  (error: unknown): T => {
    if (ZkError.is(error, 'NoNode')) return value;
    throw error;
  };

/**
 * Until the node is gone or the servers refuse. Under any session: that of an ephemeral may seem over to this client and
 * live on at the servers for a while.
 */
async function removeMarked(view: View, attempt: Attempt): Promise<void> {
  const options = { generation: null, patient: true };
  for (;;) {
    try {
      const found = await find(view, attempt, options);
      if (found === null) return;
      const request = versionRequest(view.root, found.path, 'any');
      return await view.connection.submit(
        makeCall('delete', { request, path: found.path, map: () => undefined }),
        options,
      );
    } catch (error) {
      if (!ZkError.is(error)) throw error;
      if (!isInDoubt(error)) return;
    }
  }
}
