// Which files of a data directory are no longer needed. Pure: the server lists, verifies and deletes.

import { logsAfter } from './file-names.ts';
import type { NamedFile } from './file-names.ts';

export interface PurgeInput {
  /** Every snapshot, oldest first, with whether it was read back and its checksums fit. */
  readonly snapshots: readonly (NamedFile & { readonly valid: boolean })[];
  /** Every log, oldest first. */
  readonly logs: readonly NamedFile[];
  /** Number of valid snapshots to keep. */
  readonly keep: number;
}

export interface PurgeDecision {
  readonly snapshots: readonly string[];
  readonly logs: readonly string[];
}

/**
 * Keeps the newest `keep` valid snapshots and every log that leads from the oldest of them to the present. A snapshot that
 * does not verify never counts, and with too few that do, nothing is deleted.
 */
export function decidePurge({ snapshots, logs, keep }: PurgeInput): PurgeDecision {
  const valid = snapshots.filter((snapshot) => snapshot.valid);
  const oldestKept = valid.at(-Math.max(1, keep));
  if (oldestKept === undefined) return { snapshots: [], logs: [] };
  const needed = new Set(logsAfter(logs, oldestKept.zxid).map((log) => log.name));
  return {
    snapshots: snapshots.filter((snapshot) => snapshot.zxid < oldestKept.zxid).map((snapshot) => snapshot.name),
    logs: logs.filter((log) => !needed.has(log.name)).map((log) => log.name),
  };
}
