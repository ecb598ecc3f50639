// Data directories of real standalone servers, recovered into the tree that Corral serves from, looked at the way clients
// see it.

import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { JuteReader, JuteWriter, formatSessionId, records } from '@corral/protocol';
import { RestoredState, recover, snapshotsIn } from '@corral/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NodeFiles } from './storage/node-files.ts';

const golden = fileURLToPath(new URL('../test-data/golden', import.meta.url));
const folders = readdirSync(golden).filter((name) => /^apache-.*(standalone|gz|snappy)$/.test(name));
let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'corral-golden-tree-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Expected {
  readonly zxid: string;
  readonly nodes: readonly {
    readonly path: string;
    readonly data: string | null;
    readonly acl: readonly { perms: number; scheme: string; id: string }[];
    readonly stat: Readonly<Record<string, number>>;
  }[];
  readonly sessions: readonly { id: string; timeout: number }[];
}

const expectedOf = (folder: string): Expected =>
  JSON.parse(readFileSync(path.join(golden, folder, 'expected.json'), 'utf8')) as Expected;

/** Recovers a copy of a folder, without the snapshots that `without` names. */
function load(folder: string, without: readonly string[] = []): RestoredState {
  const dir = mkdtempSync(path.join(scratch, 'data-'));
  cpSync(path.join(golden, folder, 'version-2'), dir, { recursive: true });
  for (const name of without) rmSync(path.join(dir, name));
  const options = { tickMs: 1000, extendedTypes: true, emulate353: false, seed: 42 };
  const { target } = recover(new NodeFiles(), { snapDir: dir, logDir: dir }, () => new RestoredState(options));
  target.finish();
  return target;
}

/** Every node as a client would be shown it. */
function shown({ tree }: RestoredState): Expected['nodes'] {
  const nodes: Expected['nodes'][number][] = [];
  for (let node = 0; node < tree.nodes.used; node++) {
    if (!tree.nodes.isLive(node) || tree.path(node) === '/zookeeper/config') continue;
    const w = new JuteWriter();
    tree.writeStat(node, w);
    const stat = records.statRecord.read(new JuteReader(w.toBytes()));
    const data = tree.data(node);
    nodes.push({
      path: tree.path(node),
      data: data === null ? null : Buffer.from(data).toString('base64'),
      acl: tree.acl(node).map(({ perms, id }) => ({ perms, scheme: id.scheme ?? '', id: id.id ?? '' })),
      stat: Object.fromEntries(Object.entries(stat).map(([name, value]) => [name, Number(value)])),
    });
  }
  return nodes.sort(byPath);
}

const byPath = (a: { path: string }, b: { path: string }): number => (a.path < b.path ? -1 : 1);

function expectSame(state: RestoredState, expected: Expected): void {
  const wanted = expected.nodes.filter((node) => node.path !== '/zookeeper/config').sort(byPath);
  expect(shown(state)).toEqual(wanted);
  const sessions = [...state.sessions.values()].map(({ id, timeoutMs }) => ({
    id: formatSessionId(id),
    timeout: timeoutMs,
  }));
  const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);
  expect(sessions.sort(byId)).toEqual([...expected.sessions].sort(byId));
  expect(state.digestMismatches).toBe(0);
}

describe('the data of a real server', () => {
  test('is there', () => expect(folders).toHaveLength(4));

  test.each(folders)(
    '%s becomes the tree that it served, to the last field, and every recorded digest matches',
    (folder) => {
      expectSame(load(folder), expectedOf(folder));
    },
  );

  test('becomes the same tree from each of its snapshots', () => {
    const folder = 'apache-3.8.0-standalone';
    const names = snapshotsIn(new NodeFiles().list(path.join(golden, folder, 'version-2'))).map(({ name }) => name);
    expect(names).toHaveLength(4);
    for (const [i] of names.entries()) expectSame(load(folder, names.slice(i + 1)), expectedOf(folder));
  });
});
