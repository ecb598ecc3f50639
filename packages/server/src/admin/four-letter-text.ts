// How the four-letter words look. Every function yields lines, so that a long answer never stands in memory whole.

import { join } from 'node:path';

import { formatEnsembleConfig, formatSessionId, formatZxid, zxidHex } from '@corral/protocol';

import { environment } from './environment.ts';
import type { ConnectionFacts, ServerFacts } from './facts.ts';
import { javaAverage, monitorLines } from './metrics-text.ts';

/** Where Apache keeps its files below a configured directory. */
export const versionDirectory = (directory: string): string => join(directory, 'version-2');

export const mntr = monitorLines;

export function conf(facts: ServerFacts): string[] {
  const { config } = facts;
  const bytes = facts.directoryBytes();
  return [
    `clientPort=${config.clientPort ?? -1}\n`,
    `secureClientPort=${config.secureClientPort ?? -1}\n`,
    `dataDir=${versionDirectory(config.dataDir)}\n`,
    `dataDirSize=${bytes.dataDir}\n`,
    `dataLogDir=${versionDirectory(config.dataLogDir)}\n`,
    `dataLogSize=${bytes.dataLogDir}\n`,
    `tickTime=${config.tickTimeMs}\n`,
    `maxClientCnxns=${config.maxClientCnxns}\n`,
    `minSessionTimeout=${config.minSessionTimeoutMs}\n`,
    `maxSessionTimeout=${config.maxSessionTimeoutMs}\n`,
    `clientPortListenBacklog=${config.clientPortListenBacklog}\n`,
    `serverId=${config.serverId}\n`,
    ...membership(facts),
  ];
}

/** What a member of an ensemble adds. */
function membership(facts: ServerFacts): string[] {
  const ensemble = facts.ensemble();
  if (ensemble === undefined) return [];
  const { config } = facts;
  const own = ensemble.config.members.get(ensemble.sid);
  return [
    `initLimit=${config.initLimitTicks}\n`,
    `syncLimit=${config.syncLimitTicks}\n`,
    'electionAlg=3\n',
    `electionPort=${own?.addresses[0].electionPort ?? -1}\n`,
    `quorumPort=${own?.addresses[0].quorumPort ?? -1}\n`,
    `peerType=${own?.role === 'observer' ? 1 : 0}\n`,
    `membership: \n${formatEnsembleConfig(ensemble.config)}`,
  ];
}

export function dirs(facts: ServerFacts): string[] {
  const bytes = facts.directoryBytes();
  return [`datadir_size: ${bytes.dataDir}\n`, `logdir_size: ${bytes.dataLogDir}\n`];
}

export function* envi(facts: ServerFacts): Generator<string> {
  yield 'Environment:\n';
  for (const [key, value] of environment(facts)) yield `${key}=${value}\n`;
}

export function* hash(facts: ServerFacts): Generator<string> {
  for (const { zxid, digest } of facts.digests()) yield `${zxidHex(zxid)}: ${digest}\n`;
}

export function* srvr(facts: ServerFacts): Generator<string> {
  yield* versionLines(facts);
  yield* statisticsLines(facts);
}

/** `onlyAddress`: the single connection to show, for callers who may not see others. */
export function* stat(facts: ServerFacts, onlyAddress: string | undefined): Generator<string> {
  yield* versionLines(facts);
  yield 'Clients:\n';
  for (const connection of facts.connections()) {
    if (onlyAddress !== undefined && connection.address !== onlyAddress) continue;
    yield `${briefly(connection)})\n`;
  }
  yield '\n';
  yield* statisticsLines(facts);
}

function* versionLines(facts: ServerFacts): Generator<string> {
  yield `Zookeeper version: ${facts.version}\n`;
  if (facts.mode() === 'read-only') yield 'READ-ONLY mode; serving only read-only clients\n';
}

function* statisticsLines(facts: ServerFacts): Generator<string> {
  const gauges = facts.gauges();
  const mode = facts.mode();
  yield `Latency min/avg/max: ${gauges.min_latency}/${javaAverage(gauges.avg_latency)}/${gauges.max_latency}\n`;
  yield `Received: ${gauges.packets_received}\n`;
  yield `Sent: ${gauges.packets_sent}\n`;
  yield `Connections: ${gauges.num_alive_connections}\n`;
  yield `Outstanding: ${gauges.outstanding_requests}\n`;
  yield `Zxid: ${formatZxid(facts.lastZxid())}\n`;
  yield `Mode: ${mode}\n`;
  yield `Node count: ${gauges.znode_count}\n`;
  if (mode !== 'leader') return;
  const role = facts.roleGauges();
  const sizes = [role.last_proposal_size, role.min_proposal_size, role.max_proposal_size];
  yield `Proposal sizes last/min/max: ${sizes.map((size) => size ?? -1).join('/')}\n`;
}

function briefly(connection: ConnectionFacts): string {
  const { address, interestOps, outstanding, received, sent } = connection;
  return ` /${address}[${interestOps.toString(16)}](queued=${outstanding},recved=${received},sent=${sent}`;
}

export function* cons(facts: ServerFacts): Generator<string> {
  for (const connection of facts.connections()) yield `${briefly(connection)}${sessionPart(connection)})\n`;
  yield '\n';
}

function sessionPart(connection: ConnectionFacts): string {
  if (connection.sessionId === 0n) return '';
  const parts = [
    `sid=${formatSessionId(connection.sessionId)}`,
    `lop=${connection.lastOperation}`,
    `est=${connection.establishedAt}`,
    `to=${connection.sessionTimeoutMs}`,
    ...(connection.lastCxid >= 0 ? [`lcxid=0x${connection.lastCxid.toString(16)}`] : []),
    `lzxid=${formatZxid(connection.lastZxid)}`,
    `lresp=${connection.lastResponseAt}`,
    `llat=${connection.lastLatency}`,
    `minlat=${connection.minLatency}`,
    `avglat=${Math.round(connection.avgLatency)}`,
    `maxlat=${connection.maxLatency}`,
  ];
  return `,${parts.join(',')}`;
}

export function* dump(facts: ServerFacts): Generator<string> {
  yield 'SessionTracker dump:\n';
  yield* sessionLines(facts);
  const owners = [...facts.ephemeralsBySession()];
  yield `ephemeral nodes dump:\nSessions with Ephemerals (${owners.length}):\n`;
  for (const [session, paths] of owners) {
    yield `${formatSessionId(session)}:\n`;
    for (const path of paths) yield `\t${path}\n`;
  }
  const connectionBuckets = facts.connectionBuckets();
  const connectionCount = connectionBuckets.reduce((sum, bucket) => sum + bucket.connections.length, 0);
  yield `Connections dump:\nConnections Sets (${connectionBuckets.length})/(${connectionCount}):\n`;
  for (const { expiresAt, connections } of connectionBuckets) {
    yield `${connections.length} expire at ${javaDate(expiresAt)}:\n`;
    for (const { address, sessionId } of connections) {
      yield `\tip: /${address} sessionId: ${formatSessionId(sessionId)}\n`;
    }
  }
}

/** Only the server that orders writes ends sessions, so only it knows when. */
function* sessionLines(facts: ServerFacts): Generator<string> {
  const buckets = facts.sessionBuckets();
  const isLearner = facts.mode() === 'follower' || facts.mode() === 'observer';
  const sessionCount = buckets.reduce((sum, bucket) => sum + bucket.sessions.length, 0);
  yield isLearner ? `Global Sessions(${sessionCount}):\n` : `Session Sets (${buckets.length})/(${sessionCount}):\n`;
  for (const { expiresAt, sessions } of buckets) {
    if (!isLearner) yield `${sessions.length} expire at ${javaDate(expiresAt)}:\n`;
    for (const session of sessions) yield `${isLearner ? '' : '\t'}${formatSessionId(session)}\n`;
  }
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Sun Nov 22 20:06:35 UTC 2026`, as Java prints a date; always in UTC. */
export function javaDate(time: number): string {
  const date = new Date(time);
  const two = (value: number): string => String(value).padStart(2, '0');
  const clock = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(':');
  const day = `${days[date.getUTCDay()]} ${months[date.getUTCMonth()]} ${two(date.getUTCDate())}`;
  return `${day} ${clock} UTC ${date.getUTCFullYear()}`;
}

export function wchs(facts: ServerFacts): string[] {
  const { connections, paths, watches } = facts.watchCounts();
  return [`${connections} connections watching ${paths} paths\nTotal watches:${watches}\n`];
}

export function* wchp(facts: ServerFacts): Generator<string> {
  for (const [path, sessions] of facts.watchesByPath()) {
    yield `${path}\n`;
    for (const session of sessions) yield `\t${formatSessionId(session)}\n`;
  }
  yield '\n';
}

export function* wchc(facts: ServerFacts): Generator<string> {
  for (const [session, paths] of facts.watchesBySession()) {
    yield `${formatSessionId(session)}\n`;
    for (const path of paths) yield `\t${path}\n`;
  }
  yield '\n';
}
