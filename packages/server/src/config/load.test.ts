import { createHash } from 'node:crypto';
import { inspect } from 'node:util';

import { describe, expect, it } from 'vitest';

import { serverHelp } from './help.ts';
import { ConfigError, loadConfig } from './load.ts';
import type { LoadedConfig } from './load.ts';
import { metricsReference, settingsReference } from './reference.ts';
import { ignoredKeys } from './settings-ignored.ts';
import { valueText } from './shown.ts';
import { rows } from './sources.ts';

type Files = Readonly<Record<string, string>>;

const load = (argv: readonly string[], files: Files = {}, env: Record<string, string> = {}): LoadedConfig =>
  loadConfig({ argv, env, cwd: '/srv', readFile: (path) => files[path] });

const minimal = 'dataDir=/data\nclientPort=2181\n';
const loadFile = (lines: string, files: Files = {}): LoadedConfig =>
  load(['zoo.cfg'], { '/srv/zoo.cfg': minimal + lines, ...files });

function problemsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('a wrong value', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['tickTime=abc', 'tickTime=abc: expected a whole number of milliseconds, at least 1'],
    ['tickTime=0', 'tickTime=0: expected a whole number of milliseconds, at least 1'],
    ['tickTime=', 'tickTime=: expected a whole number of milliseconds, at least 1'],
    ['maxClientCnxns=99999999999', 'maxClientCnxns=99999999999: expected a whole number, at least 0'],
    ['secureClientPort=70000', 'secureClientPort=70000: expected a port number from 0 to 65535'],
    ['reconfigEnabled=yes', 'reconfigEnabled=yes: expected true or false'],
    ['forceSync=true', 'forceSync=true: expected yes or no'],
    ['peerType=learner', 'peerType=learner: expected one of participant, observer'],
    ['connection_throttle_drop_increase=2', 'connection_throttle_drop_increase=2: expected a number from 0 to 1'],
    ['clientPortAddress=a b', 'clientPortAddress=a b: expected a host name or an IP address'],
    ['server.9007199254740992=h:1:2', 'server.9007199254740992: expected server.N with N from 0 to 9007199254740991'],
    [
      'server.1=h:1',
      'server.1: "h:1" is not of the form host:quorumPort:electionPort[:participant|observer][;[host:]clientPort] with ports from 1 to 65535',
    ],
    ['maxCnxns=1\\u001b[2J\\u000a2', 'maxCnxns=1\\u001b[2J\\u000a2: expected a whole number, at least 0'],
    ['minSessionTimeout=90000', 'minSessionTimeout=90000: expected at most maxSessionTimeout=60000'],
    ['admin.commandURL=commands', 'admin.commandURL=commands: expected a path like /commands'],
    [
      'DigestAuthenticationProvider.superDigest=hunter2',
      'DigestAuthenticationProvider.superDigest=[secret]: expected user:<digest>',
    ],
    [
      'sessionRequireClientSASLAuth=true',
      'sessionRequireClientSASLAuth=true: not supported by this version, and starting without it would be less safe ' +
        'than what was asked for',
    ],
  ];
  for (const [line, message] of cases) {
    it(`is refused with its place: ${line}`, () => {
      expect(problemsOf(() => loadFile(line))).toEqual([`/srv/zoo.cfg:3: ${message}`]);
    });
  }

  it('is reported together with all others', () => {
    expect(problemsOf(() => load(['--client-port', 'x', '-Dzookeeper.snapCount=y', '--wrong']))).toEqual([
      '--wrong: unknown argument; corral server --help lists them',
      '-Dzookeeper.snapCount: snapCount=y: expected a whole number of transactions',
      '--client-port: clientPort=x: expected a port number from 0 to 65535',
    ]);
  });

  it('is a problem where something required is missing', () => {
    expect(problemsOf(() => load(['zoo.cfg'], { '/srv/zoo.cfg': 'tickTime=2000' }))).toEqual([
      '/srv/zoo.cfg: dataDir: required',
      '/srv/zoo.cfg: clientPort: required, as nothing else says where clients connect',
    ]);
    expect(problemsOf(() => load(['none.cfg']))).toEqual(['/srv/none.cfg: there is no such file']);
    expect(problemsOf(() => load(['a.cfg', 'b.cfg'], { '/srv/a.cfg': minimal }))).toEqual([
      'b.cfg: expected one configuration file, a.cfg came first',
    ]);
    expect(problemsOf(() => load(['--data-dir']))).toEqual(['--data-dir: expected a value']);
    expect(problemsOf(() => loadFile('a=\\u12'))).toEqual([
      '/srv/zoo.cfg:3: expected four hexadecimal digits after \\u',
    ]);
  });
});

describe('without a file', () => {
  it('a server has port 2181, ./data, the purge on and the admin port on loopback', () => {
    const { config, sources, ignored, notices } = load([]);
    expect(config).toMatchObject({ clientPort: 2181, dataDir: '/srv/data', dataLogDir: '/srv/data', tickTimeMs: 3000 });
    expect(config).toMatchObject({ minSessionTimeoutMs: 6000, maxSessionTimeoutMs: 60000, purgeIntervalHours: 1 });
    expect(config).toMatchObject({
      adminAddress: '127.0.0.1',
      adminPort: 8080,
      serverId: 0,
      juteMaxBufferExtra: 0xfffff,
    });
    expect(config.fourLetterWhitelist).toBeUndefined();
    expect([sources.tickTimeMs, ignored, notices]).toEqual(['default', [], []]);
  });

  it('the variables of the official image are read, and ZOO_CFG_EXTRA after them', () => {
    const { config, sources } = load(
      [],
      {},
      {
        ZOO_DATA_DIR: '/data',
        ZOO_TICK_TIME: '2000',
        ZOO_AUTOPURGE_PURGEINTERVAL: '0',
        ZOO_SERVERS: 'server.1=localhost:2888:3888;2182',
        ZOO_CFG_EXTRA: 'maxSessionTimeout=90000 admin.serverPort=8081',
        ZOO_MY_ID: '7',
      },
    );
    expect(config).toMatchObject({
      dataDir: '/data',
      tickTimeMs: 2000,
      purgeIntervalHours: 0,
      clientPort: 2182,
      myId: 7,
    });
    expect(config).toMatchObject({ maxSessionTimeoutMs: 90000, adminPort: 8081 });
    expect(sources.tickTimeMs).toBe('ZOO_TICK_TIME (environment)');
  });

  it('image variables do not count beside a file, which is said', () => {
    const files = { '/conf/zoo.cfg': minimal };
    const { config, ignored, configFile } = load([], files, { ZOO_CONF_DIR: '/conf', ZOO_TICK_TIME: '2000' });
    expect([config.tickTimeMs, configFile]).toEqual([3000, '/conf/zoo.cfg']);
    expect(ignored.map((entry) => entry.key)).toEqual(['ZOO_TICK_TIME']);
  });
});

describe('where settings come from', () => {
  it('flags count more than -D, -D more than JVMFLAGS, those more than the file', () => {
    const files = { '/srv/zoo.cfg': `${minimal}snapCount=10\nmaxCnxns=1\nadmin.serverPort=1\n` };
    const env = { SERVER_JVMFLAGS: '-Xmx1g -Dzookeeper.snapCount=20 -Dzookeeper.maxCnxns=2', LOG_LEVEL: 'debug' };
    const { config, notices, ignored, sources } = load(
      ['--config', 'zoo.cfg', '-Dzookeeper.snapCount=30', '--admin-port=9'],
      files,
      env,
    );
    expect(config).toMatchObject({ snapCount: 30, maxCnxns: 2, adminPort: 9, logLevel: 'debug' });
    expect(sources).toMatchObject({ snapCount: '-Dzookeeper.snapCount', adminPort: '--admin-port' });
    expect(notices).toContain('--admin-port: admin.serverPort was set before by /srv/zoo.cfg:5; this one counts');
    expect(ignored).toEqual([
      { key: 'SERVER_JVMFLAGS', reason: 'arguments of the Java machine other than -D have no meaning here' },
    ]);
  });

  it('the last of equal keys counts, with a notice', () => {
    const { config, notices } = loadFile('tickTime=1000\ntickTime=2000\n');
    expect(config.tickTimeMs).toBe(2000);
    expect(notices).toEqual(['/srv/zoo.cfg:4: tickTime was set before by /srv/zoo.cfg:3; this one counts']);
  });

  it('properties without the prefix zookeeper. are no keys of the file, as in Apache', () => {
    const { config, ignored } = loadFile('jute.maxbuffer=4194304\nzookeeper.snapCount=5\n');
    expect([config.juteMaxBuffer, config.snapCount]).toEqual([0xfffff, 100000]);
    expect(ignored).toEqual([
      { key: 'jute.maxbuffer', reason: 'it counts only as a system property; start with -Djute.maxbuffer=…' },
      { key: 'zookeeper.snapCount', reason: 'in a configuration file the key is snapCount, without "zookeeper."' },
    ]);
    expect(load(['-Djute.maxbuffer=4194304']).config.juteMaxBuffer).toBe(4194304);
    expect(load(['-Dzookeeper.jute.maxbuffer=4194304']).config.juteMaxBuffer).toBe(0xfffff);
  });

  it('keys without effect are listed with the reason, misspelt ones with a guess', () => {
    const { ignored } = loadFile(
      'ticktime=2000\nnio.numWorkerThreads=4\nfoo=bar\nauthProvider.1=org.apache.zookeeper.server.auth.DigestAuthenticationProvider\nconnection_throttle_fill_time=5\n',
    );
    expect(ignored.map(({ key, reason }) => `${key}: ${reason}`)).toEqual([
      'ticktime: unknown key; did you mean tickTime?',
      'nio.numWorkerThreads: it sizes a Java thread pool or its shutdown; Corral has one thread for requests',
      'foo: unknown key',
      'authProvider.1: it names Java classes; digest, ip and world are built in, others are not part of this version',
      'connection_throttle_fill_time: it tunes a throttle that Corral does not have',
    ]);
  });

  it.each([
    ['connection_throttle_tokens', '10', '0', 'maxClientCnxns'],
    ['request_throttle_max_requests', '100', '0', 'globalOutstandingLimit'],
    ['throttled_op_wait_time', '500', '0', 'globalOutstandingLimit'],
    ['largeRequestMaxBytes', '1000000', '104857600', 'clientInputBytesMax'],
    ['largeRequestThreshold', '4096', '-1', 'clientInputBytesMax'],
  ])('%s=%s asks for protection that is had otherwise: no start, unless it is off', (key, value, off, instead) => {
    expect(() => loadFile(`${key}=${value}\n`)).toThrow(`${key}=${value}: not supported by this version`);
    expect(() => loadFile(`${key}=${value}\n`)).toThrow(new RegExp(`Remove it: ${instead} bounds`));
    expect(loadFile(`${key}=${off}\n`).ignored).toEqual([]);
  });

  it('values below a minimum that Apache raises are raised, with a notice', () => {
    const { config, notices } = loadFile('autopurge.snapRetainCount=1\nsnapCount=0\n');
    expect([config.snapRetainCount, config.snapCount]).toEqual([3, 2]);
    expect(notices[0]).toBe('/srv/zoo.cfg:3: autopurge.snapRetainCount=1: 1 is too small, 3 is used');
  });
});

describe('lines of members', () => {
  it('one server runs standalone and may name the client port', () => {
    const { config } = load(['zoo.cfg'], {
      '/srv/zoo.cfg': 'dataDir=d\nserver.3=[2001:db8::1]:2888:3888;[::1]:2185',
      '/srv/d/myid': '3\n',
    });
    expect(config).toMatchObject({ clientPort: 2185, clientPortAddress: '::1', myId: 3, serverId: 0 });
  });

  const three = 'server.1=a:1:2;2181\nserver.2=b:1:2;2181\nserver.3=c:1:2:observer;2181\n';

  it('several make an ensemble, in which this server has a place', () => {
    const { ensemble, config, notices } = loadFile(three, { '/data/myid': '2' });
    expect([ensemble?.sid, config.serverId, config.clientPort]).toEqual([2, 2, 2181]);
    expect([...(ensemble?.config.members.values() ?? [])].map(({ sid, role }) => `${sid} ${role}`)).toEqual([
      '1 participant',
      '2 participant',
      '3 observer',
    ]);
    expect(notices).toEqual(['server.N: two participants: when either of them fails, nothing is served']);
  });

  it('one alone makes an ensemble that may grow when standaloneEnabled=false', () => {
    const { ensemble } = loadFile('standaloneEnabled=false\nserver.1=a:1:2', { '/data/myid': '1' });
    expect(ensemble?.config.members.size).toBe(1);
  });

  it('may be weighted in groups', () => {
    const groups = 'group.1=1:2\ngroup.2=4\nweight.1=2\nserver.4=d:1:2\n';
    const { ensemble } = loadFile(three + groups, { '/data/myid': '1' });
    expect([ensemble?.config.groups?.size, ensemble?.config.weights?.get(1)]).toEqual([2, 2]);
  });

  const refusals: readonly (readonly [string, string])[] = [
    ['server.1=a:1:2\nserver.2=b:1:2', "/data/myid: missing: write the number of this server's server.N line into it"],
    ['server.1=a:1:2\nserver.2=b:1:2:observer', 'server.N: observers need at least two participants to observe'],
    ['server.1=a:1:2:observer', 'no server.N line has the role participant: nobody could vote, add one'],
    ['server.1=a:1:1', '/srv/zoo.cfg:3: server.1: give the quorum and the election port different numbers'],
    ['server.1=a:1:2;2999', '/srv/zoo.cfg:2: clientPort=2181: expected 2999, as in the line server.1'],
  ];
  for (const [lines, problem] of refusals) {
    it(`are refused: ${lines.replace('\n', ', ')}`, () => {
      expect(problemsOf(() => loadFile(lines))).toEqual([problem]);
    });
  }

  it('may stand in a file of their own, with nothing else', () => {
    const dynamic = { '/srv/zoo.cfg.dynamic': 'server.1=a:1:2|b:1:2;2181\nversion=100\ntickTime=1\n' };
    expect(problemsOf(() => loadFile('dynamicConfigFile=zoo.cfg.dynamic', dynamic))).toEqual([
      '/srv/zoo.cfg.dynamic:3: tickTime: expected only server.N, group.N, weight.N and version here',
    ]);
  });

  it('in a file of their own have the version of its name, and what was proposed later is known', () => {
    const files = {
      '/srv/zoo.cfg.dynamic.100000002': 'server.1=a:1:2;2181\nserver.2=b:1:2;2181\n',
      '/srv/zoo.cfg.dynamic.next': 'server.1=a:1:2;2181\nversion=200000001',
      '/data/myid': '1',
    };
    const { ensemble } = loadFile('reconfigEnabled=true\ndynamicConfigFile=zoo.cfg.dynamic.100000002', files);
    expect([ensemble?.config.version, ensemble?.nextConfig?.version]).toEqual([0x100000002, 0x200000001]);
    expect(problemsOf(() => loadFile('server.3=c:1:2\ndynamicConfigFile=zoo.cfg.dynamic.100000002', files))).toEqual([
      '/srv/zoo.cfg:3: server.3=c:1:2: with dynamicConfigFile the members stand in that file only',
    ]);
  });

  it('may have any number from 0, up to 254 with extended types', () => {
    const member = (id: string, lines = ''): LoadedConfig =>
      loadFile(`${lines}\nserver.${id}=a:1:2\nserver.77=b:1:2\nserver.78=c:1:2`, { '/data/myid': id });
    for (const id of [0, 255, 256, 1001, Number.MAX_SAFE_INTEGER]) {
      const { ensemble, config } = member(String(id));
      expect([ensemble?.sid, config.serverId]).toEqual([id, id]);
    }
    expect(member('254', 'extendedTypesEnabled=true').ensemble?.sid).toBe(254);
    expect(problemsOf(() => member('255', 'extendedTypesEnabled=true'))).toEqual([
      '/data/myid: 255: expected a server id from 0 to 254, as extendedTypesEnabled=true keeps 255 for nodes with a time to live',
    ]);
  });

  it('whose session ids may be the same are warned of', () => {
    const { notices } = loadFile('server.1=a:1:2\nserver.257=b:1:2\nserver.3=c:1:2', { '/data/myid': '1' });
    expect(notices).toEqual([
      'server.N: 1 and 257 are the same modulo 256 and may give out the same session ids; choose other ids',
    ]);
  });

  it('are not needed by a standalone server, which starts whatever its myid says', () => {
    for (const id of ['0', '300', '7'])
      expect(loadFile('', { '/data/myid': id }).config).toMatchObject({ myId: Number(id) });
    const { ensemble, notices } = loadFile('', { '/data/myid': 'abc' });
    expect([ensemble, notices]).toEqual([undefined, ['/data/myid: abc: no server id; a standalone server needs none']]);
  });

  it('that are wrong are not followed by the complaint that clientPort is missing', () => {
    const files = { '/srv/zoo.cfg': 'dataDir=/data\nserver.1=a:1;2181\n' };
    expect(problemsOf(() => load(['zoo.cfg'], files))).toEqual([expect.stringContaining('server.1: "a:1" is not')]);
  });
});

describe('a setting that asks for security', () => {
  const asking = [
    'authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider',
    'authProvider.sasl=org.example.Mine',
    'requireClientAuthScheme=sasl',
    'allowSaslFailedClients=false',
    'audit.enable=true',
    'audit.enable=TRUE',
    'portUnification=true',
  ];
  for (const line of asking)
    it(`stops the start: ${line}`, () => {
      expect(problemsOf(() => loadFile(line))).toEqual([
        expect.stringMatching(/^\/srv\/zoo\.cfg:3: .* starting without it would be less safe than what was asked for$/),
      ]);
    });

  it('stops it as a property too', () => {
    expect(problemsOf(() => load(['-Dzookeeper.audit.enable=true']))).toEqual([
      expect.stringContaining('the audit log is not part of this version'),
    ]);
  });

  it('does not where it asks for nothing that is missing', () => {
    const { ignored } = loadFile(
      'audit.enable=false\nallowSaslFailedClients=true\nauthProvider.1=org.apache.zookeeper.server.auth.IPAuthenticationProvider',
    );
    expect(ignored.map(({ key }) => key)).toEqual(['audit.enable', 'allowSaslFailedClients', 'authProvider.1']);
  });
});

describe('digests', () => {
  it('are made by the algorithms that Java names', () => {
    const algorithm = (name: string): string =>
      loadFile(`DigestAuthenticationProvider.digestAlg=${name}`).config.digestAlgorithm;
    const names = ['SHA1', 'SHA-1', 'SHA', 'SHA256', 'SHA-256', 'sha-512', 'SHA-512/256', 'SHA3-256', 'MD5'];
    expect(names.map(algorithm)).toEqual('sha1 sha1 sha1 sha256 sha256 sha512 sha512-256 sha3-256 md5'.split(' '));
    for (const name of names) expect(createHash(algorithm(name)).update('x').digest().length).toBeGreaterThan(15);
    expect(problemsOf(() => algorithm('SHA4'))[0]).toContain('SHA3-256');
  });

  it('of the super user may have any user name', () => {
    const line = 'DigestAuthenticationProvider.superDigest=admin:abc=';
    expect(loadFile(line).config.superDigest?.reveal()).toBe('admin:abc=');
  });
});

describe('the result', () => {
  it('is frozen to its depth', () => {
    const { config } = loadFile('enforce.auth.schemes=digest');
    expect(Object.isFrozen(config) && Object.isFrozen(config.enforceAuthSchemes)).toBe(true);
  });

  it('never shows a secret', () => {
    const sentinel = 'SENTINEL';
    const secretKeys = ignoredKeys.filter((row) => row.secret).map((row) => `${row.key}=${sentinel}`);
    const loaded = loadFile(
      ['DigestAuthenticationProvider.superDigest=super:SENTINEL', 'my.password=SENTINEL', ...secretKeys].join('\n'),
    );
    expect(loaded.config.superDigest?.reveal()).toBe('super:SENTINEL');
    expect(secretKeys.length).toBeGreaterThan(4);
    expect(
      `${JSON.stringify(loaded)}${inspect(loaded, { depth: 9 })}${String(loaded.config.superDigest)}`,
    ).not.toContain(sentinel);
    expect(loaded.initialText).toContain('my.password=[secret]\n');
  });
});

describe('the table', () => {
  it('has every key once', () => {
    const keys = [...rows.map(([, row]) => row.key), ...ignoredKeys.map((row) => row.key)];
    expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([]);
  });
  it('has defaults that its own kinds accept', () => {
    for (const [, row] of rows) {
      if (row.fallback === undefined || row.fallback === '') continue;
      const text = valueText(row, row.fallback);
      if (row.key === 'jute.maxbuffer.extrasize') continue; // -1 stands for another setting
      expect(row.kind.parse(text)?.value, row.key).toEqual(row.fallback);
    }
  });
  it('is what help and reference are made of', () => {
    expect(serverHelp()).toContain('--client-port <port>');
    expect(
      serverHelp()
        .split('\n')
        .every((line) => !line.includes('undefined')),
    ).toBe(true);
    for (const page of [settingsReference(), metricsReference()]) {
      expect(page).toMatch(/^<!-- Written by/);
      expect(page).not.toContain('undefined');
    }
    expect(settingsReference()).toContain('`snapCount`, `-Dzookeeper.snapCount`');
  });
});
