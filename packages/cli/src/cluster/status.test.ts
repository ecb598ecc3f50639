// The state of an ensemble from what its servers say, in words and numbers. The servers are lines of text, recorded from
// ZooKeeper 3.9.5; one of the tests has real sockets.

import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { askServer, readAdmin, readSrvr } from './ask.ts';
import type { ServerFacts } from './ask.ts';
import { collect } from './collect.ts';
import { clusterStatus } from './members.ts';
import { statusText } from './status-text.ts';

const srvr = (mode: string, zxid: string): string =>
  `Zookeeper version: 3.9.5-b9a5f2ef1ee0e4ea4ae7ef9d1a2f9b8f5c9c1fd5, built on 2025-11-05 09:10 UTC\n` +
  `Latency min/avg/max: 0/3.4112/30\nReceived: 18\nSent: 17\nConnections: 1\nOutstanding: 0\nZxid: ${zxid}\n` +
  `Mode: ${mode}\nNode count: 5\n`;
const looking = 'This ZooKeeper instance is not currently serving requests\n';
const down: ServerFacts = { kind: 'unreachable', reason: 'nothing listens there' };

const config =
  [1, 2, 3].map((id) => `server.${id}=zk${id}:2888:3888:participant;0.0.0.0:2181`).join('\n') +
  '\nserver.4=zk4:2888:3888:observer;0.0.0.0:2181\nversion=100000000';

/** The state when these servers say this. */
async function status(
  said: Readonly<Record<string, ServerFacts>>,
  server = 'zk1',
  text: string | null = config,
  ids: Readonly<Record<string, { value: number; isWhole: boolean }>> = {},
) {
  const endpoints = server.split(',').map((host) => ({ host, port: 2181 }));
  const ask = ({ host }: { readonly host: string }) => Promise.resolve(said[host] ?? down);
  const address = { endpoints, chroot: '', credentials: null, tls: false };
  const readConfig = () => Promise.resolve(text);
  const identify = ({ host }: { readonly host: string }) => Promise.resolve(ids[host] ?? null);
  const resolve = (host: string) => Promise.resolve([host]);
  const { seen, config: found } = await collect(address, { ask, readConfig, identify, resolve });
  return clusterStatus(seen, found);
}

const all = {
  zk1: readSrvr(srvr('follower', '0x200000004')),
  zk2: readSrvr(srvr('leader', '0x200000007')),
  zk3: readSrvr(srvr('follower', '0x100000009')),
  zk4: readSrvr(srvr('observer', '0x200000007')),
};

describe('cluster status', () => {
  it('finds every member from one address, and says what the quorum survives', async () => {
    const found = await status(all);
    expect(found).toMatchObject({ leader: 2, problems: [], quorum: { voters: 3, up: 3, size: 2, survives: 1 } });
    expect(found.members.map(({ lag }) => lag)).toEqual([3, 0, 7, 0]);
    const text = statusText(found);
    expect(text).toMatch(/^2 +zk2:2181 +yes +LEADER +serving +2 +0x200000007 +0 +1 +3\.4\/30 +3\.9\.5$/m);
    expect(text).toMatch(/^4 +zk4:2181 +no +observer /m);
    expect(text).toContain('3 voters, 3 up, survives 1 failure; 1 observer, 1 up\n');
  });

  it('has a row and a sentence for each server that does not answer', async () => {
    const found = await status({ ...all, zk3: down });
    expect(found.quorum?.summary).toMatch(/^3 voters, 2 up, survives no further failure/);
    expect(found.problems).toEqual(['server 3 (zk3:2181) is unreachable: nothing listens there']);
    expect(statusText(found)).toMatch(/^3 +zk3:2181 +yes +- +unreachable( +-)+$/m);
  });

  it('says that the quorum is gone', async () => {
    const found = await status({ zk1: { ...all.zk1, mode: 'read-only' } as ServerFacts });
    expect(found.quorum?.summary).toMatch(/^3 voters, 0 up, no quorum, which takes 2/);
    expect(found.problems).toContain('no server says that it leads');
  });

  it('notices two servers that say they lead', async () => {
    const found = await status({ ...all, zk3: readSrvr(srvr('leader', '0x100000009')) });
    expect(found.leader).toBeNull();
    expect(found.problems[0]).toMatch(/server 2 .*epoch 2.*server 3 .*epoch 1.*highest epoch/);
    expect(found.members.map(({ lag }) => lag)).toEqual([3, 0, 7, 0]);
  });

  it('shows what was asked when nobody tells who the members are', async () => {
    const found = await status({ zk1: readSrvr(looking) }, 'zk1,zk2', null);
    expect(found.members.map(({ state }) => state)).toEqual(['not serving', 'unreachable']);
    expect(found).toMatchObject({ quorum: null, problems: { length: 3 } });
  });

  it('adds servers that were asked and belong to nobody', async () => {
    const found = await status({ ...all, other: all.zk3 }, 'zk1,other');
    expect(found.members.at(-1)).toMatchObject({ id: null, address: 'other:2181', role: 'follower' });
    expect((await status({ ...all, other: all.zk3 }, 'other')).members).toHaveLength(4);
  });

  it('asks members without a client port on the port of the others', async () => {
    const bare = config.replaceAll(';0.0.0.0:2181', '');
    expect((await status(all, 'zk1', bare)).problems).toEqual([]);
    const oneHost = bare.replaceAll(/zk\d/g, 'zk1');
    expect((await status(all, 'zk1', oneHost)).problems[0]).toContain('name it with --server');
  });

  describe('of a classic configuration, several members on one machine', () => {
    const oneHost = [1, 2, 3, 257].map((id) => `server.${id}=local:${2880 + id}:${3880 + id}:participant`).join('\n');
    const whole = (value: number) => ({ value, isWhole: true });
    const byte = (value: number) => ({ value, isWhole: false });

    it('knows each member by what it says it is', async () => {
      const found = await status(all, 'zk1,zk2,zk3', oneHost.replace(/\n.*257.*/, ''), {
        zk1: whole(3),
        zk2: whole(1),
        zk3: byte(2),
      });
      expect(found).toMatchObject({ problems: [], leader: 1, quorum: { voters: 3, up: 3, survives: 1 } });
      expect(found.members.map(({ id, address }) => [id, address])).toEqual([
        [1, 'zk2:2181'],
        [2, 'zk3:2181'],
        [3, 'zk1:2181'],
      ]);
    });

    it('does not guess between members whose ids end alike', async () => {
      const found = await status(all, 'zk1,zk2', oneHost, { zk1: byte(1), zk2: whole(2) });
      expect(found.members.map(({ id, state }) => [id, state])).toEqual([
        [1, 'not asked'],
        [2, 'serving'],
        [3, 'not asked'],
        [257, 'not asked'],
        [null, 'serving'],
      ]);
    });

    it.each([
      ['the leader', 'zk2'],
      ['a follower', 'zk1'],
      ['both, of which none says who it is', 'zk1,zk2'],
    ])('never says that there is no quorum when it sees %s', async (_, server) => {
      const found = await status(all, server, oneHost);
      expect(statusText(found)).not.toMatch(/no quorum|no server says|unreachable/);
      expect(found.problems.join()).toContain('was not asked: the configuration does not say where');
      const known = await status(all, 'zk2', oneHost, { zk2: whole(2) });
      expect(known.quorum?.summary).toBe('4 voters, 1 up, a quorum leads, of which not all was found');
    });

    it('tells apart a member that is down from one that nobody could ask', async () => {
      const found = await status({ ...all, zk3: down }, 'zk1,zk2,zk3', oneHost, { zk1: whole(1), zk2: whole(2) });
      expect(found.members.map(({ state }) => state)).toEqual([
        'serving',
        'serving',
        'not asked',
        'not asked',
        'unreachable',
      ]);
    });
  });

  it('calls a server without an ensemble by its name', async () => {
    const found = await status({ zk1: readSrvr(srvr('standalone', '0x5')) }, 'zk1', '');
    expect(statusText(found)).toContain('a standalone server: survives no failure');
    expect(found.problems).toEqual([]);
  });
});

describe('a server that is asked', () => {
  let server: Server | undefined;
  afterEach(() => server?.close());
  const listening = (answer: string | null): Promise<{ host: string; port: number }> =>
    new Promise((resolve) => {
      server = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.on('data', () => answer !== null && socket.end(answer));
      }).listen(0, '127.0.0.1', () => resolve({ host: '127.0.0.1', port: (server!.address() as AddressInfo).port }));
    });

  it('answers in time or counts as unreachable', async () => {
    expect(await askServer(await listening(srvr('leader', '0x1')), 1000)).toMatchObject({ mode: 'leader', zxid: 1n });
    server?.close();
    expect(await askServer(await listening(null), 100)).toEqual({
      kind: 'unreachable',
      reason: 'no answer within 0.1 s',
    });
    server?.close();
    const closed = await listening('');
    expect(await askServer(closed, 1000)).toEqual({
      kind: 'not serving',
      reason: 'it closes the connection without an answer',
    });
    expect(await askServer({ host: '127.0.0.1', port: 1 }, 1000)).toEqual(down);
  });

  it('may refuse the word, be no ZooKeeper, or be cut off from the others', () => {
    expect(readSrvr('srvr is not executed because it is not in the whitelist.\n')).toMatchObject({
      reason: expect.stringContaining('whitelist'),
    });
    expect(readSrvr('HTTP/1.1 400 Bad Request\r\n')).toMatchObject({ kind: 'not serving' });
    expect(readSrvr(`READ-ONLY mode; serving only read-only clients\n${srvr('read-only', '0x1')}`)).toMatchObject({
      mode: 'read-only',
    });
  });

  it('says the same through its AdminServer', () => {
    const stats = { last_processed_zxid: 8589934599, server_state: 'leader', avg_latency: 3.4, max_latency: 30 };
    expect(readAdmin({ version: '3.9.5-x, built', read_only: false, server_stats: stats })).toMatchObject({
      mode: 'leader',
      zxid: 0x200000007n,
      latencyMs: { min: 0, avg: 3.4, max: 30 },
    });
    const error = 'This ZooKeeper instance is not currently serving requests';
    expect(readAdmin({ error })).toMatchObject({ kind: 'not serving', reason: expect.stringContaining('looks for') });
  });
});
