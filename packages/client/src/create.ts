// Creating a node, and its parents when they are missing. Parents and node are made in one transaction, so that a
// container made for a node is never left without it, nor reaped before it.

import { parentPath } from '@corral/protocol';
import type { SubmitOptions } from './connection.ts';
import { makeError, MultiError, ZkError } from './errors.ts';
import { Multi } from './multi.ts';
import { createCall, isSequential, plainCreateCall } from './requests.ts';
import type { CreateOptions } from './requests.ts';
import type { Acl, AclName, Created, DataInput } from './results.ts';
import { Root } from './root.ts';
import { afterHangUp, isTooOld } from './too-old.ts';
import { sharedLimit } from './view.ts';
import type { View } from './view.ts';

/** What to do about missing ancestors. */
export interface ParentOptions {
  /** Makes the missing ancestors, too: containers go away with their last child, persistent ones stay. */
  readonly parents?: 'container' | 'persistent' | undefined;
  /** Access control list of the ancestors made; `open` unless given. */
  readonly parentsAcl?: AclName | readonly Acl[] | undefined;
}

type Options = CreateOptions & ParentOptions & SubmitOptions;

const wholeTree = new Root('');

export async function createNode(view: View, path: string, data: DataInput, options: Options): Promise<Created> {
  const { connection, root } = view;
  const generation = connection.generationOf(options);
  if (options.parents === undefined) return await createAlone(view, path, data, { ...options, generation });
  const limit = sharedLimit({ ...options, generation }, view.clock);
  let { parents } = options;
  /** Ancestors to make, the highest first; server paths. */
  let missing: string[] = [];
  for (;;) {
    try {
      if (missing.length > 0) return await createWithAncestors(view, path, data, missing, { ...limit(), parents });
      return await createAlone(view, path, data, limit());
    } catch (error) {
      if (isTooOld(error) && missing.length > 0 && parents === 'container') parents = 'persistent';
      else missing = ancestorsAfter(error, missing, root.full(path, isSequential(options)));
    }
  }
}

/** The create of one node; servers before 3.5 know only the one that answers no Stat. */
async function createAlone(view: View, path: string, data: DataInput, options: Options): Promise<Created> {
  const { connection, root } = view;
  try {
    return await connection.submit(createCall(root, path, data, options), options);
  } catch (error) {
    const plain = isTooOld(error) ? plainCreateCall(root, path, data, options) : null;
    if (plain === null) throw error;
    return await afterHangUp(connection, plain, options);
  }
}

/** Which ancestors to make in the next attempt. Somebody else may have made some, or a container may have been reaped. */
function ancestorsAfter(error: unknown, missing: readonly string[], path: string): string[] {
  if (!ZkError.is(error)) throw error;
  const at = error.opIndex ?? 0;
  if (error.code === 'NoNode' && at === 0) return [parentPath(missing[0] ?? path), ...missing];
  if (error.code === 'NodeExists' && at < missing.length) return missing.slice(at + 1);
  if (!(error instanceof MultiError)) throw error;
  const { code, op, path: blamed, ambiguous } = error;
  throw makeError(code, { op, path: blamed, ambiguous, cause: error });
}

async function createWithAncestors(
  { connection, root }: View,
  path: string,
  data: DataInput,
  ancestors: readonly string[],
  options: Options,
): Promise<Created> {
  const multi = new Multi(wholeTree, (call, rest) => connection.submit(call, rest));
  const mode = options.parents ?? 'persistent';
  for (const ancestor of ancestors) multi.create(ancestor, '', { mode, acl: options.parentsAcl ?? 'open' });
  const { acl, mode: own, ttl } = options as CreateOptions & { readonly ttl?: number };
  const asked = { acl, mode: own, ttl } as CreateOptions;
  const made: Created[] = await multi.create(root.full(path, isSequential(options)), data, asked).commit(options);
  const { path: full, stat } = made.at(-1)!;
  return { path: root.local(full), stat };
}
