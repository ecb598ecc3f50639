// The fixtures, used as an application would use them.

import { describe, expect } from 'vitest';
import { test } from '@corral/testing/vitest';
import type { TestServer } from '@corral/testing';

const servers: TestServer[] = [];

describe('the fixtures', () => {
  test('give a test a client of a server of its own', async ({ zk, server }) => {
    servers.push(server);
    await zk.create('/e', '', { mode: 'ephemeral' });
    await server.connect(); // closed for us
    expect(Object.keys(server.dump())).toEqual(['/e']);
  });

  test('give the next test another one, and close the first', async ({ zk, server }) => {
    expect(await zk.exists('/e')).toBeNull();
    expect(server).not.toBe(servers[0]);
    expect(servers[0].isUp).toBe(false);
  });

  test('start nothing that a test does not name', () => {
    expect(servers).toHaveLength(1);
  });

  test('give a test an ensemble', async ({ ensemble }) => {
    const zk = await ensemble.connect();
    await zk.create('/a');
    expect(ensemble.leader.dump()).toHaveProperty('/a');
  });

  test('leave a paused server and a cut network behind in good order', async ({ server, zk }) => {
    await server.connect();
    server.cutOff(zk);
    server.pause();
  });

  describe('with options for some tests', () => {
    test.override({ serverOptions: { clock: 'virtual' }, ensembleOptions: { size: 1 } });

    test('move time', async ({ server, zk }) => {
      await server.clock.advance('1h');
      expect(zk.state).toBe('connected');
    });

    test('make an ensemble of one', async ({ ensemble }) => {
      expect(ensemble.members.map(({ role }) => role)).toEqual(['leading']);
    });
  });
});
