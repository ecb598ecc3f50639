// What a running server says about itself: the host's side of ServerFacts.

import { readdirSync, statSync } from 'node:fs';
import * as path from 'node:path';
import type { Connection, RecoveryResult, RestoredState } from '@corral/core';
import { Replica } from '@corral/core';
import { digestVersion } from '@corral/protocol';
import { counterOf, epochOf, opName, ops, perms, zxidOf } from '@corral/protocol';
import { isLoopbackAddress } from './admin/four-letter.ts';
import type { Zxid } from '@corral/protocol';
import type {
  Authorization,
  ConnectionBucket,
  ConnectionFacts,
  Credential,
  DigestFact,
  EnsembleFacts,
  QuotaFact,
  ServerFacts,
  ServerMode,
  SessionBucket,
  TakenSnapshot,
  WatchCounts,
} from './admin/facts.ts';
import type { GaugeName, RoleGaugeName } from './admin/metrics-table.ts';
import { Metrics } from './admin/metrics.ts';
import type { Config, LoadedConfig } from './config/load.ts';
import type { ReplicaHost } from './host.ts';
import type { ClientListener } from './net/client-listener.ts';
import { copyMemberCounters, memberFacts, memberGauges, modeOf, observeMember } from './member-facts.ts';
import { MemberHost } from './member-host.ts';
import { copyRequestCounters, observeRequests } from './replica-metrics.ts';
import { processGauges } from './process-gauges.ts';
import { dataDirs } from './restore.ts';
import { takeSnapshotFile } from './snapshot-on-demand.ts';
import { compatibleVersion } from './version.ts';

/** How long a server that hands over keeps out of elections: time for the others to agree on one of them. */
const restMs = 1000;

export class HostFacts implements ServerFacts {
  readonly config: Config;
  readonly initialConfiguration: string;
  readonly version = compatibleVersion;
  readonly metrics = new Metrics();
  readonly #host: ReplicaHost;
  readonly #listener: ClientListener;
  #state: 'starting' | 'serving' | 'stopping' = 'starting';
  #servingSince = 0;
  #traceMask = 306n;
  #slowFsyncs = 0;
  #words = 0;
  /** The tree when a group of transactions was durable last. */
  #applied: Zxid;

  readonly #restore: (snapshot: AsyncIterable<Uint8Array>) => Promise<number>;

  /** `restore` replaces the tree by a snapshot and resolves to the zxid it then stands for. */
  constructor(
    loaded: LoadedConfig,
    host: ReplicaHost,
    listener: ClientListener,
    restore: (snapshot: AsyncIterable<Uint8Array>) => Promise<number>,
  ) {
    this.#restore = restore;
    this.config = loaded.config;
    this.initialConfiguration = loaded.initialText;
    this.#host = host;
    this.#listener = listener;
    this.#applied = this.#ctx.tree.lastZxid;
    this.observeReplica();
  }

  /** Takes in durations from the replica that serves now. */
  observeReplica(): void {
    observeRequests(this.#ctx.stats, this.metrics);
    const { replica } = this.#host;
    if (!(replica instanceof Replica)) observeMember(replica.peer, this.metrics);
  }

  get #ctx(): ReplicaHost['replica']['pipeline']['ctx'] {
    return this.#host.replica.pipeline.ctx;
  }

  startedServing(): void {
    this.#state = 'serving';
    this.#servingSince = performance.now();
  }

  stoppedServing(): void {
    this.#state = 'stopping';
  }

  wordAnswered(): void {
    this.#words++;
  }

  fsynced(ms: number): void {
    this.metrics.summary('fsynctime').record(Math.round(ms));
    if (ms > this.config.fsyncWarningThresholdMs) this.#slowFsyncs++;
  }

  /** So many transactions go to the log together. */
  appending(count: number): void {
    const { metrics } = this;
    metrics.counter('sync_processor_request_queued').add(count);
    metrics.summary('sync_processor_batch_size').record(count);
    metrics.summary('sync_processor_queue_size').record(count);
    metrics.summary('write_commit_proc_req_queued').record(this.#host.replica.pipeline.outstandingCount);
  }

  /** They are durable: whatever else is decided by now is applied. */
  appended(ms: number): void {
    const { metrics } = this;
    metrics.advanced('sync_processor_queue_flush_time_ms').record(Math.round(ms));
    metrics.summary('sync_process_time').record(Math.round(ms));
    const { lastZxid } = this.#ctx.tree;
    const applied = counterOf(lastZxid) - (epochOf(lastZxid) === epochOf(this.#applied) ? counterOf(this.#applied) : 0);
    this.#applied = lastZxid;
    if (applied <= 0) return;
    metrics.counter('request_commit_queued').add(applied);
    metrics.summary('write_commit_proc_issued').record(applied);
    metrics.summary('commit_commit_proc_req_queued').record(applied);
  }

  /** What was restored at start, and how long that took. */
  restored({ replayed, target }: RecoveryResult<RestoredState>, ms: number): void {
    const { metrics } = this;
    metrics.summary('dbinittime').record(Math.round(ms));
    metrics.summary('startup_txns_loaded').record(replayed);
    this.#ctx.stats.digestMismatches += target.digestMismatches;
  }

  /** The event loop was busy for so long when a tick was due. */
  tickLate(ms: number): void {
    this.metrics.advanced('jvm_pause_time_ms').record(Math.max(0, Math.round(ms)));
  }

  now(): number {
    return Date.now();
  }

  mode(): ServerMode {
    const { replica } = this.#host;
    return replica instanceof Replica ? 'standalone' : modeOf(replica.peer);
  }

  serving(): { readonly serving: boolean; readonly reason: string } {
    if (this.#host.replica.isHalted) return { serving: false, reason: 'the server has halted' };
    if (this.#state !== 'serving') return { serving: false, reason: `the server is ${this.#state}` };
    const { replica } = this.#host;
    const isServing = replica instanceof Replica || replica.peer.isServing || replica.peer.isReadOnly;
    return { serving: isServing, reason: isServing ? '' : 'the server looks for a leader' };
  }

  /** Of a member in step: at least where the epoch began, to which the history before it is complete. */
  lastZxid(): number {
    const { replica } = this.#host;
    const { lastZxid } = this.#ctx.tree;
    if (replica instanceof Replica || !replica.peer.isServing) return lastZxid;
    return Math.max(lastZxid, zxidOf(replica.peer.epochs.current, 0));
  }

  ensemble(): EnsembleFacts | undefined {
    const { replica } = this.#host;
    return replica instanceof Replica ? undefined : memberFacts(replica.peer);
  }

  async handOver(): Promise<void> {
    const host = this.#host;
    if (!(host instanceof MemberHost) || this.mode() !== 'leader') throw new Error('this server does not lead');
    host.handOver(restMs);
    while (host.member.isMakingWay) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  gauges(): Readonly<Record<GaugeName, number>> {
    const { tree, sessions, locals, stats, watches, memory } = this.#ctx;
    const { latency } = stats;
    this.#copyCounters();
    return {
      ...processGauges(),
      avg_latency: latency.count === 0 ? 0 : latency.sum / latency.count,
      max_latency: latency.max,
      min_latency: latency.count === 0 ? 0 : latency.min,
      packets_received: stats.packetsReceived + this.#words,
      packets_sent: stats.packetsSent + this.#words,
      num_alive_connections: this.#listener.connections.size,
      outstanding_requests: this.#host.replica.pipeline.outstandingCount,
      uptime: Math.round(performance.now() - this.#servingSince),
      znode_count: tree.nodes.count + 1, // the root counts twice, as in ZooKeeper
      watch_count: watches.count,
      watch_memory_bytes: watches.bytes,
      client_input_bytes: memory.inputBytes,
      client_output_bytes: memory.outputBytes,
      ephemerals_count: tree.ephemeralCount,
      approximate_data_size: tree.dataBytes,
      global_sessions: sessions.size,
      local_sessions: locals.size,
      connection_drop_probability: 0,
      last_client_response_size: stats.lastReplyBytes,
      max_client_response_size: stats.maxReplyBytes,
      min_client_response_size: stats.minReplyBytes,
      outstanding_tls_handshake: 0,
      auth_failed_count: stats.authFailures,
      txns_too_long_count: stats.txnsTooLong,
      ...this.#plainConnections(),
    };
  }

  /** Counters that the core keeps as fields appear under their names when somebody looks. */
  #copyCounters(): void {
    const { metrics } = this;
    copyRequestCounters(this.#ctx.stats, metrics);
    const refused = metrics.counterSet('quota_exceeded_error_per_namespace');
    for (const { path: limited, refusals } of this.#ctx.tree.quotas.all())
      if (refusals > 0) refused.of(limited.split('/')[1] ?? '').value = refusals;
    metrics.counter('connection_rejected').value = this.#listener.rejected;
    const { replica } = this.#host;
    if (!(replica instanceof Replica)) copyMemberCounters(replica.peer, metrics);
    if (this.#host instanceof MemberHost)
      metrics.counter('strangers_refused').value = this.#host.network.strangersRefused;
  }

  #plainConnections(): { non_mtls_remote_conn_count: number; non_mtls_local_conn_count: number } {
    let local = 0;
    for (const { address } of this.#listener.connections.values())
      if (address.startsWith('127.') || address === '::1') local++;
    return { non_mtls_remote_conn_count: this.#listener.connections.size - local, non_mtls_local_conn_count: local };
  }

  roleGauges(): Readonly<Partial<Record<RoleGaugeName, number>>> {
    const { replica } = this.#host;
    return replica instanceof Replica ? {} : memberGauges(replica.peer);
  }

  quotas(): readonly QuotaFact[] {
    const facts: QuotaFact[] = [];
    for (const quota of this.#ctx.tree.quotas.all()) {
      if (quota.limits === undefined || quota.limits === 'malformed') continue;
      const { count, bytes, countHard, bytesHard } = quota.limits;
      facts.push({
        namespace: quota.path.split('/')[1] ?? '',
        countLimit: countHard > -1 ? countHard : count,
        bytesLimit: bytesHard > -1 ? bytesHard : bytes,
        count: quota.count,
        bytes: quota.bytes,
      });
    }
    return facts;
  }

  *connections(): Iterable<ConnectionFacts> {
    const known = this.#ctx.connections;
    for (const { id, endpoint } of this.#listener.connections.values()) {
      const connection = known.get(id);
      if (connection !== undefined) yield connectionFacts(connection, endpoint);
    }
  }

  sessionBuckets(): readonly SessionBucket[] {
    const { sessions } = this.#ctx;
    const offset = Date.now() - sessions.clock;
    return sessions.buckets().map(({ at, sessions: ids }) => ({ expiresAt: Math.round(at + offset), sessions: ids }));
  }

  connectionBuckets(): readonly ConnectionBucket[] {
    const { sessions, connections, options } = this.#ctx;
    const offset = Date.now() - sessions.clock;
    const buckets = new Map<number, { address: string; sessionId: bigint }[]>();
    for (const { id, endpoint } of this.#listener.connections.values()) {
      const connection = connections.get(id);
      if (connection === undefined) continue;
      const { session } = connection;
      const at = session?.deadline ?? sessions.clock + options.sessionlessTimeoutMs;
      const expiresAt = Math.round((at + offset) / 1000) * 1000;
      const entry = { address: endpoint, sessionId: session?.id ?? 0n };
      const bucket = buckets.get(expiresAt);
      if (bucket === undefined) buckets.set(expiresAt, [entry]);
      else bucket.push(entry);
    }
    return [...buckets].sort((a, b) => a[0] - b[0]).map(([expiresAt, list]) => ({ expiresAt, connections: list }));
  }

  *ephemeralsBySession(): Iterable<readonly [bigint, Iterable<string>]> {
    const { tree } = this.#ctx;
    for (const [session, nodes] of tree.ephemeralOwners()) yield [session, this.#pathsOf(nodes)];
  }

  /** Walked while the tree goes on changing: a node that is deleted meanwhile has left the set. */
  *#pathsOf(nodes: Iterable<number>): Generator<string> {
    for (const node of nodes) yield this.#ctx.tree.path(node);
  }

  watchCounts(): WatchCounts {
    const { dataConnections: connections, dataPaths: paths, dataCount: watches } = this.#ctx.watches;
    return { connections, paths, watches };
  }

  *watchesByPath(): Iterable<readonly [string, Iterable<bigint>]> {
    for (const { path: watched, connections } of this.#ctx.watches.dataWatches())
      yield [watched, connections.map((id) => this.#sessionOf(id))];
  }

  *watchesBySession(): Iterable<readonly [bigint, Iterable<string>]> {
    for (const { connection, paths } of this.#ctx.watches.dataWatchesByConnection())
      yield [this.#sessionOf(connection), paths];
  }

  #sessionOf(connection: number): bigint {
    return this.#ctx.connections.get(connection)?.session?.id ?? 0n;
  }

  digests(): readonly DigestFact[] {
    return this.#host.digests.map(({ zxid, digest }) => ({ zxid, digest, version: digestVersion }));
  }

  directoryBytes(): { readonly dataDir: number; readonly dataLogDir: number } {
    const { snapDir, logDir } = dataDirs(this.config);
    const dataDir = bytesIn(snapDir);
    return { dataDir, dataLogDir: logDir === snapDir ? dataDir : bytesIn(logDir) };
  }

  slowFsyncs(): number {
    return this.#slowFsyncs;
  }

  lastSnapshot(): { readonly zxid: number; readonly takenAt: number } | undefined {
    const { zxid, wall } = this.#host.replica.lastSnapshot;
    return wall === 0 ? undefined : { zxid, takenAt: wall };
  }

  traceMask(): bigint {
    return this.#traceMask;
  }

  setTraceMask(mask: bigint): void {
    this.#traceMask = mask;
  }

  resetConnectionStats(): void {
    for (const connection of this.#ctx.connections.values()) connection.resetStats();
  }

  resetServerStats(): void {
    this.#ctx.stats.reset();
    const { replica } = this.#host;
    if (!(replica instanceof Replica)) replica.peer.stats.reset();
    this.#words = 0;
  }

  authorize({ scheme, credential, address }: Credential): Promise<Authorization> {
    const { schemes, permissions, tree } = this.#ctx;
    const bytes = new TextEncoder().encode(credential);
    const proven = scheme === 'ip' ? [] : schemes.get(scheme)?.authenticate(bytes, { address });
    if (proven === undefined) return Promise.resolve('unknown');
    const acl = tree.acl(0);
    const own = scheme === 'ip' ? [{ scheme: 'ip', id: address }] : proven;
    // Anybody can invent a user of the digest scheme: what the list gives to everyone is for callers on this machine alone.
    const isHere = scheme === 'ip' && isLoopbackAddress(address);
    const mayAll = Object.values(perms).every(
      (perm) => permissions.names(acl, perm, own) || (isHere && permissions.allows(acl, perm, own)),
    );
    return Promise.resolve(mayAll ? 'granted' : 'denied');
  }

  takeSnapshot(): Promise<TakenSnapshot> {
    return takeSnapshotFile(this.#host.replica, dataDirs(this.config).snapDir);
  }

  async restore(snapshot: AsyncIterable<Uint8Array>): Promise<{ readonly lastZxid: number }> {
    return { lastZxid: await this.#restore(snapshot) };
  }
}

function connectionFacts(connection: Connection, address: string): ConnectionFacts {
  const { session } = connection;
  const name = opName(connection.lastOpcode);
  const sent = Math.max(1, connection.packetsSent);
  return {
    address,
    secure: false,
    interestOps: connection.stalled === 'no' ? 1 : 0,
    outstanding: connection.waiting.length,
    received: connection.packetsReceived,
    sent: connection.packetsSent,
    sessionId: session?.id ?? 0n,
    lastOperation: name === undefined ? (session === undefined ? 'NA' : 'SESS') : ops[name].short,
    establishedAt: connection.openedWall,
    sessionTimeoutMs: session?.timeoutMs ?? 0,
    lastCxid: connection.lastXid,
    lastZxid: connection.lastZxid,
    lastResponseAt: Math.round(connection.lastReplyAt),
    lastLatency: connection.lastLatency,
    minLatency: connection.minLatency === Infinity ? 0 : connection.minLatency,
    avgLatency: Math.round(connection.totalLatency / sent),
    maxLatency: connection.maxLatency,
  };
}

function bytesIn(dir: string): number {
  let bytes = 0;
  for (const name of readdirSync(dir)) bytes += statSync(path.join(dir, name), { throwIfNoEntry: false })?.size ?? 0;
  return bytes;
}
