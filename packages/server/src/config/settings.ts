// The one table of settings: every key of zoo.cfg, every system property, and the few settings of our own. Defaults,
// checks, the Config type, --help and docs/reference/settings.md all come from here. Read by load.ts.
//
// Where a default differs from Apache's, its row says so. An object below is a chapter of the reference.

import { address, boolean, decimal, hash, integer, list, path, port, secret, text, word, yesNo } from './kinds.ts';
import { cfg, ensemble, later, plain, property, refused, start } from './setting.ts';
import type { Setting } from './setting.ts';
import { ensembleSettings } from './settings-ensemble.ts';

const ms = { unit: 'milliseconds' } as const;
/** Sign for "not set, worked out from other settings", as in Apache. */
export const derived = -1;

const network = {
  clientPort: cfg('clientPort', port, undefined, 'Port for clients.', {
    flag: '--client-port',
    fallbackText: '2181 without a configuration file, otherwise none',
  }),
  clientPortAddress: cfg('clientPortAddress', address, undefined, 'Address the client port is bound to.', {
    flag: '--client-address',
    fallbackText: 'all addresses',
  }),
  secureClientPort: refused(cfg('secureClientPort', port, undefined, 'Port for clients that use TLS.')),
  secureClientPortAddress: later(cfg('secureClientPortAddress', address, undefined, 'Address of the TLS port.')),
  clientPortUnification: refused(property('client.portUnification', boolean, false, 'TLS and plain on one port.')),
  clientPortListenBacklog: cfg(
    'clientPortListenBacklog',
    integer({ min: -1, max: 65535 }),
    -1,
    'Connections the system may keep waiting to be accepted; -1 leaves it to the system.',
  ),
  clientTcpKeepAlive: property('clientTcpKeepAlive', boolean, false, 'TCP keep-alive on client connections.'),
};

const storage = {
  dataDir: cfg('dataDir', path, './data', 'Directory of snapshots, and of the file myid.', {
    flag: '--data-dir',
    image: 'ZOO_DATA_DIR',
    fallbackText: './data without a configuration file, otherwise required',
  }),
  dataLogDir: cfg('dataLogDir', path, '', 'Directory of transaction logs; a disk of its own helps writes most.', {
    flag: '--data-log-dir',
    image: 'ZOO_DATA_LOG_DIR',
    fallbackText: 'dataDir',
  }),
  dataDirAutocreate: property('datadir.autocreate', boolean, true, 'Create the data directories if they are missing.'),
  purgeIntervalHours: cfg(
    'autopurge.purgeInterval',
    integer({ min: 0, unit: 'hours' }),
    1,
    'Time between removals of old snapshots and logs; 0 turns it off. Differs from Apache, where it is off unless ' +
      'set, so that disks fill up.',
    { image: 'ZOO_AUTOPURGE_PURGEINTERVAL' },
  ),
  snapRetainCount: cfg(
    'autopurge.snapRetainCount',
    integer({ min: 3, raisedToMin: true, unit: 'snapshots' }),
    3,
    'Snapshots that a removal keeps, with the logs they need; never fewer than 3.',
    { image: 'ZOO_AUTOPURGE_SNAPRETAINCOUNT' },
  ),
  preAllocSizeKb: property('preAllocSize', integer({ unit: 'KiB' }), 65536, 'Step in which log files are enlarged.'),
  snapCount: property(
    'snapCount',
    integer({ min: 2, raisedToMin: true, unit: 'transactions' }),
    100000,
    'Transactions between two snapshots; a random part up to one half is taken off.',
  ),
  snapSizeLimitKb: property(
    'snapSizeLimitInKb',
    integer({ min: -1, max: Number.MAX_SAFE_INTEGER, unit: 'KiB' }),
    4194304,
    'Size of the log at which a snapshot is taken too; 0 or less turns this off.',
  ),
  txnLogSizeLimitKb: property(
    'txnLogSizeLimitInKb',
    integer({ min: -1, max: Number.MAX_SAFE_INTEGER, unit: 'KiB' }),
    -1,
    'Size at which a new log file is begun; -1 turns this off.',
  ),
  forceSync: property('forceSync', yesNo, true, 'Whether a write waits until it is on the disk. no risks losing data.'),
  fsyncWarningThresholdMs: property('fsync.warningthresholdms', integer(ms), 1000, 'A slower fsync is logged.'),
  snapshotCompression: property(
    'snapshot.compression.method',
    word(['CHECKED', 'GZ', 'SNAPPY']),
    'CHECKED',
    'Format of new snapshots; all of them can be read at any time.',
  ),
  snapshotTrustEmpty: property('snapshot.trust.empty', boolean, false, 'Start from logs although no snapshot exists.'),
  digestEnabled: property('digest.enabled', boolean, true, 'Keep a digest of the tree with every transaction.'),
  closeSessionTxnEnabled: property(
    'closeSessionTxn.enabled',
    boolean,
    true,
    'Write the paths of removed ephemeral nodes into the transaction that closes a session.',
  ),
  serializeLastProcessedZxid: property(
    'serializeLastProcessedZxid.enabled',
    boolean,
    true,
    'Write the zxid of the last applied transaction at the end of a snapshot; needed for snapshot and restore.',
  ),
};

const sessions = {
  tickTimeMs: cfg('tickTime', integer({ min: 1, ...ms }), 3000, 'Basic unit of time; other times are multiples.', {
    flag: '--tick-time',
    image: 'ZOO_TICK_TIME',
  }),
  minSessionTimeoutMs: cfg('minSessionTimeout', integer({ min: -1, ...ms }), derived, 'Shortest session timeout.', {
    fallbackText: '2 x tickTime',
  }),
  maxSessionTimeoutMs: cfg('maxSessionTimeout', integer({ min: -1, ...ms }), derived, 'Longest session timeout.', {
    fallbackText: '20 x tickTime',
    image: 'ZOO_MAX_SESSION_TIMEOUT',
  }),
  localSessionsEnabled: ensemble(
    cfg('localSessionsEnabled', boolean, false, 'New sessions are known to one server only until they need more.'),
  ),
  localSessionsUpgradingEnabled: ensemble(
    cfg('localSessionsUpgradingEnabled', boolean, false, 'A local session becomes global with its first ephemeral.'),
  ),
  readOnlyModeEnabled: ensemble(
    plain(
      'readonlymode.enabled',
      boolean,
      false,
      'Serve reads to clients that allow it while there is no majority. Their sessions are local to the server and end with the mode, whatever localSessionsEnabled says: nobody else could know of them.',
    ),
  ),
};

/** What has no effect in Apache either while the throttle itself is off. */
const tuning = <T>(setting: Setting<T>): Setting<T> => later(setting, 'it tunes a throttle that Corral does not have');

/** Protection that is asked for in Apache's words, and what gives it here. */
const insteadOf = {
  large: 'clientInputBytesMax bounds the bytes of all requests that are on their way',
  requests: 'globalOutstandingLimit bounds the requests in work, and each client has its share of every turn',
} as const;

const limits = {
  maxClientCnxns: cfg('maxClientCnxns', integer(), 60, 'Connections from one address; 0 is no limit.', {
    image: 'ZOO_MAX_CLIENT_CNXNS',
  }),
  maxCnxns: property('maxCnxns', integer(), 0, 'Connections in all; 0 is no limit.'),
  clientInputBytesMax: property(
    'clientInputBytesMax',
    integer({ min: 0, unit: 'bytes' }),
    64 << 20,
    'Bytes of requests that have not arrived completely, all clients together; beyond it the slowest sender of the ' +
      'address that holds most is cut off. 0 is no limit. Not in Apache.',
  ),
  clientOutputBytesMax: property(
    'clientOutputBytesMax',
    integer({ min: 0, unit: 'bytes' }),
    256 << 20,
    'Bytes of answers and events that clients have not read, all together; beyond it whoever holds most is cut off. ' +
      '0 is no limit. Not in Apache.',
  ),
  watchBytesMax: property(
    'watchBytesMax',
    integer({ min: 0, unit: 'bytes' }),
    64 << 20,
    'Memory for the watches of one connection: 100 bytes and the path for each. Further ones are refused with ' +
      'ThrottledOp. 0 is no limit. Not in Apache.',
  ),
  watchTotalBytesMax: property(
    'watchTotalBytesMax',
    integer({ min: 0, unit: 'bytes' }),
    512 << 20,
    'The same for all connections together.',
  ),
  sessionlessCnxnTimeoutMs: property(
    'nio.sessionlessCnxnTimeout',
    integer({ min: 1, ...ms }),
    10000,
    'A connection that has not begun a session by then is closed.',
  ),
  globalOutstandingLimit: property(
    'globalOutstandingLimit',
    integer({ min: 1, unit: 'requests' }),
    1000,
    'With more requests in work, connections that have some are not read.',
  ),
  juteMaxBuffer: plain(
    'jute.maxbuffer',
    integer({ min: 64, unit: 'bytes' }),
    0xfffff,
    'Largest request, and with it the largest data of a node. Clients have the same limit for replies.',
  ),
  juteMaxBufferExtra: property(
    'jute.maxbuffer.extrasize',
    integer({ min: 1024, raisedToMin: true, unit: 'bytes' }),
    derived,
    'What a record in the log or between servers may be larger than a request.',
    { fallbackText: 'jute.maxbuffer' },
  ),
  largeRequestMaxBytes: refused(
    property('largeRequestMaxBytes', integer({ unit: 'bytes' }), 104857600, 'Bytes of large requests in work.'),
    insteadOf.large,
  ),
  largeRequestThreshold: refused(
    property('largeRequestThreshold', integer({ min: -1, unit: 'bytes' }), -1, 'From here on a request is large.'),
    insteadOf.large,
  ),
  requestThrottleMaxRequests: refused(
    property('request_throttle_max_requests', integer(), 0, 'Requests in work before others wait; 0 is no limit.'),
    insteadOf.requests,
  ),
  throttledOpWaitTimeMs: refused(
    property('throttled_op_wait_time', integer(ms), 0, 'Requests that waited longer are refused; 0 is no limit.'),
    insteadOf.requests,
  ),
  requestThrottleStallTimeMs: tuning(
    property('request_throttle_stall_time', integer({ min: 1, ...ms }), 100, 'Longest step of such a wait.'),
  ),
  requestThrottleDropStale: tuning(
    property('request_throttle_drop_stale', boolean, true, 'Drop waiting requests that nobody waits for any more.'),
  ),
  requestStaleLatencyCheck: tuning(
    property('request_stale_latency_check', boolean, false, 'Requests older than the session timeout are stale.'),
  ),
  requestStaleConnectionCheck: tuning(
    property('request_stale_connection_check', boolean, true, 'Requests of closed connections are stale.'),
  ),
  connectionThrottleTokens: refused(
    property('connection_throttle_tokens', integer(), 0, 'Token bucket for new connections; 0 turns it off.'),
    'maxClientCnxns bounds the connections of one address, maxCnxns all of them',
  ),
  connectionThrottleFillTime: tuning(property('connection_throttle_fill_time', integer(ms), 1, 'Time between fills.')),
  connectionThrottleFillCount: tuning(property('connection_throttle_fill_count', integer(), 1, 'Tokens of a fill.')),
  connectionThrottleFreezeTime: tuning(
    property('connection_throttle_freeze_time', integer({ min: -1, ...ms }), -1, 'Time between drop adjustments.'),
  ),
  connectionThrottleDropIncrease: tuning(
    property('connection_throttle_drop_increase', decimal({ min: 0, max: 1 }), 0.02, 'Step up of the drop chance.'),
  ),
  connectionThrottleDropDecrease: tuning(
    property('connection_throttle_drop_decrease', decimal({ min: 0, max: 1 }), 0.002, 'Step down of the drop chance.'),
  ),
  connectionThrottleDecreaseRatio: tuning(
    property(
      'connection_throttle_decrease_ratio',
      decimal({ min: 0, max: 1 }),
      0,
      'Fill level that begins a step down.',
    ),
  ),
  connectionThrottleWeightEnabled: tuning(
    property('connection_throttle_weight_enabled', boolean, false, 'Count kinds of connections differently.'),
  ),
  connectionThrottleGlobalWeight: tuning(
    property('connection_throttle_global_session_weight', integer(), 3, 'Tokens for a new global session.'),
  ),
  connectionThrottleRenewWeight: tuning(
    property('connection_throttle_renew_session_weight', integer(), 2, 'Tokens for a renewed session.'),
  ),
  connectionThrottleLocalWeight: tuning(
    property('connection_throttle_local_session_weight', integer(), 1, 'Tokens for a new local session.'),
  ),
};

const nodes = {
  extendedTypesEnabled: property('extendedTypesEnabled', boolean, false, 'Allow nodes with a time to live.'),
  emulate353TtlNodes: property('emulate353TTLNodes', boolean, false, 'Read TTL nodes as release 3.5.3 wrote them.'),
  enforceQuota: property('enforceQuota', boolean, false, 'Refuse writes beyond a hard quota.'),
  containerCheckIntervalMs: plain(
    'znode.container.checkIntervalMs',
    integer({ min: 1, ...ms }),
    60000,
    'Time between searches for empty container and expired TTL nodes; below 20 it is 20.',
  ),
  containerMaxPerMinute: plain('znode.container.maxPerMinute', integer({ min: 1 }), 10000, 'Such deletions a minute.'),
  containerMaxNeverUsedMs: plain(
    'znode.container.maxNeverUsedIntervalMs',
    integer({ max: Number.MAX_SAFE_INTEGER, ...ms }),
    0,
    'A container that never had a child is removed after this time; 0 is never.',
  ),
};

const security = {
  skipAcl: property('skipACL', yesNo, false, 'Do not check access control lists.'),
  digestAuthEnabled: property('DigestAuthenticationProvider.enabled', boolean, true, 'The digest scheme is on.'),
  superDigest: property(
    'DigestAuthenticationProvider.superDigest',
    secret,
    undefined,
    'user:<digest> of the identity that may do everything, with any user name; unset, there is none.',
  ),
  digestAlgorithm: property(
    'DigestAuthenticationProvider.digestAlg',
    hash,
    'sha1',
    'Hash of the digest scheme, by Java’s name; must be the same wherever digests are made.',
  ),
  useForwardedFor: property(
    'IPAuthenticationProvider.usexforwardedfor',
    boolean,
    false,
    'Take the address of AdminServer callers from the last entry of X-Forwarded-For. Only behind a proxy that sets it.',
  ),
  sessionRequireClientSaslAuth: refused(
    property('sessionRequireClientSASLAuth', boolean, false, 'Clients must authenticate by SASL.'),
  ),
  enforceAuthEnabled: property(
    'enforce.auth.enabled',
    boolean,
    false,
    'Clients must authenticate by one of enforce.auth.schemes.',
  ),
  enforceAuthSchemes: property(
    'enforce.auth.schemes',
    list,
    [],
    'Schemes that enforce.auth.enabled accepts: digest, ip.',
  ),
};

const operations = {
  fourLetterWhitelist: property(
    '4lw.commands.whitelist',
    list,
    undefined,
    'Four-letter words that are answered, * for all. Differs from Apache: unset, words that only look and show no ' +
      'client are answered to everyone, the others to callers on this machine.',
    { image: 'ZOO_4LW_COMMANDS_WHITELIST', fallbackText: 'see below' },
  ),
  adminEnabled: property('admin.enableServer', boolean, true, 'AdminServer, metrics and probes over HTTP.', {
    flag: '--admin',
    image: 'ZOO_ADMINSERVER_ENABLED',
  }),
  adminAddress: property(
    'admin.serverAddress',
    address,
    '127.0.0.1',
    'Address of the AdminServer. Differs from Apache, which listens on all addresses.',
    { flag: '--admin-address' },
  ),
  adminPort: property('admin.serverPort', port, 8080, 'Port of the AdminServer.', { flag: '--admin-port' }),
  adminAllowedHosts: property(
    'admin.allowedHosts',
    list,
    [] as readonly string[],
    'Names by which the AdminServer may be called, besides addresses, localhost, the name of this machine and those of ' +
      'the members; * is any. Other names are refused: they may be a foreign page’s.',
  ),
  adminCommandUrl: property('admin.commandURL', path, '/commands', 'Path below which the commands are.'),
  adminRateLimitMs: property(
    'admin.rateLimiterIntervalInMS',
    integer(ms),
    300000,
    'Least time between two snapshots, and between two restores, over HTTP.',
  ),
  adminSnapshotEnabled: property('admin.snapshot.enabled', boolean, true, 'The command snapshot is available.'),
  adminRestoreEnabled: property('admin.restore.enabled', boolean, true, 'The command restore is available.'),
  adminPortUnification: refused(property('admin.portUnification', boolean, false, 'HTTP and HTTPS on one port.')),
  adminForceHttps: refused(property('admin.forceHttps', boolean, false, 'Answer HTTPS only.')),
  adminNeedClientAuth: refused(property('admin.needClientAuth', boolean, false, 'Callers need a certificate.')),
  metricsProvider: cfg(
    'metricsProvider.className',
    text,
    '',
    'A name that ends in PrometheusMetricsProvider opens the port metricsProvider.httpPort and changes the form of ' +
      'mntr as in Apache. The AdminServer has /metrics in any case.',
    { fallbackText: 'DefaultMetricsProvider' },
  ),
  metricsAddress: cfg('metricsProvider.httpHost', address, '0.0.0.0', 'Address of the metrics port.'),
  metricsPort: cfg('metricsProvider.httpPort', port, 7000, 'Port of the metrics.'),
  metricsExportProcess: cfg('metricsProvider.exportJvmInfo', boolean, true, 'Show metrics of the process itself too.'),
  logLevel: start('logLevel', word(['trace', 'debug', 'info', 'warn', 'error', 'fatal']), 'info', 'Least log level.', {
    flag: '--log-level',
    env: 'LOG_LEVEL',
  }),
  logFormat: start('logFormat', word(['auto', 'json', 'pretty']), 'auto', 'auto is pretty on a terminal, else JSON.', {
    flag: '--log-format',
    env: 'LOG_FORMAT',
  }),
};

/** The table by chapters, in the order of the reference. */
export const chapters = {
  'Client port': network,
  'Data on disk': storage,
  Sessions: sessions,
  'Limits and throttling': limits,
  'Kinds of nodes': nodes,
  'Access control': security,
  'Operations and logging': operations,
  Ensembles: ensembleSettings,
};

export const settings = {
  ...network,
  ...storage,
  ...sessions,
  ...limits,
  ...nodes,
  ...security,
  ...operations,
  ...ensembleSettings,
};

export type SettingName = keyof typeof settings;

type ValueOf<S> = S extends Setting<infer T> ? T : never;

/** The value of every setting under the name of its row. */
export type SettingValues = { readonly [N in SettingName]: ValueOf<(typeof settings)[N]> };
