// Commands that read nodes: get, ls, stat, getAcl, getAllChildrenNumber, getEphemerals, sync, whoami, version.

import type { CallOptions, Client, Stat } from '@corral/client';
import { checkedPath, deprecated } from '../command.ts';
import type { Call, ShellCommand } from '../command.ts';
import { ShellError, errorLine } from '../shell-error.ts';
import { aclLines, hexDump, statLines } from '../texts.ts';
import { version } from '../../version.ts';

/** The path of `[-w] path`, or of the old form `path watch`. */
function watchedPath(call: Call, name: string, now: string): { path: string; watch: boolean } {
  const [path, ...more] = call.given.words;
  if (more.length > 0) deprecated(call, name, 'path [watch]', now);
  return { path: checkedPath(path), watch: call.given.has('w') || more.length > 0 };
}

const watchOption = (call: Call, watch: boolean) => (watch ? { watch: call.link.listener } : {});

const printStat = (call: Call, stat: Stat): void => statLines(stat).forEach((line) => call.out(line));

/** What is printed of data: text, as zkCli decodes it, and a word for none. */
function shown(call: Call, data: Uint8Array, hasData: boolean): Uint8Array {
  const bytes = hasData ? data : Buffer.from('null');
  if (call.given.has('x')) return Buffer.from(hexDump(bytes));
  if (call.given.has('b')) return Buffer.from(Buffer.from(bytes).toString('base64'));
  return Buffer.from(Buffer.from(bytes).toString());
}

export const get: ShellCommand = {
  name: 'get',
  usage: '[-s] [-w] [-b] [-x] path',
  options: { s: 'flag', w: 'flag', b: 'flag', x: 'flag' },
  words: 1,
  help: [
    ' -b   Output data in base64 format',
    ' -s   Print znode stats additionally',
    ' -w   Watch for changes on the znode',
    ' -x   Output data in hexdump format',
  ],
  async run(call) {
    const { path, watch } = watchedPath(call, 'get', '[-s] [-w] path');
    const { data, hasData, stat } = await call.link.call(path, (client, options) =>
      client.get(path, { ...options, ...watchOption(call, watch) }),
    );
    if (watch) call.link.watches.add(path, 'data');
    call.data(Buffer.concat([shown(call, data, hasData), Buffer.from('\n')]));
    if (call.given.has('s')) printStat(call, stat);
  },
};

export const stat: ShellCommand = {
  name: 'stat',
  usage: '[-w] path',
  options: { w: 'flag' },
  words: 1,
  async run(call) {
    const { path, watch } = watchedPath(call, 'stat', '[-w] path');
    const found = await call.link.call(path, (client, options) =>
      client.exists(path, { ...options, ...watchOption(call, watch) }),
    );
    if (watch) call.link.watches.add(path, 'data');
    if (found === null) throw new ShellError(errorLine('NoNode', path));
    printStat(call, found);
  },
};

export const ls: ShellCommand = {
  name: 'ls',
  usage: '[-s] [-w] [-R] path',
  options: { s: 'flag', w: 'flag', R: 'flag' },
  words: 1,
  async run(call) {
    const { path, watch } = watchedPath(call, 'ls', '[-w] path');
    if (call.given.has('R')) return call.link.call(path, (client, options) => listBelow(call, client, path, options));
    const found = await call.link.call(path, (client, options) =>
      client.children(path, { ...options, ...watchOption(call, watch) }),
    );
    if (watch) call.link.watches.add(path, 'children');
    call.out(`[${found.children.toSorted().join(', ')}]`);
    if (call.given.has('s')) printStat(call, found.stat);
  },
};

/** A node, then its children in one block, then below each of them. Nodes that vanish meanwhile are left out. */
async function listBelow(call: Call, client: Client, top: string, options: CallOptions): Promise<void> {
  const open = [top];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const names = await childrenOf(client, path, path === top, options);
    if (path === top) call.out(top);
    const below = names.toSorted().map((name) => (path === '/' ? `/${name}` : `${path}/${name}`));
    for (const child of below) call.out(child);
    open.push(...below.reverse());
  }
}

async function childrenOf(
  client: Client,
  path: string,
  isTop: boolean,
  options: CallOptions,
): Promise<readonly string[]> {
  try {
    return (await client.children(path, options)).children;
  } catch (error) {
    if (!isTop && error instanceof Error && 'code' in error && error.code === 'NoNode') return [];
    throw error;
  }
}

export const getAcl: ShellCommand = {
  name: 'getAcl',
  usage: '[-s] path',
  options: { s: 'flag' },
  words: 1,
  async run(call) {
    const path = checkedPath(call.given.words[0]);
    const found = await call.link.call(path, (client, options) => client.getAcl(path, options));
    for (const line of aclLines(found.acl)) call.out(line);
    if (call.given.has('s')) printStat(call, found.stat);
  },
};

export const getAllChildrenNumber: ShellCommand = {
  name: 'getAllChildrenNumber',
  usage: 'path',
  options: {},
  words: 1,
  async run(call) {
    const path = checkedPath(call.given.words[0]);
    call.out(String(await call.link.call(path, (client, options) => client.countDescendants(path, options))));
  },
};

export const getEphemerals: ShellCommand = {
  name: 'getEphemerals',
  usage: 'path',
  options: {},
  async run(call) {
    const path = checkedPath(call.given.words[0] ?? '/');
    const found = await call.link.call(path, (client, options) => client.ephemerals(path, options));
    call.out(`[${found.toSorted().join(', ')}]`);
  },
};

export const sync: ShellCommand = {
  name: 'sync',
  usage: 'path',
  options: {},
  words: 1,
  async run(call) {
    const path = checkedPath(call.given.words[0]);
    await call.link.call(path, (client, options) => client.sync(path, options));
    call.out('Sync is OK');
  },
};

export const whoami: ShellCommand = {
  name: 'whoami',
  usage: '',
  raw: true,
  async run(call) {
    const identities = await call.link.call(null, (client, options) => client.whoAmI(options));
    call.out('Auth scheme: User');
    for (const { scheme, user } of identities) call.out(`${scheme}: ${user}`);
  },
};

export const versionCommand: ShellCommand = {
  name: 'version',
  usage: '',
  options: {},
  run(call) {
    if (call.given.words.length > 0) throw new ShellError(call.usage);
    call.out(`Corral CLI version: ${version}`);
  },
};
