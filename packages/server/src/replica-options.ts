// From configuration to what the core has to know.

import { createHash, randomBytes } from 'node:crypto';
import type { ReplicaOptions } from '@corral/core';
import type { Config } from './config/load.ts';

/** Apache gives a standalone server the number 1 in its session ids. */
const standaloneSessionServerId = 1;
const outputBytesMax = 1 << 20;

export function replicaOptions(config: Config, startedAt: number): ReplicaOptions {
  return {
    serverId: config.serverId === 0 ? standaloneSessionServerId : config.serverId,
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
    requiredSchemes: config.enforceAuthEnabled ? config.enforceAuthSchemes : [],
    outstandingMax: config.globalOutstandingLimit,
    outputBytesMax,
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
