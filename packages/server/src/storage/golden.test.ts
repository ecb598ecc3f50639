// Data directories written by real Apache servers load to the tree those servers served.

import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { RecoveryRefused, SnapshotReader, recover, snapshotsIn } from '@corral/core';
import type { RecoveryResult } from '@corral/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ReferenceTree, ownerKind } from '../../../core/src/log/testing/reference-tree.ts';
import { NodeFiles } from './node-files.ts';

const golden = fileURLToPath(new URL('../../test-data/golden', import.meta.url));
let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'corral-golden-'));
  cpSync(golden, scratch, { recursive: true });
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface ExpectedNode {
  readonly path: string;
  readonly data: string | null;
  readonly acl: readonly { perms: number; scheme: string; id: string }[];
  readonly stat: Readonly<Record<string, number>>;
}
interface Expected {
  readonly zxid?: string;
  readonly nodes: readonly ExpectedNode[];
  /** In loaded.json only the ids. */
  readonly sessions?: readonly (string | { id: string; timeout: number })[];
}

const load = (folder: string): RecoveryResult<ReferenceTree> => {
  const dir = path.join(scratch, folder, 'version-2');
  return recover(new NodeFiles(), { snapDir: dir, logDir: dir }, () => new ReferenceTree());
};

const expectedOf = (folder: string, file = 'expected.json'): Expected =>
  JSON.parse(readFileSync(path.join(golden, folder, file), 'utf8')) as Expected;

/** The tree in the shape that clients see. */
function dump(tree: ReferenceTree): Map<string, ExpectedNode> {
  const nodes = new Map<string, ExpectedNode>();
  for (const [nodePath, node] of tree.nodes) {
    const shown = nodePath === '' ? '/' : nodePath;
    const { czxid, mzxid, ctime, mtime, version, aversion, pzxid } = node;
    nodes.set(shown, {
      path: shown,
      data: node.data === null ? null : Buffer.from(node.data).toString('base64'),
      acl: node.acl.map(({ perms, id }) => ({ perms, scheme: id.scheme ?? '', id: id.id ?? '' })),
      stat: {
        ...{ czxid, mzxid, ctime, mtime, version, aversion, pzxid },
        cversion: node.cversion * 2 - node.children.size,
        ephemeralOwner: ownerKind(node.owner) === 'ephemeral' ? Number(node.owner) : 0,
        dataLength: node.data?.length ?? 0,
        numChildren: node.children.size,
      },
    });
  }
  return nodes;
}

function expectTree(tree: ReferenceTree, expected: Expected): void {
  const got = dump(tree);
  // Every server writes it anew when it starts.
  got.delete('/zookeeper/config');
  const wanted = new Map(expected.nodes.map((node) => [node.path, node]));
  wanted.delete('/zookeeper/config');
  expect([...got.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [nodePath, node] of wanted) expect(got.get(nodePath), nodePath).toEqual(node);
  if (expected.sessions === undefined) return;
  const sessions = new Map([...tree.sessions].map(([id, timeout]) => [`0x${id.toString(16)}`, timeout]));
  expect(sessions.size).toBe(expected.sessions.length);
  for (const session of expected.sessions) {
    if (typeof session === 'string') expect(sessions.has(session)).toBe(true);
    else expect(sessions.get(session.id)).toBe(session.timeout);
  }
}

const servers = [
  'apache-3.8.0-standalone',
  'apache-3.8.0-gz',
  'apache-3.8.0-snappy',
  'apache-3.9.5-standalone',
  'apache-3.8.0-ensemble/sid1',
  'apache-3.8.0-ensemble/sid3',
];

describe('a data directory of a real server', () => {
  test.each(servers)('%s loads to the tree that server served', (folder) => {
    const expected = expectedOf(folder);
    const { target, lastZxid, notes } = load(folder);
    expectTree(target, expected);
    expect(target.digestMismatches).toEqual([]);
    if (expected.zxid !== undefined) expect(lastZxid).toBe(Number(expected.zxid));
    expect(notes.filter((note) => !note.includes('holds no transaction'))).toEqual([]);
  });

  test('the same tree comes from each of its snapshots, and every digest on the way is right', () => {
    const folder = 'apache-3.8.0-standalone';
    const names = snapshotsIn(new NodeFiles().list(path.join(golden, folder, 'version-2')));
    let checked = 0;
    for (const [index] of names.entries()) {
      const dir = mkdtempSync(path.join(scratch, 'from-'));
      cpSync(path.join(golden, folder, 'version-2'), dir, { recursive: true });
      for (const newer of names.slice(index + 1)) rmSync(path.join(dir, newer.name));
      const { target } = recover(new NodeFiles(), { snapDir: dir, logDir: dir }, () => new ReferenceTree());
      expectTree(target, expectedOf(folder));
      expect(target.digestMismatches).toEqual([]);
      checked += target.digestsChecked;
    }
    expect(checked).toBeGreaterThan(1500);
  });

  test('a member with an uncommitted tail loads it, and after being told to truncate it is gone', () => {
    expect(load('apache-3.8.0-trunc/before').lastZxid).toBe(0x100000003);
    expect(load('apache-3.8.0-trunc/after').lastZxid).toBe(0x100000002);
  });
});

describe('a damaged data directory', () => {
  test.each([
    ['torn-tail-eof', 0x2a],
    ['torn-tail-zeros', 0x2a],
    ['empty-last-log', 0x2b],
    ['snapshot-flipped-byte', 0x30],
    ['snapshot-truncated', 0x30],
  ])('%s loads, says so, and loads the same way again', (folder, lastZxid) => {
    const first = load(`damaged/${folder}`);
    expect(first.lastZxid).toBe(lastZxid);
    expect(first.notes.length).toBeGreaterThan(0);
    expect(first.target.digestMismatches).toEqual([]);
    if (existsSync(path.join(golden, 'damaged', folder, 'loaded.json'))) {
      expectTree(first.target, expectedOf(`damaged/${folder}`, 'loaded.json'));
    }
    const second = load(`damaged/${folder}`);
    expect(dump(second.target)).toEqual(dump(first.target));
  });

  test.each([
    'flipped-checksum-byte',
    'flipped-end-of-record-byte',
    'flipped-length-byte',
    'flipped-length-high-bit',
    'flipped-payload-byte',
  ])('%s is refused with the place and the transactions at stake, and nothing is changed', (folder) => {
    const file = path.join(scratch, 'damaged', folder, 'version-2', 'log.1');
    const before = readFileSync(file);
    const refusal = refused(() => load(`damaged/${folder}`));
    expect(refusal.facts).toMatchObject({ file, lostFrom: 0x15, lostBefore: 0x16 });
    expect(refusal.facts.offset).toBeGreaterThan(0);
    expect(refusal.message).toContain('What to do');
    expect(readFileSync(file).equals(before)).toBe(true);
  });
});

function refused(run: () => unknown): RecoveryRefused {
  try {
    run();
  } catch (error) {
    if (error instanceof RecoveryRefused) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

test('compressed snapshots that are damaged fail to read instead of reading wrong', () => {
  for (const [folder, name] of [
    ['apache-3.8.0-gz', 'snapshot.461.gz'],
    ['apache-3.8.0-snappy', 'snapshot.461.snappy'],
  ] as const) {
    const intact = readFileSync(path.join(golden, folder, 'version-2', name));
    for (let at = 0; at < intact.length; at += 997) {
      const file = path.join(scratch, name);
      const damaged = Uint8Array.from(intact);
      damaged[at] ^= 0x10;
      new NodeFiles().writeDurably(file, damaged);
      const nodes = (): number => {
        const reader = new SnapshotReader({ session: () => undefined, acl: () => undefined, node: () => undefined });
        for (const chunk of new NodeFiles().readSnapshot(file)) reader.push(chunk);
        return reader.finish().nodes;
      };
      // A flipped bit of the gzip header (a time, a flag) may be harmless.
      if (at < 16) continue;
      expect(nodes, `${name} at ${at}`).toThrow();
    }
  }
});
