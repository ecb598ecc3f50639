// Members of an ensemble as processes: writes through each of them, the loss of a leader, servers without a leader,
// observers, local sessions, a restart one by one.

import { afterEach, expect, it } from 'vitest';
import { errorCodes } from '@corral/protocol';
import { Ensemble, until } from './ensemble.ts';
import type { Member } from './ensemble.ts';
import { WireClient } from './wire.ts';

const ephemeral = 1;
let ensemble: Ensemble | undefined;

afterEach(async () => {
  await ensemble?.close();
  ensemble = undefined;
});

async function start(...args: Parameters<typeof Ensemble.start>): Promise<Ensemble> {
  ensemble = await Ensemble.start(...args);
  return ensemble;
}

/** The text of a node as this member shows it when it has caught up. */
async function textAt(member: Member, path: string): Promise<string | undefined> {
  const client = await member.client();
  await client.sync();
  const text = await client.text(path);
  client.socket.destroy();
  return text;
}

const zxidOf = async (member: Member): Promise<string | undefined> =>
  /^Zxid: (\S+)/m.exec(await member.word('srvr'))?.[1];

it('what is written through any member is read from every other, and survives the leader and all of them', async () => {
  const three = await start(3);
  for (const member of three.members) {
    const client = await member.client();
    expect(await client.create(`/by-${member.sid}`, `value ${member.sid}`)).toMatchObject({ err: 0 });
    client.socket.destroy();
  }
  const leader = await three.whole();
  const [one, other] = three.others(leader);
  const client = await one.client();
  expect(await client.create('/mine', '', ephemeral)).toMatchObject({ err: 0 });
  await leader.stop('SIGKILL');
  const next = await three.whole();
  expect(next).not.toBe(leader);
  for (const member of [one, other])
    for (const sid of [1, 2, 3]) expect(await textAt(member, `/by-${sid}`)).toBe(`value ${sid}`);
  // The session goes on at another member, and the server that was lost learns of what it has missed.
  client.socket.destroy();
  const again = await WireClient.open(other.clientPort, client);
  expect(again.sessionId).toBe(client.sessionId);
  expect(await again.create('/later', 'x')).toMatchObject({ err: 0 });
  leader.launch();
  await three.whole();
  expect(await textAt(leader, '/later')).toBe('x');
  expect(await textAt(leader, '/mine')).toBe('');
  again.socket.destroy();
  await Promise.all(three.members.map((member) => member.stop('SIGKILL')));
  for (const member of three.members) member.launch();
  await three.whole();
  for (const member of three.members) expect(await textAt(member, '/later')).toBe('x');
});

it('a member that has lost its leader serves read-only clients and no others', async () => {
  const three = await start(3, {}, { properties: ['-Dreadonlymode.enabled=true'] });
  const writer = await three.members[0].client();
  expect(await writer.create('/kept', 'value')).toMatchObject({ err: 0 });
  expect(await writer.sync()).toMatchObject({ err: 0 });
  writer.socket.destroy();
  const [left, ...gone] = three.members;
  await Promise.all(gone.map((member) => member.stop('SIGKILL')));
  await until(async () => (await left.mode()) === 'read-only');
  expect(await left.word('isro')).toBe('ro');
  await expect(left.client()).rejects.toThrow(/closed/);
  const reader = await left.client({ readOnly: true });
  expect(reader.isReadOnly).toBe(true);
  expect(await reader.text('/kept')).toBe('value');
  expect(await reader.set('/kept', 'other')).toMatchObject({ err: errorCodes.NotReadOnly });
  for (const member of gone) member.launch();
  await three.whole();
  expect(await left.word('isro')).toBe('rw');
  reader.socket.destroy();
  expect(await textAt(left, '/kept')).toBe('value');
});

it("an observer serves reads, writes and watches, and its loss is nobody else's", async () => {
  const three = await start(3, {}, { observers: [3] });
  const observer = three.members[2];
  expect(await observer.mode()).toBe('observer');
  const client = await observer.client();
  expect(await client.create('/seen', 'a')).toMatchObject({ err: 0 });
  expect(await client.call('getData', { path: '/seen', watch: true })).toMatchObject({ err: 0 });
  const fired = client.nextEvent();
  const writer = await three.members[0].client();
  expect(await writer.set('/seen', 'b')).toMatchObject({ err: 0 });
  expect((await fired).path).toBe('/seen');
  expect(await client.text('/seen')).toBe('b');
  await observer.stop('SIGKILL');
  expect(await writer.set('/seen', 'c')).toMatchObject({ err: 0 });
  observer.launch();
  await until(async () => (await observer.mode()) === 'observer');
  expect(await textAt(observer, '/seen')).toBe('c');
  // One voter of two is no majority, whoever observes.
  const follower = three.others(await three.whole()).find((member) => member !== observer)!;
  await follower.stop('SIGKILL');
  await until(async () => (await observer.mode()) === undefined);
  writer.socket.destroy();
});

it('a local session costs no transaction, and becomes global with its first ephemeral', async () => {
  const three = await start(3, { localSessionsEnabled: true, localSessionsUpgradingEnabled: true });
  const leader = await three.whole();
  const [one, other] = three.others(leader);
  const before = await zxidOf(leader);
  const client = await one.client();
  expect(await client.text('/zookeeper')).toBe('');
  expect(await zxidOf(leader)).toBe(before);
  expect(await client.create('/owned', '', ephemeral)).toMatchObject({ err: 0 });
  // Only a global session is known elsewhere.
  client.socket.destroy();
  const again = await WireClient.open(other.clientPort, client);
  expect(again.sessionId).toBe(client.sessionId);
  await again.sync(); // this server may not have heard of the node yet
  const { response } = await again.call('exists', { path: '/owned', watch: false });
  expect(response?.stat.ephemeralOwner).toBe(client.sessionId);
  again.socket.destroy();
});

it('members stopped and started one by one lose nothing, and what is served goes on', async () => {
  const three = await start(3);
  const first = await three.members[0].client({ timeoutMs: 5000 });
  expect(await first.create('/n', '')).toMatchObject({ err: 0 });
  first.socket.destroy();
  let written = 0;
  for (const member of three.members) {
    await member.stop('SIGTERM');
    expect(member.child?.exitCode).toBe(0);
    await three.whole();
    for (const running of three.running) {
      const client = await running.client();
      expect(await client.create(`/n/${written}`, String(written))).toMatchObject({ err: 0 });
      written++;
      client.socket.destroy();
    }
    member.launch();
    await three.whole();
  }
  for (const member of three.members)
    for (let at = 0; at < written; at++) expect(await textAt(member, `/n/${at}`)).toBe(String(at));
});
