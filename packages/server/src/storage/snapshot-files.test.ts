import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { SnapshotNode, SnapshotWriter } from '@corral/core';
import type { Zxid } from '@corral/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Purger, startPurging } from './purge.ts';
import { readSnapshotFile, verifySnapshot, writeSnapshot } from './snapshot-files.ts';
import type { SnapshotSource } from './snapshot-files.ts';

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(tmpdir(), 'corral-snapshot-'));
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

const encoder = new TextEncoder();

function treeOf(nodes: number): SnapshotSource {
  const writer = new SnapshotWriter('file', 4096);
  writer.begin([], []);
  const node = new SnapshotNode();
  for (let number = 0; number < nodes; number++) {
    node.bytes = encoder.encode(number === 0 ? '' : `/node${number}`);
    node.pathEnd = node.bytes.length;
    node.dataBytes = encoder.encode('some data');
    node.dataLength = node.dataBytes.length;
    writer.node(node);
  }
  writer.finish({ zxid: 5 as Zxid, digest: 1n, lastZxid: 5 as Zxid });
  return { next: () => writer.drain() ?? null };
}

const nowhere = { session: () => undefined, acl: () => undefined, node: () => undefined };

describe('writing a snapshot', () => {
  test.each([
    ['none', 'snapshot.1f'],
    ['gz', 'snapshot.1f.gz'],
  ] as const)('with compression %s it reads back', async (compression, name) => {
    const written = await writeSnapshot(dir, 0x1f as Zxid, treeOf(5000), { compression });
    expect(fs.readdirSync(dir)).toEqual([name]);
    expect(written).toEqual({ path: path.join(dir, name), bytes: fs.statSync(written.path).size });
    expect(await readSnapshotFile(written.path, nowhere)).toMatchObject({ nodes: 5000, lastZxid: 5 });
  });

  test('other work goes on meanwhile', async () => {
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 0);
    await writeSnapshot(dir, 1 as Zxid, treeOf(100_000));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });

  test('a failing source rejects and leaves no file', async () => {
    let calls = 0;
    const source: SnapshotSource = {
      next: () => {
        if (++calls > 3) throw new Error('the tree is gone');
        return new Uint8Array(1000);
      },
    };
    await expect(writeSnapshot(dir, 1 as Zxid, source)).rejects.toThrow('the tree is gone');
    calls = 0;
    await expect(writeSnapshot(dir, 1 as Zxid, source, { compression: 'gz' })).rejects.toThrow('the tree is gone');
    expect(fs.readdirSync(dir)).toEqual([]);
  });

  test('a source that ends without its seal is noticed', async () => {
    const chunks = [new Uint8Array(100)];
    await expect(writeSnapshot(dir, 1 as Zxid, { next: () => chunks.pop() ?? null })).rejects.toThrow('seal');
    expect(fs.readdirSync(dir)).toEqual([]);
  });

  test('a missing directory rejects', async () => {
    await expect(writeSnapshot(path.join(dir, 'none'), 1 as Zxid, treeOf(1))).rejects.toThrow('ENOENT');
  });
});

test('verifying finds damage, compressed or not, and lets disk errors through', async () => {
  for (const compression of ['none', 'gz'] as const) {
    const { path: file } = await writeSnapshot(dir, 1 as Zxid, treeOf(300), { compression });
    expect(await verifySnapshot(file)).toBe(true);
    const bytes = fs.readFileSync(file);
    bytes[bytes.length >> 1] ^= 1;
    fs.writeFileSync(file, bytes);
    expect(await verifySnapshot(file)).toBe(false);
    fs.writeFileSync(file, bytes.subarray(0, bytes.length >> 1));
    expect(await verifySnapshot(file)).toBe(false);
  }
  await expect(verifySnapshot(path.join(dir, 'none'))).rejects.toThrow('ENOENT');
});

describe('purging', () => {
  const prepare = async (): Promise<void> => {
    for (const zxid of [0, 10, 20, 30, 40]) await writeSnapshot(dir, zxid as Zxid, treeOf(3));
    for (const name of ['log.1', 'log.b', 'log.15', 'log.1f', 'log.29']) fs.writeFileSync(path.join(dir, name), 'x');
  };

  test('keeps the newest snapshots that verify and the logs behind the oldest of them', async () => {
    await prepare();
    expect(await new Purger({ snapDir: dir, logDir: dir, keep: 3 }).run()).toEqual([
      'snapshot.0',
      'snapshot.a',
      'log.1',
    ]);
    // log.b may go on past snapshot 20 (hex 14): it stays.
    expect(fs.readdirSync(dir).sort()).toEqual(
      ['log.15', 'log.1f', 'log.29', 'log.b', 'snapshot.14', 'snapshot.1e', 'snapshot.28'].sort(),
    );
  });

  test('a damaged snapshot makes it keep an older one', async () => {
    await prepare();
    fs.truncateSync(path.join(dir, 'snapshot.28'), 100);
    expect(await new Purger({ snapDir: dir, logDir: dir, keep: 1 }).run()).toEqual(['snapshot.0']);
  });

  test('runs at once and says what it deleted; zero hours switch it off', async () => {
    await prepare();
    const unwanted = (): void => expect.unreachable();
    const schedule = { snapDir: dir, logDir: dir, keep: 3, failed: unwanted };
    const purged = await new Promise<readonly string[]>((resolve) => {
      startPurging({ ...schedule, intervalHours: 1, purged: (names) => resolve(names) })();
    });
    expect(purged.length).toBe(3);
    startPurging({ ...schedule, intervalHours: 0, purged: unwanted })();
  });
});
