// A small history, as records and as files, for tests that damage it in every possible way.

import { JuteWriter } from '@corral/protocol';
import type { Acl, SessionId, Zxid } from '@corral/protocol';
import { appendRecord, logFileHeader } from '../log-codec.ts';
import { SnapshotNode } from '../snapshot-node.ts';
import { SnapshotWriter } from '../snapshot-writer.ts';
import type { Txn, TxnHeader } from '../txn.ts';

export const session = 0x0100000000000001n as SessionId;
export const anyone: readonly Acl[] = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];

const encoder = new TextEncoder();

/** Transactions 1, 2, ...: a session, a parent and children, changes, and the end of the session. */
export function history(count: number, epoch = 0): { header: TxnHeader; txn: Txn }[] {
  return Array.from({ length: count }, (_, index) => {
    const header = { clientId: session, cxid: index, zxid: (epoch * 2 ** 32 + index + 1) as Zxid, time: 1000 + index };
    return { header, txn: nth(index) };
  });
}

function nth(index: number): Txn {
  if (index === 0) return { kind: 'createSession', timeoutMs: 30_000 };
  const node = { acl: anyone, ephemeral: false, ttlMs: 0 } as const;
  if (index % 4 === 3)
    return { kind: 'setData', code: 5, path: '/p1', data: encoder.encode(`v${index}`), version: index };
  if (index % 7 === 6) return { kind: 'error', code: -101 };
  return { kind: 'create', code: 1, path: `/p${index}`, data: new Uint8Array(5), ...node, parentCversion: index };
}

/** A log file of these records; `padding` zero bytes follow. */
export function logOf(records: readonly { header: TxnHeader; txn: Txn }[], padding = 0): Uint8Array {
  const w = new JuteWriter();
  w.raw(logFileHeader());
  for (const { header, txn } of records) appendRecord(w, header, txn);
  const bytes = new Uint8Array(w.length + padding);
  bytes.set(w.view());
  return bytes;
}

/** A snapshot of a root with some children. */
export function snapshotOf(zxid: number, children: readonly string[], sections: 0 | 1 | 2 | 3 = 3): Uint8Array {
  const writer = new SnapshotWriter('file', 64);
  writer.begin([[session, 30_000]], [[1, anyone]]);
  for (const path of ['', ...children.map((name) => `/${name}`)]) writer.node(nodeAt(path, zxid));
  writer.finish({
    zxid: zxid as Zxid,
    ...((sections & 1) !== 0 && { digest: 0x1122334455667788n }),
    ...((sections & 2) !== 0 && { lastZxid: zxid as Zxid }),
  });
  return drain(writer);
}

export function nodeAt(path: string, zxid: number): SnapshotNode {
  const node = new SnapshotNode();
  node.bytes = encoder.encode(path);
  node.pathEnd = node.bytes.length;
  node.dataBytes = encoder.encode(`data of ${path}`);
  node.dataLength = path === '' ? -1 : node.dataBytes.length;
  node.aclId = 1;
  Object.assign(node, { czxid: zxid, mzxid: zxid, pzxid: zxid, ctime: 1000, mtime: 2000, version: 3, cversion: 1 });
  return node;
}

export function drain(writer: SnapshotWriter): Uint8Array {
  const w = new JuteWriter();
  for (let chunk = writer.drain(); chunk !== undefined; chunk = writer.drain()) w.raw(chunk);
  return w.toBytes();
}
