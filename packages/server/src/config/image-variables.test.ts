import { describe, expect, it } from 'vitest';
import { loadConfig } from './load.ts';
import type { LoadedConfig } from './load.ts';

const load = (env: Record<string, string>, files: Readonly<Record<string, string>> = {}): LoadedConfig =>
  loadConfig({ argv: [], env, cwd: '/srv', readFile: (path) => files[path] });

const three = 'server.1=a:2888:3888;2181 server.2=b:2888:3888;2181 server.3=c:2888:3888;2181';

describe('variables of the official image', () => {
  it('name both data directories', () => {
    const { config } = load({ ZOO_DATA_DIR: '/data', ZOO_DATA_LOG_DIR: '/datalog', ZOO_TICK_TIME: '2000' });
    expect(config).toMatchObject({ dataDir: '/data', dataLogDir: '/datalog', tickTimeMs: 2000 });
  });

  it('are not set when they are empty', () => {
    const names = 'ZOO_MY_ID ZOO_SERVERS ZOO_TICK_TIME ZOO_CFG_EXTRA ZOO_CONF_DIR ZOO_DATA_DIR ZOO_PORT_NUMBER'.split(
      ' ',
    );
    const { config, ensemble, ignored } = load(
      Object.fromEntries(names.map((name) => [name, ' '.repeat(name.length % 2)])),
    );
    expect(config).toMatchObject({ clientPort: 2181, dataDir: '/srv/data', myId: undefined });
    expect([ensemble, ignored]).toEqual([undefined, []]);
  });

  it('make a member, which is server 1 unless ZOO_MY_ID or a file says otherwise', () => {
    const id = (env: Record<string, string>, files = {}): number | undefined => load(env, files).ensemble?.sid;
    expect(id({ ZOO_SERVERS: three })).toBe(1);
    expect(id({ ZOO_SERVERS: three, ZOO_MY_ID: '2' })).toBe(2);
    expect(id({ ZOO_SERVERS: three, ZOO_MY_ID: '2' }, { '/srv/data/myid': '3' })).toBe(3);
  });

  it('give way to a file in ZOO_CONF_DIR, all but the number of the server', () => {
    const file = `dataDir=/kept\n${three.replaceAll(' ', '\n')}\ninitLimit=5\nsyncLimit=2\n`;
    const { config, ensemble, ignored } = load(
      { ZOO_CONF_DIR: '/conf', ZOO_DATA_DIR: '/data', ZOO_MY_ID: '2' },
      { '/conf/zoo.cfg': file },
    );
    expect([config.dataDir, ensemble?.sid, ignored.map(({ key }) => key)]).toEqual(['/kept', 2, ['ZOO_DATA_DIR']]);
  });

  it('that nobody knows are told', () => {
    expect(load({ ZOO_TICKTIME: '1' }).ignored.map(({ key }) => key)).toEqual(['ZOO_TICKTIME']);
  });
});

describe('variables of the second dialect', () => {
  it('are settings of the same meaning', () => {
    const { config } = load({
      ZOO_PORT_NUMBER: '2281',
      ZOO_ENABLE_ADMIN_SERVER: 'yes',
      ZOO_ADMIN_SERVER_ADDRESS: '0.0.0.0',
      ZOO_AUTOPURGE_INTERVAL: '6',
      ZOO_CFG_snapCount: '5000',
      ZOO_ENABLE_PROMETHEUS_METRICS: 'yes',
    });
    expect(config).toMatchObject({ clientPort: 2281, adminEnabled: true, adminAddress: '0.0.0.0' });
    expect(config).toMatchObject({ purgeIntervalHours: 6, snapCount: 5000 });
    expect(config.metricsProvider).toMatch(/PrometheusMetricsProvider$/);
  });

  it('list members by place or by number; one alone is a server of its own', () => {
    const sids = (servers: string, id = '1'): number[] => [
      ...(load({ ZOO_SERVERS: servers, ZOO_SERVER_ID: id }).ensemble?.config.members.keys() ?? []),
    ];
    expect(sids('a:2888:3888,b:2888:3888,c:2888:3888')).toEqual([1, 2, 3]);
    expect(sids('a:2888:3888::5 b:2888:3888:observer::7 c:2888:3888::9', '5')).toEqual([5, 7, 9]);
    expect(sids('a:2888:3888')).toEqual([]);
  });

  it('that ask for security stop the start', () => {
    for (const name of [
      'ZOO_TLS_CLIENT_ENABLE',
      'ZOO_TLS_QUORUM_ENABLE',
      'ZOO_ENABLE_AUTH',
      'ZOO_ENABLE_QUORUM_AUTH',
    ]) {
      expect(() => load({ [name]: 'yes' }), name).toThrow(/less safe/);
      expect(load({ [name]: 'no' }).ignored, name).toEqual([]);
    }
  });
});
