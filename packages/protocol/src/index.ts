// The protocol package: everything a ZooKeeper client and server must agree on, and nothing that runs.

export { JuteReader } from './jute/reader.ts';
export { copyBytes } from './jute/bytes.ts';
export { JuteWriter } from './jute/writer.ts';
export { decodeText, encodeText, isAscii } from './jute/text.ts';
export { bool, bytes, empty, int, long, longNumber, record, text, vector } from './jute/record.ts';
export type { Codec, Infer } from './jute/record.ts';
export * as records from './records.ts';
export type { Acl, Stat } from './records.ts';
export {
  addWatchModes,
  createModes,
  errorTxnType,
  eventTypes,
  opName,
  opNames,
  opcodes,
  ops,
  perms,
  syncConnected,
  watcherTypes,
  xids,
} from './ops.ts';
export type { Access, CreateMode, EventType, OpName, OpRequest, OpResponse, OpRow } from './ops.ts';
export { ProtocolError, errorCodes, errorName, errorTable } from './errors.ts';
export type { ErrorCode, ErrorName } from './errors.ts';
export { digestVersion } from './digest.ts';
export type { DigestHalves } from './digest.ts';
export { limits } from './limits.ts';
export {
  baseName,
  isValidPath,
  parentPath,
  pathProblem,
  quotaLimitsName,
  quotaStatsName,
  sequenceSuffix,
  systemPaths,
} from './paths.ts';
export { PathLengths } from './path-lengths.ts';
export {
  counterOf,
  epochMax,
  epochOf,
  formatSessionId,
  formatZxid,
  isSafeZxid,
  nextZxid,
  zxidHex,
  zxidNone,
  zxidOf,
  zxidZero,
} from './zxid.ts';
export type { Brand, Epoch, SessionId, Zxid } from './zxid.ts';
export { adler32 } from './checksums/adler32.ts';
export { crc32 } from './checksums/crc32.ts';
export { isOpenAcl, openAcl } from './acl.ts';
// The protocols between servers.
export { PacketReader, beginPacket, endPacket, packetNames, packetTypes, writePacket } from './quorum/packet.ts';
export type { Id, PacketName, QuorumPacket } from './quorum/packet.ts';
export {
  learnerProtocolVersion,
  readAckEpoch,
  readHistoryId,
  readCommitAndActivate,
  readHandOver,
  readInformAndActivate,
  readLeaderInfo,
  readLearnerInfo,
  readNewLeader,
  readRequest,
  readRevalidateReply,
  readRevalidateRequest,
  readTouches,
  writeAckEpoch,
  writeHistoryId,
  writeCommitAndActivate,
  writeHandOver,
  writeInformAndActivate,
  writeLeaderInfo,
  writeLearnerInfo,
  writeNewLeader,
  writeRequest,
  writeRevalidateReply,
  writeRevalidateRequest,
  writeTouches,
} from './quorum/bodies.ts';
export type {
  ForwardedRequest,
  HandOver,
  InformAndActivate,
  LearnerInfo,
  RevalidateReply,
  RevalidateRequest,
  Touch,
} from './quorum/bodies.ts';
export {
  ballotNone,
  electionLimits,
  notificationEnd,
  parseInitialMessage,
  readNotification,
  writeInitialMessage,
  writeNotification,
} from './quorum/notification.ts';
export type { Ballot, ElectionState, InitialMessage, Notification } from './quorum/notification.ts';
export type { HostPort } from './quorum/host-port.ts';
export { EnsembleConfigError, formatMember, parseMember } from './quorum/member.ts';
export type { Member, MemberAddress, MemberRole } from './quorum/member.ts';
export { formatEnsembleConfig, parseEnsembleConfig, sameMembers } from './quorum/ensemble-config.ts';
export type { EnsembleConfig } from './quorum/ensemble-config.ts';
