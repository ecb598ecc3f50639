// What a replica has to know from its configuration, with ZooKeeper's defaults.

import type { Digester } from './acl/schemes.ts';

export interface ReplicaOptions {
  readonly serverId: number;
  readonly tickMs: number;
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  /** jute.maxbuffer: largest frame of a client, inclusive. */
  readonly frameBytesMax: number;
  /** Longest string or buffer in a request. */
  readonly fieldBytesMax: number;
  readonly extendedTypes: boolean;
  readonly emulate353: boolean;
  readonly enforceQuota: boolean;
  readonly skipAcl: boolean;
  readonly reconfigEnabled: boolean;
  readonly digestSchemeEnabled: boolean;
  /** Hash behind the digest scheme. */
  readonly digest: Digester;
  readonly superDigest: string | undefined;
  /** When not empty, a connection needs an identity of one of these schemes for every operation. */
  readonly requiredSchemes: readonly string[];
  /** Requests in flight, all clients together, before connections are no longer read. */
  readonly outstandingMax: number;
  /** Bytes of replies waiting for one client before its requests are no longer read. */
  readonly outputBytesMax: number;
  /** Requests that have not arrived completely and answers that are not read, all clients together; 0 is no limit. */
  readonly inputTotalBytesMax?: number;
  readonly outputTotalBytesMax?: number;
  /** Watches of one connection, and of all, as bytes of memory; 0 is no limit. */
  readonly watchBytesMax?: number;
  readonly watchTotalBytesMax?: number;
  readonly sessionlessTimeoutMs: number;
  /** New sessions are known to the server that made them, and to no other. */
  readonly localSessionsEnabled?: boolean;
  /** They become known everywhere with their first ephemeral, which is refused otherwise. */
  readonly localSessionsUpgradingEnabled?: boolean;
  readonly containerCheckMs: number;
  readonly containersPerMinuteMax: number;
  /** 0: containers that never had a child stay. */
  readonly containerNeverUsedMs: number;
  /** Transactions and log bytes between snapshots; 0 bytes switches the second off. */
  readonly snapCount: number;
  readonly snapBytes: number;
  /** Roll the log at this size; 0 is never. */
  readonly logBytesMax: number;
  /** Write the sections of 3.9 into snapshots. */
  readonly serializeLastZxid: boolean;
  readonly digestEnabled: boolean;
  readonly closeSessionPaths: boolean;
  /** Any integer; keeps outsiders from building colliding paths and desynchronises snapshots. */
  readonly seed: number;
  /** Wall clock at start, ms: session ids begin there. */
  readonly startedAt: number;
}
