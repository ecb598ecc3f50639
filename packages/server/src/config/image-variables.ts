// The variables of container images, as their entry scripts turn them into a zoo.cfg: those of the official image, whose
// names stand in the table of settings, and a second dialect that some charts and compose files use. Empty is not set.

import { settings } from './settings.ts';
import type { SettingName } from './settings.ts';
import type { RawEntry } from './raw-entry.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface ImageVariables {
  readonly entries: readonly RawEntry[];
  /** Of these two kinds are the variables that are set: in `entries`, and without any meaning here. */
  readonly used: readonly string[];
  readonly unknown: readonly string[];
  /** What the entry script would write into myid. */
  readonly serverId: string | undefined;
}

const isYes = (value: string): boolean => /^(1|yes|true)$/i.test(value);
const yes = (value: string): string => String(isYes(value));
/** Only what was asked for is an entry: `no` leaves things as they are. */
const when =
  (entry: string) =>
  (value: string): string | undefined =>
    isYes(value) ? entry : undefined;
const same = (value: string): string => value;

/** The second dialect: the key of zoo.cfg, and what becomes of the value. */
const dialect: Readonly<Record<string, readonly [key: string, valueOf: (value: string) => string | undefined]>> = {
  ZOO_PORT_NUMBER: ['clientPort', same],
  ZOO_ENABLE_ADMIN_SERVER: ['admin.enableServer', yes],
  ZOO_ADMIN_SERVER_ADDRESS: ['admin.serverAddress', same],
  ZOO_ADMIN_SERVER_PORT_NUMBER: ['admin.serverPort', same],
  ZOO_PEER_TYPE: ['peerType', same],
  ZOO_MAX_CNXNS: ['maxCnxns', same],
  ZOO_AUTOPURGE_INTERVAL: ['autopurge.purgeInterval', same],
  ZOO_AUTOPURGE_RETAIN_COUNT: ['autopurge.snapRetainCount', same],
  ZOO_RECONFIG_ENABLED: ['reconfigEnabled', yes],
  ZOO_LISTEN_ALLIPS_ENABLED: ['quorumListenOnAllIPs', yes],
  ZOO_ENABLE_PROMETHEUS_METRICS: [
    'metricsProvider.className',
    when('org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider'),
  ],
  ZOO_PROMETHEUS_METRICS_PORT_NUMBER: ['metricsProvider.httpPort', same],
  ZOO_PRE_ALLOC_SIZE: ['preAllocSize', same],
  ZOO_SNAPCOUNT: ['snapCount', same],
  // Asked for security that is not there yet: the rows of these keys stop the start.
  ZOO_TLS_CLIENT_ENABLE: ['secureClientPort', when('3181')],
  ZOO_TLS_QUORUM_ENABLE: ['sslQuorum', when('true')],
  ZOO_ENABLE_AUTH: ['sessionRequireClientSASLAuth', when('true')],
  ZOO_ENABLE_QUORUM_AUTH: ['quorum.auth.enableSasl', when('true')],
};

/** Read elsewhere, or about what only the other images have. */
const elsewhere = /^ZOO_(CONF_DIR|LOG_DIR|LOG_LEVEL|MY_ID|SERVER_ID|HEAP_SIZE|HC_TIMEOUT|FIPS_MODE|USER)$/;

export function imageVariables(env: Env): ImageVariables {
  const entries: RawEntry[] = [];
  const used: string[] = [];
  const unknown: string[] = [];
  const set = new Map(
    Object.entries(env)
      .map(([name, value]) => [name, value?.trim() ?? ''] as const)
      .filter(([name, value]) => name.startsWith('ZOO_') && value !== ''),
  );
  const rowOf = new Map(
    Object.entries(settings).flatMap(([name, { image }]) =>
      image === undefined ? [] : [[image, name as SettingName]],
    ),
  );
  for (const [variable, value] of set) {
    const add = (naming: RawEntry['naming'], key: string, text: string): void =>
      void entries.push({ naming, key, value: text, where: `${variable} (environment)` });
    const row = rowOf.get(variable);
    const other = dialect[variable];
    if (row !== undefined) add('row', row, value);
    else if (other !== undefined) {
      const text = other[1](value);
      if (text !== undefined) add('cfg', other[0], text);
    } else if (variable === 'ZOO_SERVERS' || variable === 'ZOO_CFG_EXTRA')
      continue; // after all others
    else if (variable.startsWith('ZOO_CFG_')) add('cfg', variable.slice('ZOO_CFG_'.length).replaceAll('_', '.'), value);
    else {
      if (!elsewhere.test(variable)) unknown.push(variable);
      continue;
    }
    used.push(variable);
  }
  for (const variable of ['ZOO_SERVERS', 'ZOO_CFG_EXTRA']) {
    const value = set.get(variable);
    if (value === undefined) continue;
    used.push(variable);
    for (const part of variable === 'ZOO_SERVERS' ? serverLines(value, set.get('ZOO_PORT_NUMBER')) : value.split(/\s+/))
      entries.push(lineOf(part, variable));
  }
  const given = set.get('ZOO_MY_ID') ?? set.get('ZOO_SERVER_ID');
  return { entries, used, unknown, serverId: given ?? (set.has('ZOO_SERVERS') ? '1' : undefined) };
}

function lineOf(part: string, variable: string): RawEntry {
  const equals = part.indexOf('=');
  const where = `${variable} (environment)`;
  if (equals < 0) return { naming: 'cfg', key: part, value: '', where };
  return { naming: 'cfg', key: part.slice(0, equals), value: part.slice(equals + 1), where };
}

/** `server.1=host:2888:3888;2181 ...`, or in the second dialect `host:2888:3888[:role][::id],...`; one of these is none. */
function serverLines(value: string, clientPort = '2181'): string[] {
  if (value.includes('=')) return value.split(/\s+/);
  const servers = value.split(/[;,\s]+/).filter((server) => server !== '');
  if (servers.length < 2) return [];
  return servers.map((server, index) => {
    const [address, id = String(index + 1)] = server.split('::');
    return `server.${id}=${address};${clientPort}`;
  });
}
