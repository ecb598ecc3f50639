export type * from './log/txn.ts';
export type { Files } from './log/files.ts';
export { SnapshotNode } from './log/snapshot-node.ts';
