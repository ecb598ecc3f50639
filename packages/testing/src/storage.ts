// Where the servers of a test keep their data.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { VirtualClock } from './time.ts';

/** `memory`; `tmp`, real files in a folder that goes at the end; or a folder, which stays. */
export type Storage = 'memory' | 'tmp' | (string & {});

export interface StorageOptions {
  /** In memory, unless given. With real files the servers have real sockets too, and run on real time. */
  readonly storage?: Storage;
  /** Not available yet. */
  readonly tls?: 'self-signed';
}

/** A folder for real files, and how it goes. */
export interface Folder {
  readonly dir: string;
  readonly remove: () => void;
}

/** The folder for real files; undefined for memory. Throws when the options contradict each other. */
export function folderOf({
  storage = 'memory',
  tls,
  clock,
}: StorageOptions & { readonly clock?: 'real' | 'virtual' | VirtualClock }): Folder | undefined {
  if (tls !== undefined) throw new Error('tls: servers do not speak TLS yet; leave the option out');
  if (storage === 'memory') return undefined;
  if (clock !== undefined && clock !== 'real')
    throw new Error("files and sockets take the time they take: virtual time needs storage: 'memory'");
  if (storage !== 'tmp') {
    const dir = resolve(storage);
    mkdirSync(dir, { recursive: true });
    return { dir, remove: () => undefined };
  }
  const dir = mkdtempSync(join(tmpdir(), 'corral-test-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}
