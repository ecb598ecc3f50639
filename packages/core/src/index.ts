export type * from './log/txn.ts';
export type { Files } from './log/files.ts';
export { SnapshotNode } from './log/snapshot-node.ts';
// log
export { peekZxid, readTxnPayload, txnType, writeTxnPayload } from './log/txn-codec.ts';
export type { TxnRecord } from './log/txn-codec.ts';
export { appendRawRecord, appendRecord, logFileHeader, logHeaderBytes } from './log/log-codec.ts';
export { durableMark, markBytes } from './log/durable-mark.ts';
export { LogScanner } from './log/log-scanner.ts';
export type { LogEnd, LogRecord, LogSource } from './log/log-scanner.ts';
export { logFileName, logFilesIn, logsAfter, snapshotFileName, snapshotsIn } from './log/file-names.ts';
export type { NamedFile } from './log/file-names.ts';
export { SnapshotWriter, treeDigestVersion } from './log/snapshot-writer.ts';
export type { SnapshotEnding, SnapshotForm } from './log/snapshot-writer.ts';
export { SnapshotReader } from './log/snapshot-reader.ts';
export type { SnapshotSink, SnapshotSummary } from './log/snapshot-reader.ts';
export { readSnapshotInto, recover } from './log/recovery.ts';
export type { RecoveryOptions, RecoveryResult, RecoveryTarget } from './log/recovery.ts';
export { RecoveryRefused } from './log/recovery-refused.ts';
export type { RefusalFacts } from './log/recovery-refused.ts';
export { truncateHistory } from './log/truncate.ts';
export { retireHistory } from './log/retire-history.ts';
export { readHistoryIdFile, writeEpochFile } from './log/epoch-files.ts';
export type { EpochNumbers } from './log/epoch-files.ts';
export { restoreMember } from './log/restore-member.ts';
export type { RestoredMember } from './log/restore-member.ts';
export { isSetAside } from './log/set-aside.ts';
export type { HistoryDirs } from './log/truncate.ts';
export { decidePurge } from './log/purge.ts';
export type { PurgeDecision, PurgeInput } from './log/purge.ts';
// replica
export { Replica } from './replica.ts';
export { Member } from './member.ts';
export type { Recovered } from './member.ts';
export type { EnsembleOptions, Epochs } from './zab/zab.ts';
export type { Peer } from './zab/peer.ts';
export type { Decision } from './zab/decision-trace.ts';
export { knownDefects } from './zab/defects.ts';
export type { Defect } from './zab/defects.ts';
export { QuorumVerifier } from './zab/quorum.ts';
export { nextConfig, votersOf } from './zab/reconfiguration.ts';
export { RestoredState } from './restored-state.ts';
export type {
  DiskOp,
  EnsembleHost,
  EnsembleInput,
  EnsembleNote,
  EpochFile,
  Host,
  Input,
  Link,
  Moment,
  Note,
  PeerAddress,
  PeerLink,
  PeerPort,
  SnapshotSource,
} from './effects.ts';
export type { ReplicaOptions } from './options.ts';
export type { ReplicaStats, Spread } from './stats.ts';
export type { Connection } from './pipeline/connection.ts';
