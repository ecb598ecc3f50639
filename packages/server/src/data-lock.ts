// One data directory, one server: two writers would destroy the log. The lock is a local socket in Linux's abstract name
// space, named after the directory, which vanishes with the process however that ends. Elsewhere there is no such thing
// and no lock.

import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { createServer } from 'node:net';

export class DataDirInUse extends Error {
  constructor(dir: string) {
    super(`${dir} is in use by another server on this machine; stop that one first, or choose another dataDir`);
    this.name = 'DataDirInUse';
  }
}

/** Takes the lock; the result gives it back. Throws DataDirInUse. */
export async function lockDataDir(dir: string): Promise<() => void> {
  if (process.platform !== 'linux') return () => undefined;
  const name = createHash('sha256').update(realpathSync(dir)).digest('hex').slice(0, 32);
  const holder = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    holder.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new DataDirInUse(dir) : error);
    });
    holder.listen(`\0corral-data-${name}`, resolve);
  });
  holder.unref();
  return () => holder.close();
}

/** Whether a server runs on a directory. Undefined where there is no lock to tell. */
export async function dataDirInUse(dir: string): Promise<boolean | undefined> {
  if (process.platform !== 'linux') return undefined;
  if (!existsSync(dir)) return false;
  try {
    const unlock = await lockDataDir(dir);
    unlock();
    return false;
  } catch (error) {
    if (error instanceof DataDirInUse) return true;
    throw error;
  }
}
