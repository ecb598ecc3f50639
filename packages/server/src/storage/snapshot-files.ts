// Snapshots as files: written beside the traffic under a temporary name, made durable, read back at the end, and only
// then given their name. Older data may be purged because of a snapshot, so it counts only when it verifies.

import { createReadStream } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import * as path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { SnapshotReader, snapshotFileName } from '@corral/core';
import type { SnapshotSink, SnapshotSummary } from '@corral/core';
import { ProtocolError } from '@corral/protocol';
import type { Zxid } from '@corral/protocol';
import { errorCode, temporaryName } from './node-files.ts';
import { unpackSnappyStream } from './snappy-stream.ts';
import { syncDir } from './txn-log.ts';

export interface SnapshotSource {
  /** The next bytes of the snapshot, or null behind the last. Called once per turn of the event loop at most. */
  next(): Uint8Array | null;
}

export interface WrittenSnapshot {
  readonly path: string;
  /** Size of the file. */
  readonly bytes: number;
}

/** Length and text of the string that ends the last seal. */
const trailer = [0, 0, 0, 1, 0x2f];

/** Writes snapshot.<zxid>. Rejects when anything fails and leaves no file behind then. */
export async function writeSnapshot(
  dir: string,
  zxid: Zxid,
  source: SnapshotSource,
  { compression }: { readonly compression: 'none' | 'gz' } = { compression: 'none' },
): Promise<WrittenSnapshot> {
  const target = path.join(dir, snapshotFileName(zxid, compression));
  const temporary = temporaryName(target);
  const handle = await open(temporary, 'wx+');
  try {
    const bytes = await closing(handle, async () => {
      const written = compression === 'gz' ? await writePacked(handle, source) : await writePlain(handle, source);
      await handle.sync();
      await checkWritten(handle, written, compression);
      return written;
    });
    await rename(temporary, target);
    await syncDir(dir);
    return { path: target, bytes };
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function closing<T>(handle: FileHandle, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } finally {
    await handle.close();
  }
}

async function writePlain(handle: FileHandle, source: SnapshotSource): Promise<number> {
  let written = 0;
  for (let chunk = source.next(); chunk !== null; chunk = source.next()) written += await writeAll(handle, chunk);
  return written;
}

async function writePacked(handle: FileHandle, source: SnapshotSource): Promise<number> {
  let written = 0;
  await pipeline(
    Readable.from(chunksOf(source)),
    createGzip({ level: 1 }),
    async (packed: AsyncIterable<Uint8Array>) => {
      for await (const chunk of packed) written += await writeAll(handle, chunk);
    },
  );
  return written;
}

function* chunksOf(source: SnapshotSource): Iterable<Uint8Array> {
  for (let chunk = source.next(); chunk !== null; chunk = source.next()) yield chunk;
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<number> {
  for (let done = 0; done < chunk.length;) {
    const { bytesWritten } = await handle.write(chunk, done, chunk.length - done);
    if (bytesWritten === 0) throw new Error('the disk takes no more bytes');
    done += bytesWritten;
  }
  return chunk.length;
}

/** Cheap check that the file is what was meant; purging verifies it in full. */
async function checkWritten(handle: FileHandle, written: number, compression: 'none' | 'gz'): Promise<void> {
  const { size } = await handle.stat();
  if (size !== written) throw new Error(`a snapshot of ${written} bytes has ${size} on disk`);
  if (compression === 'gz') return;
  const end = new Uint8Array(trailer.length);
  await handle.read(end, 0, end.length, Math.max(0, size - end.length));
  if (trailer.some((byte, at) => end[at] !== byte)) throw new Error('a snapshot does not end with its seal on disk');
}

/** Reads a snapshot to its end beside the traffic. Rejects with a ProtocolError when it is damaged. */
export async function readSnapshotFile(file: string, sink: SnapshotSink): Promise<SnapshotSummary> {
  const reader = new SnapshotReader(sink);
  for await (const chunk of openSnapshot(file)) reader.push(chunk);
  return reader.finish();
}

async function* openSnapshot(file: string): AsyncIterable<Uint8Array> {
  const extension = path.extname(file).toLowerCase();
  if (extension === '.snappy') {
    yield* unpackSnappyStream(await readFile(file));
    return;
  }
  const stream = createReadStream(file, { highWaterMark: 256 * 1024 });
  if (extension !== '.gz') {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) yield chunk;
    return;
  }
  const unpacked = createGunzip();
  stream.on('error', (error) => unpacked.destroy(error));
  stream.pipe(unpacked);
  try {
    for await (const chunk of unpacked as AsyncIterable<Uint8Array>) yield chunk;
  } catch (error) {
    if (errorCode(error)?.startsWith('Z_') !== true) throw error;
    throw new ProtocolError(`${path.basename(file)} cannot be decompressed`, { cause: error });
  } finally {
    stream.destroy();
  }
}

const ignored: SnapshotSink = { session: () => undefined, acl: () => undefined, node: () => undefined };

/** Whether a snapshot file reads well to its last seal. A disk error is not an answer and rejects. */
export async function verifySnapshot(file: string): Promise<boolean> {
  try {
    await readSnapshotFile(file, ignored);
    return true;
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
}
