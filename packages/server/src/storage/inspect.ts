// What one file of a data directory holds, for people and tools. Reads only.

import { LogScanner, readSnapshotInto } from '@corral/core';
import type { Files, LogEnd, RecoveryTarget, SnapshotSummary } from '@corral/core';
import { ProtocolError, formatZxid } from '@corral/protocol';
import type { Zxid } from '@corral/protocol';

export interface LogFacts {
  readonly path: string;
  readonly size: number;
  readonly records: number;
  readonly first: Zxid | undefined;
  readonly last: Zxid | undefined;
  readonly end: LogEnd;
}

export const logScanner = (files: Files, path: string): LogScanner =>
  new LogScanner({ size: files.size(path), read: (offset, length) => files.read(path, offset, length) });

export function inspectLog(files: Files, path: string): LogFacts {
  const scanner = logScanner(files, path);
  let records = 0;
  let first: Zxid | undefined;
  let last: Zxid | undefined;
  for (let record = scanner.next(); record !== undefined; record = scanner.next()) {
    first ??= record.zxid;
    last = record.zxid;
    records += 1;
  }
  return { path, size: files.size(path), records, first, last, end: scanner.ending };
}

/** How a log ends, in words. */
export function describeLogEnd(end: LogEnd): string {
  switch (end.kind) {
    case 'empty':
      return 'the file is empty';
    case 'clean':
      return 'ends clean';
    case 'padding':
      return `ends clean at offset ${end.offset}, then reserved space`;
    case 'torn':
      return `ends in an unfinished write at offset ${end.offset} (${end.reason})`;
    case 'header':
      return end.reason;
    case 'damaged': {
      const next = end.next ? `; readable again from offset ${end.next.offset} (${formatZxid(end.next.zxid)})` : '';
      return `damaged at offset ${end.offset} (${end.reason})${next}`;
    }
  }
}

/** Endings that a crash or an ordinary stop explains. */
export const isSoundEnd = (end: LogEnd): boolean => end.kind !== 'damaged' && end.kind !== 'header';

export type SnapshotFacts = { readonly path: string } & (
  { readonly valid: true; readonly summary: SnapshotSummary } | { readonly valid: false; readonly problem: string }
);

const nowhere: Pick<RecoveryTarget, 'session' | 'acl' | 'node'> = {
  session: () => undefined,
  acl: () => undefined,
  node: () => undefined,
};

export function inspectSnapshot(
  files: Files,
  path: string,
  into: Pick<RecoveryTarget, 'session' | 'acl' | 'node'> = nowhere,
): SnapshotFacts {
  try {
    return { path, valid: true, summary: readSnapshotInto(files, path, into) };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { path, valid: false, problem: error.message };
  }
}
