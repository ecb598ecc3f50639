// Run by process.test.ts with `node --test`: the hooks for node:test, used as an application would use them.

import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { ensembleFor, serverFor, useEnsemble, useServer } from '@corral/testing/node';

test('a server that ends with its test', async (t) => {
  const server = await serverFor(t);
  const zk = await server.connect();
  await zk.create('/e', '', { mode: 'ephemeral' });
  assert.deepEqual(Object.keys(server.dump()), ['/e']);
});

test('virtual time', async (t) => {
  const server = await serverFor(t, { clock: 'virtual' });
  const zk = await server.connect();
  await server.clock.advance('1h');
  assert.equal(zk.state, 'connected');
});

test('an ensemble that ends with its test', async (t) => {
  const ensemble = await ensembleFor(t);
  await ensemble.leader.kill();
  const zk = await ensemble.connect();
  await zk.create('/a');
});

describe('one for all tests of a suite', () => {
  const suite = useServer();
  const members = useEnsemble({ size: 1 });

  it('is there in the first', async () => {
    const zk = await suite.server.connect();
    await zk.create('/a');
    await zk.close();
  });
  it('is the same in the second', async () => {
    assert.deepEqual(Object.keys(suite.server.dump()), ['/a']);
    assert.equal(members.ensemble.leader.id, 1);
  });
});
