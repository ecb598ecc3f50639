// The contract of the simulated disk: what is durable after which call, and what a failure may leave of the rest.

import { describe, expect, it } from 'vitest';
import { CrashSignal, DiskError, SimDisk } from './disk.ts';
import { Random } from './random.ts';
import { sectorBytes } from './sim-file.ts';

const bytes = (count: number, value: number): Uint8Array => new Uint8Array(count).fill(value);
const contentOf = (disk: SimDisk, path: string): string =>
  disk.exists(path) ? [...new Set(disk.read(path, 0, disk.size(path)))].join(',') : 'missing';

/** What a loss of power leaves, over many seeds. */
function fates<T>(prepare: (disk: SimDisk) => void, look: (disk: SimDisk) => T): Set<T> {
  const found = new Set<T>();
  for (let seed = 1; seed <= 60; seed++) {
    const disk = new SimDisk(new Random(seed));
    prepare(disk);
    disk.power();
    found.add(look(disk));
  }
  return found;
}

/** A file /d/f with 4 bytes, durable by content and by name. */
function settled(disk: SimDisk): void {
  disk.create('/d/f');
  disk.write('/d/f', 0, bytes(4, 1));
  disk.sync('/d/f');
  disk.syncDir('/d');
}

const settledDisk = (seed = 1): SimDisk => {
  const disk = new SimDisk(new Random(seed));
  settled(disk);
  return disk;
};

describe('after a loss of power', () => {
  it('what was synced by content and by name is there', () => {
    expect(fates(settled, (disk) => contentOf(disk, '/d/f'))).toEqual(new Set(['1']));
  });

  it('a synced file may have no name', () => {
    const prepare = (disk: SimDisk): void => {
      disk.create('/d/f');
      disk.write('/d/f', 0, bytes(4, 1));
      disk.sync('/d/f');
    };
    expect(fates(prepare, (disk) => contentOf(disk, '/d/f'))).toEqual(new Set(['1', 'missing']));
  });

  it('a named file that was not synced may be empty, whole, or as long as it was and full of zeros', () => {
    const prepare = (disk: SimDisk): void => {
      disk.create('/d/f');
      disk.syncDir('/d');
      disk.write('/d/f', 0, bytes(4, 1));
    };
    expect(fates(prepare, (disk) => contentOf(disk, '/d/f'))).toEqual(new Set(['', '1', '0']));
  });

  it('a rename is done or not, whole', () => {
    const prepare = (disk: SimDisk): void => {
      settled(disk);
      disk.rename('/d/f', '/d/g');
    };
    const names = (disk: SimDisk): string => disk.list('/d').sort().join(' ');
    expect(fates(prepare, names)).toEqual(new Set(['f', 'g']));
  });

  it('a removed file may be back, and a truncated one as long as before', () => {
    const removed = (disk: SimDisk): void => {
      settled(disk);
      disk.remove('/d/f');
    };
    expect(fates(removed, (disk) => disk.exists('/d/f'))).toEqual(new Set([true, false]));
    const cut = (disk: SimDisk): void => {
      settled(disk);
      disk.truncate('/d/f', 1);
    };
    expect(fates(cut, (disk) => disk.size('/d/f'))).toEqual(new Set([1, 4]));
  });

  it('changes of one name happen in their order', () => {
    const prepare = (disk: SimDisk): void => {
      settled(disk);
      disk.rename('/d/f', '/d/g');
      disk.rename('/d/g', '/d/h');
    };
    expect(fates(prepare, (disk) => disk.list('/d').join(' '))).toEqual(new Set(['f', 'g', 'h']));
  });

  it('sectors of a write arrive in any order, each whole', () => {
    const sectors = 3;
    const prepare = (disk: SimDisk): void => {
      disk.create('/d/f');
      disk.write('/d/f', 0, bytes(sectors * sectorBytes, 1));
      disk.sync('/d/f');
      disk.syncDir('/d');
      disk.write('/d/f', 0, bytes(sectors * sectorBytes, 2));
    };
    const look = (disk: SimDisk): string =>
      Array.from({ length: sectors }, (_, i) =>
        [...new Set(disk.read('/d/f', i * sectorBytes, sectorBytes))].join('+'),
      ).join(' ');
    const found = fates(prepare, look);
    expect([...found].every((fate) => /^[12] [12] [12]$/.test(fate))).toBe(true);
    expect([...found]).toEqual(expect.arrayContaining(['1 1 1', '2 2 2', '1 2 1']));
  });
});

describe('after a kill', () => {
  it('the cache is there, and still not durable', () => {
    const disk = new SimDisk(new Random(1));
    disk.create('/d/f');
    disk.write('/d/f', 0, bytes(4, 1));
    disk.kill();
    expect(contentOf(disk, '/d/f')).toBe('1');
    expect(disk.durableNames.has('/d/f')).toBe(false);
  });
});

describe('a failed fsync', () => {
  const failed = (mode: 'kept' | 'reverted' | 'garbage'): SimDisk => {
    const disk = settledDisk();
    disk.write('/d/f', 0, bytes(4, 2));
    disk.inject({ kind: 'syncFails', skip: 0, mode });
    expect(() => disk.sync('/d/f')).toThrow(DiskError);
    return disk;
  };

  it('is followed by one that succeeds and makes nothing durable', () => {
    for (const mode of ['kept', 'reverted', 'garbage'] as const) {
      const disk = failed(mode);
      disk.sync('/d/f');
      disk.power();
      expect(contentOf(disk, '/d/f')).toBe('1');
    }
  });

  it('leaves in the cache what its kind says', () => {
    expect(contentOf(failed('kept'), '/d/f')).toBe('2');
    expect(contentOf(failed('reverted'), '/d/f')).toBe('1');
    expect(contentOf(failed('garbage'), '/d/f')).toBe('0');
  });
});

describe('other faults', () => {
  it('a full disk takes the beginning of a write before it complains', () => {
    const disk = settledDisk();
    disk.inject({ kind: 'full', bytesLeft: 2 });
    expect(() => disk.write('/d/f', 4, bytes(4, 3))).toThrow('ENOSPC');
    expect(disk.size('/d/f')).toBe(6);
  });

  it('a primitive that fails changes nothing, and works the next time', () => {
    const disk = settledDisk();
    disk.inject({ kind: 'fails', primitive: 'remove', skip: 0 });
    expect(() => disk.remove('/d/f')).toThrow('EIO');
    expect(disk.exists('/d/f')).toBe(true);
    disk.remove('/d/f');
    expect(disk.exists('/d/f')).toBe(false);
  });

  it('a file that cannot be read says so, and no other', () => {
    const disk = settledDisk();
    disk.inject({ kind: 'unreadable', path: '/d/f' });
    expect(() => disk.read('/d/f', 0, 1)).toThrow('EIO');
  });

  it('a crash point strikes behind the primitive that was asked for, once', () => {
    const disk = settledDisk();
    disk.crashAfter(2, 'write');
    disk.write('/d/f', 0, bytes(1, 5));
    expect(() => disk.write('/d/f', 0, bytes(1, 6))).toThrow(CrashSignal);
    expect(disk.read('/d/f', 0, 1)[0]).toBe(6);
    disk.write('/d/f', 0, bytes(1, 7));
  });

  it('rot is there after a loss of power', () => {
    const disk = settledDisk();
    disk.damage('/d/f', 0, 'zero');
    disk.power();
    expect(contentOf(disk, '/d/f')).toBe('0');
  });
});
