// Commands that change nodes: create, set, delete, deleteall, setAcl, addauth.

import { ZkError } from '@corral/client';
import type { CallOptions, Client, CreateOptions } from '@corral/client';
import { checkedPath, deprecated, versionOf } from '../command.ts';
import type { Call, ShellCommand } from '../command.ts';
import { ShellError, errorLine } from '../shell-error.ts';
import { parseAcl, statLines } from '../texts.ts';

const invalidAcl = (): ShellError => new ShellError(errorLine('InvalidAcl', 'null'));

export const create: ShellCommand = {
  name: 'create',
  usage: '[-s] [-e] [-c] [-t ttl] path [data] [acl]',
  options: { s: 'flag', e: 'flag', c: 'flag', t: 'value' },
  words: 1,
  async run(call) {
    const mode = createMode(call);
    const [path, data = null, aclText] = call.given.words;
    const acl = aclText === undefined ? 'open' : parseAcl(aclText, (line) => call.err(line));
    if (acl === null) {
      call.err('KeeperErrorCode = InvalidACL');
      throw invalidAcl();
    }
    checkedPath(mode.mode?.endsWith('Sequential') === true || mode.mode === 'sequentialTtl' ? `${path}1` : path);
    const created = await call.link.call(path, async (client, options) => {
      try {
        return await client.create(path, data, { ...mode, acl, ...options });
      } catch (error) {
        if (ZkError.is(error, 'InvalidAcl')) call.err(`KeeperErrorCode = InvalidACL for ${path}`);
        throw error;
      }
    });
    call.err(`Created ${created.path}`);
  },
};

function createMode({ given }: Call): CreateOptions {
  const [sequential, ephemeral, ttl] = [given.has('s'), given.has('e'), given.value('t')];
  if (given.has('c')) {
    if (sequential || ephemeral) {
      throw new ShellError('-c cannot be combined with -s or -e. Containers cannot be ephemeral or sequential.');
    }
    return { mode: 'container' };
  }
  if (ttl !== undefined) {
    if (!/^[+-]?\d+$/.test(ttl)) throw new ShellError('-t argument must be a long value');
    if (ephemeral) throw new ShellError('TTLs cannot be used with Ephemeral znodes');
    return { mode: sequential ? 'sequentialTtl' : 'ttl', ttl: Number(ttl) };
  }
  if (ephemeral) return { mode: sequential ? 'ephemeralSequential' : 'ephemeral' };
  return { mode: sequential ? 'persistentSequential' : 'persistent' };
}

export const set: ShellCommand = {
  name: 'set',
  usage: 'path data [-s] [-v version] [-b]',
  options: { s: 'flag', v: 'value', b: 'flag' },
  words: 2,
  help: [
    ' -b         Supply data in base64 format',
    ' -s         Print znode stats additionally',
    ' -v <arg>   Set with an expected version',
  ],
  async run(call) {
    const [path, text, old] = call.given.words;
    const version = versionOf(old ?? call.given.value('v'));
    const data = call.given.has('b') ? Buffer.from(text, 'base64') : text;
    checkedPath(path);
    const changed = await call.link.call(path, (client, options) => client.set(path, data, { version, ...options }));
    if (call.given.has('s')) statLines(changed).forEach((line) => call.out(line));
  },
};

export const deleteCommand: ShellCommand = {
  name: 'delete',
  usage: '[-v version] path',
  options: { v: 'value' },
  words: 1,
  async run(call) {
    const [path, old] = call.given.words;
    if (old !== undefined) deprecated(call, 'delete', 'path [version]', '[-v version] path');
    const version = versionOf(old ?? call.given.value('v'));
    checkedPath(path);
    await call.link.call(path, (client, options) => client.delete(path, { version, ...options }));
  },
};

const defaultBatch = 1000;

export const deleteall: ShellCommand = {
  name: 'deleteall',
  usage: 'path [-b batch size]',
  options: { b: 'value' },
  words: 1,
  async run(call) {
    const size = call.given.value('b') ?? String(defaultBatch);
    if (!/^[+-]?\d+$/.test(size)) throw new ShellError('-b argument must be an int value');
    const path = checkedPath(call.given.words[0]);
    const complete = await call.link.call(path, (client, options) =>
      deleteBelow(client, path, Math.max(1, Number(size)), options),
    );
    if (!complete) call.err('Failed to delete some node(s) in the subtree!');
  },
};

/** Children before parents, this many in one transaction; false when one of these was refused. */
async function deleteBelow(client: Client, top: string, batch: number, options: CallOptions): Promise<boolean> {
  const paths = (await pathsBelow(client, top, options)).reverse();
  let complete = true;
  for (let at = 0; at < paths.length; at += batch) {
    const multi = client.multi();
    for (const path of paths.slice(at, at + batch)) multi.delete(path);
    try {
      await multi.commit(options);
    } catch (error) {
      if (!ZkError.is(error) || error.code === 'ConnectionLoss') throw error;
      complete = false;
    }
  }
  return complete;
}

/** A node and all below it, level by level. */
async function pathsBelow(client: Client, top: string, options: CallOptions): Promise<string[]> {
  const paths = [top];
  // The list grows while it is read.
  for (const path of paths) {
    const { children } = await client.children(path, options);
    for (const name of children.toSorted()) paths.push(`${path === '/' ? '' : path}/${name}`);
  }
  return paths;
}

export const setAcl: ShellCommand = {
  name: 'setAcl',
  usage: '[-s] [-v version] [-R] path acl',
  options: { s: 'flag', v: 'value', R: 'flag' },
  words: 2,
  async run(call) {
    const [path, text] = call.given.words;
    const acl = parseAcl(text, (line) => call.err(line));
    if (acl === null) throw invalidAcl();
    const version = versionOf(call.given.value('v'));
    checkedPath(path);
    const paths = call.given.has('R')
      ? await call.link.call(path, (client, options) => pathsBelow(client, path, options))
      : [path];
    for (const target of paths) {
      const changed = await call.link.call(target, (client, options) =>
        client.setAcl(target, acl, { version, ...options }),
      );
      if (call.given.has('s')) statLines(changed).forEach((line) => call.out(line));
    }
  },
};

export const addauth: ShellCommand = {
  name: 'addauth',
  usage: 'scheme auth',
  options: {},
  words: 1,
  run(call) {
    const [scheme, auth = ''] = call.given.words;
    call.link.addAuth(scheme, auth);
  },
};
