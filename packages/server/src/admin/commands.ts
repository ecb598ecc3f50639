// The commands of the AdminServer: name, aliases and what each answers. One row per command; http.ts serves them.
// Rows that only look are plain functions of the facts; snapshot and restore are in snapshot-commands.ts.

import { zxidHex } from '@corral/protocol';

import * as ensemble from './ensemble-commands.ts';
import { environment, systemProperties } from './environment.ts';
import type { ConnectionFacts, ServerFacts } from './facts.ts';
import { versionDirectory } from './four-letter-text.ts';
import { LongMap } from './json.ts';
import type { Fields, Json } from './json.ts';
import { monitorEntries } from './metrics-text.ts';

export interface Command {
  readonly name: string;
  readonly aliases: readonly string[];
  /** Whether it works while the server does not serve. */
  readonly always?: boolean;
  /** `changes`: something of the server, so it needs POST. Both need an identity, except that this machine may look. */
  readonly guard?: 'changes' | 'showsClients';
  /** Fields before `command` and `error`; a field `error` takes the place of the latter and comes first. */
  readonly run: (facts: ServerFacts, query: Readonly<Record<string, string>>) => Fields;
}

const nothing = (): Fields => ({});

export const commands: readonly Command[] = [
  { name: 'configuration', aliases: ['conf', 'config'], run: configuration },
  { name: 'connection_stat_reset', aliases: ['crst'], guard: 'changes', run: resetConnections },
  {
    name: 'connections',
    aliases: ['cons'],
    guard: 'showsClients',
    run: (facts) => connectionLists(facts, connectionFields),
  },
  { name: 'decision', aliases: [], always: true, run: ensemble.decision },
  { name: 'dirs', aliases: [], run: directories },
  { name: 'dump', aliases: [], guard: 'showsClients', run: dump },
  {
    name: 'environment',
    aliases: ['env', 'envi'],
    always: true,
    run: (facts) => Object.fromEntries(environment(facts)),
  },
  { name: 'get_trace_mask', aliases: ['gtmk'], always: true, run: (facts) => ({ tracemask: facts.traceMask() }) },
  { name: 'hash', aliases: [], run: hash },
  {
    name: 'initial_configuration',
    aliases: ['icfg'],
    run: (facts) => ({ initial_configuration: facts.initialConfiguration }),
  },
  { name: 'is_read_only', aliases: ['isro'], run: (facts) => ({ read_only: facts.mode() === 'read-only' }) },
  { name: 'last_snapshot', aliases: ['lsnp'], run: lastSnapshot },
  { name: 'leader', aliases: ['lead'], run: ensemble.leader },
  { name: 'learners', aliases: [], run: ensemble.learners },
  { name: 'monitor', aliases: ['mntr'], run: monitor },
  { name: 'observer_connection_stat_reset', aliases: ['orst'], guard: 'changes', run: nothing },
  { name: 'observers', aliases: ['obsr'], run: ensemble.observers },
  { name: 'ruok', aliases: [], always: true, run: nothing },
  { name: 'server_stats', aliases: ['srvr'], run: serverStats },
  { name: 'set_trace_mask', aliases: ['stmk'], always: true, guard: 'changes', run: setTraceMask },
  { name: 'stat_reset', aliases: ['srst'], guard: 'changes', run: resetStatistics },
  {
    name: 'stats',
    aliases: ['stat'],
    guard: 'showsClients',
    run: (facts) => ({ ...serverStats(facts), ...connectionLists(facts, briefFields) }),
  },
  {
    name: 'system_properties',
    aliases: ['sysp'],
    always: true,
    run: (facts) => Object.fromEntries(systemProperties(facts)),
  },
  { name: 'voting_view', aliases: [], run: ensemble.votingView },
  { name: 'watch_summary', aliases: ['wchs'], run: watchSummary },
  { name: 'watches', aliases: ['wchc'], guard: 'showsClients', run: watches },
  { name: 'watches_by_path', aliases: ['wchp'], guard: 'showsClients', run: watchesByPath },
  { name: 'zabstate', aliases: [], always: true, run: ensemble.zabState },
];

function configuration(facts: ServerFacts): Fields {
  const { config } = facts;
  return {
    client_port: config.clientPort ?? -1,
    data_dir: versionDirectory(config.dataDir),
    data_log_dir: versionDirectory(config.dataLogDir),
    tick_time: config.tickTimeMs,
    max_client_cnxns: config.maxClientCnxns,
    min_session_timeout: config.minSessionTimeoutMs,
    max_session_timeout: config.maxSessionTimeoutMs,
    server_id: config.serverId,
    client_port_listen_backlog: config.clientPortListenBacklog,
  };
}

function resetConnections(facts: ServerFacts): Fields {
  facts.resetConnectionStats();
  return {};
}

function resetStatistics(facts: ServerFacts): Fields {
  facts.resetServerStats();
  facts.metrics.reset();
  return {};
}

function briefFields(connection: ConnectionFacts): Fields {
  return {
    remote_socket_address: connection.address,
    interest_ops: connection.interestOps,
    outstanding_requests: connection.outstanding,
    packets_received: connection.received,
    packets_sent: connection.sent,
  };
}

function connectionFields(connection: ConnectionFacts): Fields {
  if (connection.sessionId === 0n) return briefFields(connection);
  return {
    ...briefFields(connection),
    session_id: signed(connection.sessionId),
    last_operation: connection.lastOperation,
    established: connection.establishedAt,
    session_timeout: connection.sessionTimeoutMs,
    last_cxid: connection.lastCxid,
    last_zxid: connection.lastZxid,
    last_response_time: connection.lastResponseAt,
    last_latency: connection.lastLatency,
    min_latency: connection.minLatency,
    avg_latency: connection.avgLatency,
    max_latency: connection.maxLatency,
  };
}

function connectionLists(facts: ServerFacts, fieldsOf: (connection: ConnectionFacts) => Fields): Fields {
  const plain: Fields[] = [];
  const secure: Fields[] = [];
  for (const connection of facts.connections()) (connection.secure ? secure : plain).push(fieldsOf(connection));
  return { connections: plain, secure_connections: secure };
}

function directories(facts: ServerFacts): Fields {
  const bytes = facts.directoryBytes();
  return { datadir_size: bytes.dataDir, logdir_size: bytes.dataLogDir };
}

/** Java's long is signed, and ids of servers from 128 on are negative. */
const signed = (session: bigint): bigint => BigInt.asIntN(64, session);

function* grouped<K, T>(
  rows: Iterable<readonly [K, Iterable<T>]>,
  key: (of: K) => string,
  shown: (value: T) => Json,
): Generator<[string, Iterable<Json>]> {
  for (const [of, values] of rows) yield [key(of), mapped(values, shown)];
}

function* mapped<T>(values: Iterable<T>, shown: (value: T) => Json): Generator<Json> {
  for (const value of values) yield shown(value);
}

const sessionKey = (session: bigint): string => signed(session).toString();
const asItIs = (text: string): string => text;

function dump(facts: ServerFacts): Fields {
  const expiries = facts.sessionBuckets().map((bucket) => [bucket.expiresAt, bucket.sessions] as const);
  return {
    expiry_time_to_session_ids: new LongMap(grouped(expiries, String, signed)),
    session_id_to_ephemeral_paths: new LongMap(grouped(facts.ephemeralsBySession(), sessionKey, asItIs)),
  };
}

function hash(facts: ServerFacts): Fields {
  return {
    digests: facts.digests().map(({ zxid, digest, version }) => ({ zxid, digest, digest_version: version })),
  };
}

function lastSnapshot(facts: ServerFacts): Fields {
  const snapshot = facts.lastSnapshot();
  return {
    zxid: zxidHex(snapshot?.zxid ?? -1),
    timestamp: snapshot === undefined ? -1 : Math.floor(snapshot.takenAt / 1000),
  };
}

function monitor(facts: ServerFacts): Fields {
  const fields: Record<string, Json> = { version: facts.version, server_state: facts.mode() };
  const member = facts.ensemble();
  if (member !== undefined) fields['peer_state'] = `${member.state} - ${member.phase}`;
  for (const { name, value } of monitorEntries(facts)) fields[name] = value;
  return fields;
}

function serverStats(facts: ServerFacts): Fields {
  const gauges = facts.gauges();
  const bytes = facts.directoryBytes();
  const responses = {
    last_buffer_size: gauges.last_client_response_size,
    min_buffer_size: gauges.min_client_response_size,
    max_buffer_size: gauges.max_client_response_size,
  };
  return {
    version: facts.version,
    read_only: facts.mode() === 'read-only',
    server_stats: {
      packets_sent: gauges.packets_sent,
      packets_received: gauges.packets_received,
      fsync_threshold_exceed_count: facts.slowFsyncs(),
      client_response_stats: responses,
      data_dir_size: bytes.dataDir,
      log_dir_size: bytes.dataLogDir,
      provider_null: false,
      last_processed_zxid: facts.lastZxid(),
      server_state: facts.mode(),
      outstanding_requests: gauges.outstanding_requests,
      avg_latency: gauges.avg_latency,
      max_latency: gauges.max_latency,
      min_latency: gauges.min_latency,
      num_alive_client_connections: gauges.num_alive_connections,
      auth_failed_count: gauges.auth_failed_count,
      non_mtlsremote_conn_count: gauges.non_mtls_remote_conn_count,
      non_mtlslocal_conn_count: gauges.non_mtls_local_conn_count,
      uptime: gauges.uptime,
    },
    client_response: responses,
    node_count: gauges.znode_count,
  };
}

function setTraceMask(facts: ServerFacts, query: Readonly<Record<string, string>>): Fields {
  const mask = query['traceMask'];
  if (mask === undefined || !/^-?\d{1,19}$/.test(mask)) return { error: 'traceMask: expected a number' };
  facts.setTraceMask(BigInt.asIntN(64, BigInt(mask)));
  return { tracemask: facts.traceMask() };
}

function watchSummary(facts: ServerFacts): Fields {
  const { connections, paths, watches: total } = facts.watchCounts();
  return { num_connections: connections, num_paths: paths, num_total_watches: total };
}

function watches(facts: ServerFacts): Fields {
  return { session_id_to_watched_paths: new LongMap(grouped(facts.watchesBySession(), sessionKey, asItIs)) };
}

function watchesByPath(facts: ServerFacts): Fields {
  return { path_to_session_ids: new LongMap(grouped(facts.watchesByPath(), asItIs, signed)) };
}
