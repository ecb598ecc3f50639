// The admin command `snapshot`: the state as of now, in a file of its own that goes into the data directory like any
// other snapshot, and is sent to whoever asked.

import { createReadStream } from 'node:fs';
import type { Replica } from '@corral/core';
import type { TakenSnapshot } from './admin/facts.ts';
import { writeSnapshot } from './storage/snapshot-files.ts';

/** Rejects while another snapshot is being written. */
export async function takeSnapshotFile(
  replica: Pick<Replica, 'snapshotSource'>,
  snapDir: string,
): Promise<TakenSnapshot> {
  const source = replica.snapshotSource();
  try {
    const { path, bytes } = await writeSnapshot(snapDir, source.zxid, source, { compression: 'none' });
    return { zxid: source.zxid, bytes, read: () => createReadStream(path) };
  } catch (error) {
    source.abandon();
    throw error;
  }
}
