// The calls that read and change who belongs to the ensemble.

import { expect, it } from 'vitest';
import { stat } from './testing/fake-ensemble.ts';
import { rejection, setUp } from './testing/setup.ts';

const text = 'server.1=a:2888:3888:participant;0.0.0.0:2181\nversion=100000000';
const data = Buffer.from(text);

it('the configuration is read from its node, whatever the chroot', async () => {
  const { client, ensemble } = await setUp({ address: 'a:1/app' });
  ensemble.handler = (received, link) => link.reply(received, 'getData', { data, stat: stat() });
  expect((await client.scope('/t').getConfig()).config).toBe(text);
  expect(ensemble.link.received.map(({ request }) => request['path'])).toEqual(['/zookeeper/config']);
});

it('a standalone server has an empty configuration', async () => {
  const { client, ensemble } = await setUp();
  ensemble.handler = (received, link) => link.reply(received, 'getData', { data: null, stat: stat() });
  expect((await client.getConfig()).config).toBe('');
});

it('a change names who joins and leaves, or the whole list, and the version it is for', async () => {
  const { client, ensemble } = await setUp();
  ensemble.handler = (received, link) => link.reply(received, 'reconfig', { data, stat: stat() });
  const joining = ['server.4=d:2888:3888;2181', 'server.5=e:2888:3888;2181'];
  expect((await client.reconfig({ joining, leaving: ['1', '2'], fromConfig: 0x100000000n })).config).toBe(text);
  await client.reconfig({ members: ['server.1=a:2888:3888;2181', 'server.2=b:2888:3888;2181'] });
  expect(ensemble.link.received.map(({ request }) => request)).toEqual([
    { joiningServers: joining.join(','), leavingServers: '1,2', newMembers: null, curConfigId: 0x100000000n },
    {
      joiningServers: null,
      leavingServers: null,
      newMembers: 'server.1=a:2888:3888;2181,server.2=b:2888:3888;2181',
      curConfigId: -1n,
    },
  ]);
});

it.each([
  [-14, 'ReconfigInProgress', true],
  [-13, 'NewConfigNoQuorum', true],
  [-103, 'BadVersion', false],
  [-123, 'ReconfigDisabled', false],
  [-102, 'NoAuth', false],
])('refusal %i of a change is %s', async (number, code, retryable) => {
  const { client, ensemble } = await setUp();
  ensemble.handler = (received, link) => link.refuse(received, number);
  const refusal = await rejection(client.reconfig({ leaving: ['1'] }));
  expect(refusal).toMatchObject({ code, retryable, op: 'reconfig', ambiguous: false });
});

it('a change whose answer is lost may have happened', async () => {
  const { client, ensemble } = await setUp();
  ensemble.handler = () => undefined;
  const change = rejection(client.reconfig({ leaving: ['1'] }));
  ensemble.link.fail(new Error('the leader changed'));
  expect(await change).toMatchObject({ code: 'ConnectionLoss', ambiguous: true });
});
