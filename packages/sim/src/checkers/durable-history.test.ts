// What the checkers take for certain of a disk whose names are changing.

import { expect, it } from 'vitest';
import { SimDisk } from '../disk.ts';
import { dataDir } from '../places.ts';
import { Random } from '../random.ts';
import { DurableHistory } from './durable-history.ts';

const name = `${dataDir}/snapshot.200000001`;

/** A disk with one durable snapshot, and what its history holds after these steps. */
function snapshotsAfter(steps: (disk: SimDisk) => void): readonly number[] {
  const disk = new SimDisk(new Random(1));
  write(disk, name);
  disk.syncDir(dataDir);
  steps(disk);
  return new DurableHistory(disk).snapshots;
}

function write(disk: SimDisk, path: string): void {
  disk.create(path);
  disk.write(path, 0, new Uint8Array(4));
  disk.sync(path);
}

it('a snapshot counts from when its name is durable until it is removed', () => {
  expect(snapshotsAfter(() => undefined)).toEqual([0x200000001]);
  expect(snapshotsAfter((disk) => write(disk, `${dataDir}/snapshot.200000002`))).toEqual([0x200000001]);
  expect(snapshotsAfter((disk) => disk.remove(name))).toEqual([]);
});

it('a snapshot that is being replaced by one of the same zxid counts all the while', () => {
  const steps = (disk: SimDisk): void => {
    write(disk, `${dataDir}/new`);
    disk.rename(`${dataDir}/new`, name);
  };
  expect(snapshotsAfter(steps)).toEqual([0x200000001]);
});
