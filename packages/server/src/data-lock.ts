// One directory of data, one server: two writers would destroy the log. The lock is a local socket in the directory itself,
// whoever runs the server and on whatever version of Node. The kernel answers for a process however that ended: a socket
// that refuses is what a dead server has left behind, and a process id that is used again deceives nobody. Containers of
// one machine that share a volume exclude each other too; machines that share a network file system do not.
//
// Everyone first puts up a socket under a name of its own, then looks at all others, and gives way when one of them
// answers. Of two that start at once the later look sees the other: never do both go on, at worst both try again.

import { randomBytes, randomInt } from 'node:crypto';
import * as fs from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Server } from 'node:net';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode, temporaryName } from './storage/node-files.ts';

const prefix = 'corral-lock.';
const tries = 5;
/** Longer than a start takes from its socket to its look at the others. */
const pauseMsMax = 200;
/** A server that is busy or stopped says nothing and holds all the same. */
const askMsMax = 1000;
/** What systems take as the path of a socket. */
const pathBytesMax = 103;

export class DataDirInUse extends Error {
  constructor(dir: string) {
    super(`${dir} is in use by another server; stop that one first, or choose another dataDir and dataLogDir`);
    this.name = 'DataDirInUse';
  }
}

/**
 * Takes the lock of a directory; the result gives it back. Undefined where the file system has no sockets: nothing is
 * locked then.
 *
 * @throws DataDirInUse
 */
export async function lockDataDir(dir: string): Promise<(() => void) | undefined> {
  for (let left = tries; left > 0; left--) {
    const place = openPlace(dir);
    if (place === undefined) return undefined;
    try {
      if (await isAnyHeld(place)) throw new DataDirInUse(dir);
      const own = await putUp(place);
      if (own === undefined) return undefined;
      const release = (): void => {
        fs.rmSync(path.join(dir, own.name), { force: true });
        own.socket.close();
      };
      if (!(await isAnyHeld(place, own.name))) return release;
      release();
    } finally {
      place.close();
    }
    await sleep(randomInt(pauseMsMax));
  }
  throw new DataDirInUse(dir);
}

/** Takes the locks of several directories, all or none. `unlocked` hears of those that cannot be locked. */
export async function lockDataDirs(
  dirs: readonly string[],
  unlocked: (dir: string) => void = () => undefined,
): Promise<() => void> {
  const releases: (() => void)[] = [];
  const releaseAll = (): void => releases.forEach((release) => release());
  try {
    for (const dir of new Set(dirs.map((name) => fs.realpathSync(name)))) {
      const release = await lockDataDir(dir);
      if (release === undefined) unlocked(dir);
      else releases.push(release);
    }
    return releaseAll;
  } catch (error) {
    releaseAll();
    throw error;
  }
}

export interface DataDirHolder {
  /** Undefined when it cannot be told: a server in a container of its own, or one that says nothing. */
  readonly pid: number | undefined;
}

/**
 * The server that runs on a directory, as the server itself says: null when there is none, undefined where there is no lock to
 * tell.
 */
export async function dataDirHolder(dir: string): Promise<DataDirHolder | null | undefined> {
  if (!fs.existsSync(dir)) return null;
  const place = openPlace(dir);
  if (place === undefined) return undefined;
  try {
    for (const name of fs.readdirSync(dir)) {
      const said = name.startsWith(prefix) ? await ask(path.join(place.short, name)) : undefined;
      if (said !== undefined) return { pid: processOf(said) };
    }
    return null;
  } finally {
    place.close();
  }
}

/** A number means another process in another container; the moment of its start tells them apart. */
function processOf(said: string): number | undefined {
  const [, pid, started] = /^(\d+) (\d*)\n$/.exec(said) ?? [];
  return pid !== undefined && startOf(pid) === started ? Number(pid) : undefined;
}

/** When a process began, in ticks since the machine did; empty where no file tells. */
function startOf(pid: string): string {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

/** A directory under a name that is short enough for sockets. */
interface Place {
  readonly dir: string;
  readonly short: string;
  close(): void;
}

function openPlace(dir: string): Place | undefined {
  if (process.platform === 'win32') return undefined;
  if (fs.existsSync('/proc/self/fd')) {
    const fd = fs.openSync(dir, 'r');
    return { dir, short: `/proc/self/fd/${fd}`, close: () => fs.closeSync(fd) };
  }
  const longest = path.join(dir, path.basename(temporaryName(`${prefix}0123456789abcdef`)));
  return Buffer.byteLength(longest) > pathBytesMax ? undefined : { dir, short: dir, close: () => undefined };
}

/** Under its final name a socket has listened from the first moment: one that refuses belongs to nobody. */
async function putUp({ dir, short }: Place): Promise<{ socket: Server; name: string } | undefined> {
  const name = prefix + randomBytes(8).toString('hex');
  const temporary = path.basename(temporaryName(name));
  const self = `${process.pid} ${startOf('self')}\n`;
  const socket = createServer((caller) => {
    caller.on('error', () => undefined); // whoever only looks is gone at once
    caller.end(self);
  });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.listen({ path: path.join(short, temporary), writableAll: true }, resolve);
    });
  } catch (error) {
    if (['EACCES', 'EROFS', 'ENOSPC', 'EDQUOT'].includes(errorCode(error) ?? '')) throw error;
    return undefined;
  }
  fs.renameSync(path.join(dir, temporary), path.join(dir, name));
  socket.on('error', () => undefined); // it only has to be there
  socket.unref();
  return { socket, name };
}

async function isAnyHeld(place: Place, except = ''): Promise<boolean> {
  for (const name of fs.readdirSync(place.dir)) {
    if (!name.startsWith(prefix) || name === except) continue;
    if (await answers(path.join(place.short, name))) return true;
    try {
      fs.rmSync(path.join(place.dir, name), { force: true });
    } catch {
      // What another user has left: it refuses, which is enough.
    }
  }
  return false;
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const caller = connect(socketPath);
    caller.once('connect', () => {
      caller.destroy();
      resolve(true);
    });
    caller.once('error', (error) => resolve(!['ECONNREFUSED', 'ENOENT'].includes(errorCode(error) ?? '')));
  });
}

/** What a holder says of itself; undefined when nobody holds this. */
function ask(socketPath: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const caller = connect(socketPath);
    let said = '';
    const done = (answer: string | undefined): void => {
      caller.destroy();
      resolve(answer);
    };
    caller.setTimeout(askMsMax, () => done(said));
    caller.setEncoding('utf8').on('data', (text: string) => (said += text));
    caller.once('end', () => done(said));
    caller.once('error', (error) =>
      done(['ECONNREFUSED', 'ENOENT'].includes(errorCode(error) ?? '') ? undefined : said),
    );
  });
}
