// The disk as recovery sees it, on node:fs: synchronous, because nothing is served meanwhile. Everything that changes a
// directory ends with an fsync of it; a name that is only in the cache can disappear with the power.

import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as zlib from 'node:zlib';
import { ProtocolError } from '@corral/protocol';
import type { Files } from '@corral/core';
import { unpackSnappyStream } from './snappy-stream.ts';

const chunkBytes = 1 << 20;

export class NodeFiles implements Files {
  list(dir: string): string[] {
    try {
      return fs
        .readdirSync(dir, { withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map((entry) => entry.name);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return [];
      throw error;
    }
  }

  size(file: string): number {
    return fs.statSync(file).size;
  }

  read(file: string, offset: number, length: number): Uint8Array {
    return withFile(file, 'r', (fd) => {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, fs.fstatSync(fd).size - offset)));
      return bytes.subarray(0, readFully(fd, bytes, offset));
    });
  }

  *readSnapshot(file: string): Iterable<Uint8Array> {
    const extension = path.extname(file).toLowerCase();
    if (extension === '.gz') yield gunzip(file, fs.readFileSync(file));
    else if (extension === '.snappy') yield* unpackSnappyStream(fs.readFileSync(file));
    else yield* readChunks(file);
  }

  truncate(file: string, size: number): void {
    withFile(file, 'r+', (fd) => {
      fs.ftruncateSync(fd, size);
      fs.fsyncSync(fd);
    });
  }

  rename(from: string, to: string): void {
    fs.renameSync(from, to);
    this.syncDir(path.dirname(to));
    if (path.dirname(from) !== path.dirname(to)) this.syncDir(path.dirname(from));
  }

  makeDir(dir: string): void {
    // One by one: Node's recursive mkdir never ends where a directory exists that takes no entries, as in /proc.
    const missing: string[] = [];
    for (let at = path.resolve(dir); !isDirectory(at); at = path.dirname(at)) missing.unshift(at);
    for (const made of missing) {
      fs.mkdirSync(made);
      this.syncDir(path.dirname(made)); // of which it is an entry
    }
  }

  remove(file: string): void {
    fs.unlinkSync(file);
    this.syncDir(path.dirname(file));
  }

  writeDurably(file: string, bytes: Uint8Array): void {
    const temporary = temporaryName(file);
    try {
      withFile(temporary, 'wx', (fd) => {
        keepAccess(file, fd);
        writeFully(fd, bytes);
        fs.fsyncSync(fd);
      });
      fs.renameSync(temporary, file);
    } catch (error) {
      fs.rmSync(temporary, { force: true });
      throw error;
    }
    this.syncDir(path.dirname(file));
  }

  sync(file: string): void {
    withFile(file, 'r', (fd) => fs.fsyncSync(fd));
  }

  syncDir(dir: string): void {
    withFile(dir, 'r', (fd) => fs.fsyncSync(fd));
  }
}

/** A name beside `file` that neither Corral nor Apache takes for data. */
export const temporaryName = (file: string): string =>
  path.join(path.dirname(file), `${temporaryPrefix}${path.basename(file)}.${randomBytes(4).toString('hex')}`);
export const temporaryPrefix = '.tmp-';

/** The errno name of a failed system call. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** @throws Error with the code ENOTDIR that names the file in the way */
function isDirectory(name: string): boolean {
  const found = fs.statSync(name, { throwIfNoEntry: false });
  if (found === undefined || found.isDirectory()) return found !== undefined;
  throw Object.assign(new Error(`${name} is not a directory`), { code: 'ENOTDIR', path: name });
}

/** A file that is replaced keeps who may read it: a configuration holds secrets. */
function keepAccess(file: string, fd: number): void {
  const before = fs.statSync(file, { throwIfNoEntry: false });
  if (before === undefined) return;
  const made = fs.fstatSync(fd);
  if (before.uid !== made.uid || before.gid !== made.gid) {
    try {
      fs.fchownSync(fd, before.uid, before.gid);
    } catch (error) {
      if (errorCode(error) !== 'EPERM') throw error; // only root gives files away
    }
  }
  fs.fchmodSync(fd, before.mode & 0o777);
}

function withFile<T>(file: string, flags: string, use: (fd: number) => T): T {
  const fd = fs.openSync(file, flags);
  try {
    return use(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function readFully(fd: number, bytes: Uint8Array, offset: number): number {
  let done = 0;
  while (done < bytes.length) {
    const count = fs.readSync(fd, bytes, done, bytes.length - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

function writeFully(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += fs.writeSync(fd, bytes, done);
}

/** One buffer for the whole file: a chunk is valid until the next one is asked for. */
function* readChunks(file: string): Iterable<Uint8Array> {
  const fd = fs.openSync(file, 'r');
  try {
    const buffer = new Uint8Array(chunkBytes);
    for (let offset = 0; ;) {
      const count = fs.readSync(fd, buffer, 0, buffer.length, offset);
      if (count === 0) return;
      offset += count;
      yield buffer.subarray(0, count);
    }
  } finally {
    fs.closeSync(fd);
  }
}

/** Damage to the compressed form is damage to the snapshot, not a failure of the disk. */
function gunzip(file: string, packed: Uint8Array): Uint8Array {
  try {
    return zlib.gunzipSync(packed);
  } catch (error) {
    throw new ProtocolError(`${path.basename(file)} cannot be decompressed`, { cause: error });
  }
}
