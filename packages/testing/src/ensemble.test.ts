// An ensemble without ports: members die, are cut off and lag; clients find their way. Time is virtual where it matters.

import { connect } from '@corral/client';
import { describe, expect, it } from 'vitest';
import { startEnsemble } from './index.ts';

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: unknown) => (error as { code: string }).code,
  );

describe('an ensemble in memory', () => {
  it('has at least one member, and a whole number of them', async () => {
    for (const options of [{ size: 0 }, { size: 1.5 }, { observers: -1 }, { size: 250, observers: 6 }]) {
      await expect(startEnsemble(options)).rejects.toThrow('an ensemble has 1 to 255 members');
    }
  });

  it('has a leader, and every member serves the same', async () => {
    await using ensemble = await startEnsemble({ observers: 1 });
    expect(ensemble.members.map(({ role }) => role).toSorted()).toEqual([
      'following',
      'following',
      'leading',
      'observing',
    ]);
    await using zk = await ensemble.connect({ server: ensemble.followers[0] });
    await zk.create('/a', 'one');
    await ensemble.waitUntilSame();
    for (const member of ensemble.members) expect(member.dump()['/a'].data).toBe('one');
    expect(ensemble.serverOf(zk)).toBe(ensemble.followers[0]);
  });

  it('is reached over TCP when asked', async () => {
    await using ensemble = await startEnsemble({ tcp: true });
    await using zk = await connect(ensemble.connectString);
    await zk.create('/a', 'over the wire');
    expect(ensemble.leader.dump()['/a'].data).toBe('over the wire');
    // Tools go to the members by what the configuration says of them.
    const config = await zk.getText('/zookeeper/config');
    const told = config.split('\n').flatMap((line) => /^server\.\d+=.*;(.*)$/.exec(line)?.[1] ?? []);
    expect(told.join()).toBe(ensemble.connectString);
  });

  it('survives its leader: another one leads, nothing is lost, clients move', async () => {
    await using ensemble = await startEnsemble();
    const former = ensemble.leader;
    await using zk = await ensemble.connect({ server: ensemble.leader });
    await using other = await ensemble.connect();
    await zk.create('/a', 'kept');
    await former.kill();
    const leader = await ensemble.waitForLeader({ not: former });
    expect(leader.id).not.toBe(former.id);
    await other.sync();
    expect(await other.getText('/a')).toBe('kept');
    await former.start();
    await ensemble.waitUntilSame();
    expect(former.role).toBe('following');
    expect(await zk.getText('/a')).toBe('kept');
  });

  it('gives a member with an empty disk everything back', async () => {
    await using ensemble = await startEnsemble();
    await ensemble.seed({ '/a': 'one', '/b': 'two' });
    const [follower] = ensemble.followers;
    await follower.restart({ wipe: true });
    await ensemble.waitUntilSame();
    expect(Object.keys(follower.dump())).toEqual(['/a', '/b']);
  });

  it('expires sessions wherever their clients are', async () => {
    await using ensemble = await startEnsemble();
    await using zk = await ensemble.connect({ server: ensemble.followers[0] });
    await zk.create('/e', '', { mode: 'ephemeral' });
    const { id } = zk.session!;
    const renewed = new Promise<bigint | null>((resolve) => zk.on('session', (change) => resolve(change.old)));
    ensemble.expireSession(zk);
    expect(await renewed).toBe(id);
    await zk.sync();
    expect(await zk.exists('/e')).toBeNull();
  });

  it('strikes faults at whatever member the client is connected to', async () => {
    await using ensemble = await startEnsemble();
    const [follower] = ensemble.followers;
    await using zk = await ensemble.connect({ server: follower });
    const fault = ensemble.faults.inject({ op: 'create', when: 'afterApply', do: 'disconnect' });
    expect(await codeOf(zk.create('/a'))).toBe('ConnectionLoss');
    expect(fault.hits).toMatchObject([{ server: follower.id, paths: ['/a'] }]);
    expect(await zk.exists('/a')).not.toBeNull();
  });

  it('lets a lagging follower serve an old state, until a sync', async () => {
    await using ensemble = await startEnsemble();
    const [late, quick] = ensemble.followers;
    late.lag('hold');
    await using writer = await ensemble.connect({ server: quick });
    const reader = ensemble.createClient({ server: late });
    await reader.connect({ timeout: 50 }).catch(() => undefined); // its session cannot be made durable there
    await writer.create('/a', 'one');
    expect(late.dump()).toEqual({});
    late.catchUp();
    await reader.connect();
    await reader.sync();
    expect(await reader.getText('/a')).toBe('one');
    await reader.close();
  });
});

describe('an ensemble under virtual time', () => {
  it('elects without waiting, and keeps what a majority has while one member is cut off', async () => {
    await using ensemble = await startEnsemble({ clock: 'virtual' });
    const { clock } = ensemble;
    const former = ensemble.leader;
    await using zk = await ensemble.connect();
    await clock.until(zk.create('/a', 'one'));
    ensemble.isolate(former);
    const leader = await ensemble.waitForLeader({ not: former });
    expect(leader.id).not.toBe(former.id);
    await clock.until(zk.set('/a', 'two').catch(() => clock.until(zk.sync())));
    await clock.until(zk.set('/a', 'three'), '5m');
    ensemble.heal();
    await ensemble.waitUntilSame('5m');
    expect(ensemble.members.map((member) => member.dump()['/a'].data)).toEqual(['three', 'three', 'three']);
  });

  it('has no leader while no majority can talk, and one again when it heals', async () => {
    await using ensemble = await startEnsemble({ clock: 'virtual' });
    ensemble.partition([[1], [2], [3]]);
    await ensemble.clock.advance('1m');
    expect(() => ensemble.leader).toThrow(/nobody leads/);
    ensemble.heal();
    await ensemble.waitForLeader();
  });

  it('puts clients on one side of a partition', async () => {
    await using ensemble = await startEnsemble({ clock: 'virtual' });
    const { clock, leader } = ensemble;
    await using zk = await ensemble.connect({ server: leader, sessionTimeout: 6000 });
    await using other = await ensemble.connect();
    await zk.create('/e', '', { mode: 'ephemeral' });
    ensemble.partition([[leader, zk], ensemble.followers]);
    await ensemble.waitForLeader({ not: leader });
    await clock.advance('30s');
    expect(zk.state).not.toBe('connected');
    await clock.until(other.sync());
    expect(await clock.until(other.exists('/e'))).toBeNull();
    ensemble.heal();
    await clock.until(() => zk.state === 'connected');
  });

  it('moves a session to a follower that has not seen its last write', async () => {
    await using ensemble = await startEnsemble({ clock: 'virtual' });
    const { clock } = ensemble;
    const [late, quick] = ensemble.followers;
    await using zk = ensemble.createClient({ server: [late, quick] });
    ensemble.cutOff(zk, [late]);
    await clock.until(zk.connect());
    const { id } = zk.session!;
    ensemble.heal();
    late.lag('hold');
    ensemble.faults.inject({ op: 'create', when: 'afterApply', do: () => quick.kill() });
    expect(await clock.until(codeOf(zk.create('/a')))).toBe('ConnectionLoss');
    await clock.until(() => zk.state === 'connected');
    expect([ensemble.serverOf(zk), zk.session!.id]).toEqual([late, id]);
    expect(await zk.exists('/a')).toBeNull();
    const synced = zk.sync();
    late.catchUp();
    await clock.until(synced);
    expect(await zk.exists('/a')).not.toBeNull();
  });

  it('replaces a leader that stands still', async () => {
    await using ensemble = await startEnsemble({ clock: 'virtual' });
    const former = ensemble.leader;
    former.pause();
    await ensemble.waitForLeader({ not: former });
    former.resume();
    await ensemble.waitUntilSame();
    expect(former.role).toBe('following');
  });

  it('keeps sessions while time flies', async () => {
    await using ensemble = await startEnsemble({ clock: 'virtual' });
    await using zk = await ensemble.connect({ server: ensemble.followers[0], sessionTimeout: 10_000 });
    const { id } = zk.session!;
    await ensemble.clock.advance('10m');
    expect([zk.state, zk.session!.id]).toEqual(['connected', id]);
  });
});
