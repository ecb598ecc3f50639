// Commands on watches: addWatch and removewatches.

import type { RemoveKind } from '@corral/client';
import { ZkError } from '@corral/client';
import { checkedPath } from '../command.ts';
import type { ShellCommand } from '../command.ts';
import { ShellError, errorLine } from '../shell-error.ts';
import type { BookedKind } from '../watch-book.ts';

const modes = new Map([
  ['PERSISTENT', 'persistent'],
  ['PERSISTENT_RECURSIVE', 'persistentRecursive'],
] as const);

export const addWatch: ShellCommand = {
  name: 'addWatch',
  usage:
    '[-m mode] path # optional mode is one of [PERSISTENT, PERSISTENT_RECURSIVE] - default is PERSISTENT_RECURSIVE',
  options: { m: 'value' },
  words: 1,
  async run(call) {
    const word = (call.given.value('m') ?? 'PERSISTENT_RECURSIVE').toUpperCase();
    const mode = [...modes].find(([name]) => name === word)?.[1];
    if (mode === undefined || call.given.words.length !== 1) throw new ShellError(call.usage);
    const path = checkedPath(call.given.words[0]);
    await call.link.call(path, (client, options) =>
      client.addWatch(path, { mode, listener: call.link.listener, ...options }),
    );
    call.link.watches.add(path, mode);
  },
};

const all: readonly BookedKind[] = ['children', 'data', 'persistent', 'persistentRecursive'];

export const removewatches: ShellCommand = {
  name: 'removewatches',
  usage: 'path [-c|-d|-a] [-l]',
  options: { c: 'flag', d: 'flag', a: 'flag', l: 'flag' },
  words: 1,
  async run(call) {
    const path = checkedPath(call.given.words[0]);
    const kind: RemoveKind = call.given.has('c') ? 'children' : call.given.has('d') ? 'data' : 'any';
    const kinds: readonly BookedKind[] = kind === 'any' ? all : [kind];
    if (!call.link.watches.has(path, kinds)) throw new ShellError(errorLine('NoWatcher', path));
    await call.link.call(path, async (client, options) => {
      try {
        await client.removeWatches(path, { kind, ...options });
      } catch (error) {
        // -l: forget them here, whatever the server says.
        if (!call.given.has('l') || !ZkError.is(error)) throw error;
      }
    });
    call.link.removed(call.link.watches.remove(path, kinds), path);
  },
};
