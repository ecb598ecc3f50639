import fc from 'fast-check';
import { ProtocolError, decodeText } from '@corral/protocol';
import type { Acl, SessionId, Zxid } from '@corral/protocol';
import { expect, test } from 'vitest';
import { SnapshotNode } from './snapshot-node.ts';
import { SnapshotReader } from './snapshot-reader.ts';
import type { SnapshotSummary } from './snapshot-reader.ts';
import { SnapshotWriter } from './snapshot-writer.ts';
import type { SnapshotForm } from './snapshot-writer.ts';
import { anyAcl } from './testing/arbitrary.ts';
import { anyone, drain, nodeAt, session, snapshotOf } from './testing/sample.ts';

interface Content {
  readonly sessions: [SessionId, number][];
  readonly acls: [number, readonly Acl[]][];
  readonly nodes: object[];
  summary?: SnapshotSummary;
}

/** Everything a node holds, copied out of the reused object. */
function copyOf(node: SnapshotNode): object {
  const { aclId, czxid, mzxid, ctime, mtime, version, cversion, aversion, ownerHigh, ownerLow, pzxid } = node;
  return {
    path: decodeText(node.bytes, node.pathStart, node.pathEnd),
    data: node.dataLength < 0 ? null : [...node.dataBytes.subarray(node.dataStart, node.dataStart + node.dataLength)],
    ...{ aclId, czxid, mzxid, ctime, mtime, version, cversion, aversion, ownerHigh, ownerLow, pzxid },
  };
}

function readerInto(content: Content, form: SnapshotForm = 'file'): SnapshotReader {
  return new SnapshotReader(
    {
      session: (id, timeoutMs) => content.sessions.push([id, timeoutMs]),
      acl: (id, acl) => content.acls.push([id, acl]),
      node: (node) => content.nodes.push(copyOf(node)),
    },
    form,
  );
}

function read(bytes: Uint8Array, chunkBytes = 1000): Content {
  const content: Content = { sessions: [], acls: [], nodes: [] };
  const reader = readerInto(content);
  for (let at = 0; at < bytes.length; at += chunkBytes) reader.push(bytes.subarray(at, at + chunkBytes));
  content.summary = reader.finish();
  return content;
}

const int32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const safe = fc.integer({ min: -(2 ** 52), max: 2 ** 52 });
const anyNode = fc
  .record({
    path: fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => text !== '/'),
    data: fc.option(fc.uint8Array({ maxLength: 300 }), { nil: null }),
    zxids: fc.tuple(safe, safe, safe),
    times: fc.tuple(safe, safe),
    ints: fc.tuple(int32, int32, int32, int32, int32),
    aclId: fc.integer({ min: -1, max: 1000 }),
  })
  .map(({ path, data, zxids, times, ints, aclId }) => {
    const node = new SnapshotNode();
    node.bytes = new TextEncoder().encode(path);
    node.pathEnd = node.bytes.length;
    node.dataBytes = data ?? new Uint8Array(0);
    node.dataLength = data?.length ?? -1;
    const [czxid, mzxid, pzxid] = zxids;
    const [ctime, mtime] = times;
    const [version, cversion, aversion, ownerHigh, ownerLow] = ints;
    const stat = { czxid, mzxid, pzxid, ctime, mtime, version, cversion, aversion, ownerHigh, ownerLow };
    return Object.assign(node, { aclId, ...stat });
  });

test('any tree survives writing and reading, whatever the size of the chunks', () => {
  const acls = fc.array(fc.tuple(fc.integer({ min: 1, max: 2 ** 40 }), anyAcl), { maxLength: 3 });
  fc.assert(
    fc.property(fc.array(anyNode, { maxLength: 8 }), acls, fc.integer({ min: 1, max: 400 }), (nodes, table, chunk) => {
      const writer = new SnapshotWriter('file', 128);
      writer.begin([[session, 5]], table);
      for (const node of nodes) writer.node(node);
      writer.finish({ zxid: 7 as Zxid, digest: 9n, lastZxid: 8 as Zxid });
      const content = read(drain(writer), chunk);
      expect(content.sessions).toEqual([[session, 5]]);
      expect(content.acls).toEqual(table);
      expect(content.nodes).toEqual(nodes.map(copyOf));
      expect(content.summary).toMatchObject({ digest: { zxid: 7, version: 2, value: 9n }, lastZxid: 8 });
    }),
    { numRuns: 60 },
  );
});

test('the optional sections are found by their place, as different servers leave them out', () => {
  expect(read(snapshotOf(5, [], 0)).summary).toEqual({ sessions: 1, nodes: 1, bytes: expect.any(Number) });
  expect(read(snapshotOf(5, [], 1)).summary?.digest?.zxid).toBe(5);
  expect(read(snapshotOf(5, [], 1)).summary).not.toHaveProperty('lastZxid');
  expect(read(snapshotOf(5, [], 2)).summary).toMatchObject({ lastZxid: 5 });
  expect(read(snapshotOf(5, [], 2)).summary).not.toHaveProperty('digest');
  expect(read(snapshotOf(5, [], 3)).summary).toMatchObject({ digest: { zxid: 5 }, lastZxid: 5 });
});

test('the stream between servers ends with its signature and gives back what follows', () => {
  const writer = new SnapshotWriter('stream', 64);
  writer.begin([], [[1, anyone]]);
  writer.node(nodeAt('', 1));
  writer.finish({ zxid: 1 as Zxid });
  const bytes = Uint8Array.of(...drain(writer), 1, 2, 3);
  for (const chunk of [1, 7, 1000]) {
    const content: Content = { sessions: [], acls: [], nodes: [] };
    const reader = readerInto(content, 'stream');
    let at = 0;
    for (; at < bytes.length && !reader.done; at += chunk) reader.push(bytes.subarray(at, at + chunk));
    expect(reader.done).toBe(true);
    expect([...reader.leftover(), ...bytes.subarray(at)]).toEqual([1, 2, 3]);
    expect(content.nodes.length).toBe(1);
  }
});

/** Seals are optional behind the first; a file cut exactly there is complete by the format itself. */
const cutsThatRead = (bytes: Uint8Array): number[] => {
  const cuts: number[] = [];
  for (let size = 0; size < bytes.length; size++) if (reads(bytes.subarray(0, size))) cuts.push(size);
  return cuts;
};
function reads(bytes: Uint8Array): boolean {
  try {
    read(bytes);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return false;
  }
}

test('a snapshot cut anywhere is refused, or holds the same tree because only optional sections are gone', () => {
  const bytes = snapshotOf(5, ['a', 'b']);
  const whole = read(bytes);
  for (const size of cutsThatRead(bytes)) expect(read(bytes.subarray(0, size)).nodes).toEqual(whole.nodes);
  expect(cutsThatRead(bytes).length).toBe(2);
});

test('a snapshot with any single bit or byte wrong is refused', () => {
  const bytes = snapshotOf(5, ['a', 'b']);
  for (let at = 0; at < bytes.length; at++) {
    for (const mask of [0x01, 0x80, 0xff]) {
      const damaged = Uint8Array.from(bytes);
      damaged[at] ^= mask;
      expect(reads(damaged), `byte ${at}`).toBe(false);
    }
  }
});

test('bytes behind the end are refused', () => {
  const bytes = snapshotOf(5, ['a']);
  for (const extra of [1, 21, 54, 200]) expect(reads(Uint8Array.of(...bytes, ...new Uint8Array(extra)))).toBe(false);
});
