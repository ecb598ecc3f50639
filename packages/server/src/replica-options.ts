// From configuration to what the core has to know.

import { createHash, randomBytes } from 'node:crypto';
import type { EnsembleOptions, ReplicaOptions } from '@corral/core';
import type { Config } from './config/load.ts';
import type { EnsemblePlace } from './config/members.ts';

/** Apache gives a standalone server the number 1 in its session ids. */
const standaloneSessionServerId = 1;
const outputBytesMax = 1 << 20;
/** How long a server that has a quorum for its vote waits for a better one. */
const finalizeMs = 200;
/** Memory for transactions that learners may still need. */
const commitLogBytes = 32 << 20;

/** What a member of an ensemble has to know besides. */
export function ensembleOptions(config: Config, { sid, config: members, nextConfig }: EnsemblePlace): EnsembleOptions {
  return {
    sid,
    config: members,
    ...(nextConfig === undefined ? {} : { nextConfig }),
    peerType: config.peerType === 'observer' ? 'observer' : 'participant',
    tickMs: config.tickTimeMs,
    initLimitMs: config.initLimitTicks * config.tickTimeMs,
    syncLimitMs: config.syncLimitTicks * config.tickTimeMs,
    electionMinMs: config.notificationIntervalMinMs,
    electionMaxMs: config.notificationIntervalMaxMs,
    electionFinalizeMs: finalizeMs,
    commitLogCount: config.commitLogCount,
    commitLogBytes,
    forceSnapshotSync: false,
    counterMax: config.epochTxnsMax,
    leaderServes: config.leaderServes,
    readOnlyEnabled: config.readOnlyModeEnabled,
    reconfigEnabled: config.reconfigEnabled,
    standaloneEnabled: config.standaloneEnabled,
  };
}

/** A server on its own knows every session there is: none of them is local. */
export function replicaOptions(config: Config, startedAt: number, isMember: boolean): ReplicaOptions {
  return {
    serverId: isMember ? config.serverId : standaloneSessionServerId,
    tickMs: config.tickTimeMs,
    minSessionTimeoutMs: config.minSessionTimeoutMs,
    maxSessionTimeoutMs: config.maxSessionTimeoutMs,
    frameBytesMax: config.juteMaxBuffer,
    fieldBytesMax: config.juteMaxBuffer + config.juteMaxBufferExtra,
    extendedTypes: config.extendedTypesEnabled,
    emulate353: config.emulate353TtlNodes,
    enforceQuota: config.enforceQuota,
    skipAcl: config.skipAcl,
    reconfigEnabled: config.reconfigEnabled,
    digestSchemeEnabled: config.digestAuthEnabled,
    digest: (bytes) => createHash(config.digestAlgorithm).update(bytes).digest(),
    superDigest: config.superDigest?.reveal(),
    localSessionsEnabled: isMember && config.localSessionsEnabled,
    localSessionsUpgradingEnabled: config.localSessionsUpgradingEnabled,
    requiredSchemes: config.enforceAuthEnabled ? config.enforceAuthSchemes : [],
    outstandingMax: config.globalOutstandingLimit,
    outputBytesMax,
    inputTotalBytesMax: config.clientInputBytesMax,
    outputTotalBytesMax: config.clientOutputBytesMax,
    watchBytesMax: config.watchBytesMax,
    watchTotalBytesMax: config.watchTotalBytesMax,
    sessionlessTimeoutMs: config.sessionlessCnxnTimeoutMs,
    containerCheckMs: config.containerCheckIntervalMs,
    containersPerMinuteMax: config.containerMaxPerMinute,
    containerNeverUsedMs: config.containerMaxNeverUsedMs,
    snapCount: config.snapCount,
    snapBytes: Math.max(0, config.snapSizeLimitKb) * 1024,
    logBytesMax: Math.max(0, config.txnLogSizeLimitKb) * 1024,
    serializeLastZxid: config.serializeLastProcessedZxid,
    digestEnabled: config.digestEnabled,
    closeSessionPaths: config.closeSessionTxnEnabled,
    seed: randomBytes(4).readInt32BE(),
    startedAt,
  };
}
