import { JuteWriter, parseEnsembleConfig, writeInitialMessage, writeNotification } from '@corral/protocol';
import type { Zxid } from '@corral/protocol';
import { expect, test } from 'vitest';
import { ElectionWorld, configOf, memberLine } from './testing/election-world.ts';
import type { Disk } from './testing/election-world.ts';

function boot(voters: number, disks: readonly Disk[] = [], seed = 1, observers = 0) {
  const world = new ElectionWorld({ config: configOf(voters, observers), seed });
  for (let sid = 1; sid <= voters + observers; sid++) world.start(sid, disks[sid - 1] ?? { zxid: 100, epoch: 1 });
  return world;
}

/** Boots and waits for the leader. */
function settled(voters: number, disks: readonly Disk[] = [], seed = 1, observers = 0) {
  const world = boot(voters, disks, seed, observers);
  world.until(() => world.isSettled);
  return world;
}

function greeting(sid: number, port = 1): Uint8Array {
  const out = new JuteWriter();
  writeInitialMessage(out, { form: 'v1', sid, addresses: [{ host: 'stranger', port }] });
  return out.toBytes();
}

function notification(leader: number, round: number, zxid = 999): Uint8Array {
  const out = new JuteWriter();
  writeNotification(out, { state: 'looking', leader, zxid: zxid as Zxid, round, peerEpoch: 1, config: '' });
  return out.toBytes();
}

test('three servers elect the one with the largest epoch, zxid and id, in this order', () => {
  const leaderOf = (...disks: Disk[]): number | undefined => settled(disks.length, disks).at(1).leader;
  const same = { zxid: 100, epoch: 1 };
  expect(leaderOf(same, same, same)).toBe(3);
  expect(leaderOf(same, { zxid: 101, epoch: 1 }, same)).toBe(2);
  expect(leaderOf({ zxid: 5, epoch: 2 }, { zxid: 101, epoch: 1 }, same)).toBe(1);
});

test('five servers elect one leader, whatever the network does with their bytes', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = boot(5, [], seed);
    expect(world.until(() => world.isSettled)).toBeLessThan(100);
    expect(world.story).toBe('1 follows 5, 2 follows 5, 3 follows 5, 4 follows 5, 5 leads');
  }
});

test('servers that all speak up are elected among without waiting; a missing one is waited for', () => {
  const all = boot(3);
  expect(all.until(() => all.isSettled)).toBeLessThan(30);
  const two = new ElectionWorld({ config: configOf(3) });
  two.start(1);
  two.start(2);
  const took = two.until(() => two.isSettled);
  expect(took).toBeGreaterThan(200);
  expect(took).toBeLessThan(300);
});

test('a lost leader is replaced within milliseconds', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = settled(5, [], seed);
    world.run(1000);
    world.kill(5);
    expect(world.until(() => world.isSettled)).toBeLessThan(50);
    expect(world.at(1).leader).toBe(4);
  }
});

test('a restarted voter joins in one round trip', () => {
  const world = settled(3);
  world.run(1000);
  world.kill(1);
  world.run(3000);
  world.start(1);
  expect(world.until(() => world.isSettled)).toBeLessThan(15);
  expect(world.at(1).elections).toBe(2);
});

/** A majority that is whole, with each of the two others cut off or connected to one of it. */
function* bridgedMajorities(): Generator<{ core: readonly number[]; bridges: readonly (number | undefined)[] }> {
  const sids = [1, 2, 3, 4, 5];
  for (const a of sids)
    for (const b of sids.filter((sid) => sid > a)) {
      const core = sids.filter((sid) => sid !== a && sid !== b);
      for (const first of [...core, undefined])
        for (const second of [...core, undefined]) yield { core, bridges: [first, second] };
    }
}

test('three of five that can talk to each other find a leader, whoever else can talk to one of them', () => {
  let seed = 0;
  for (const { core, bridges } of bridgedMajorities()) {
    for (const areOutsidersConnected of [true, false]) {
      const world = new ElectionWorld({ config: configOf(5), seed: ++seed, delayMs: 10, maxMs: 2000 });
      for (const sid of [1, 2, 3, 4, 5]) world.start(sid, { zxid: 100 + world.random(2), epoch: 1 + world.random(2) });
      if (seed % 3 === 0) world.until(() => world.isSettled);
      else world.run(world.random(500));
      const outside = [1, 2, 3, 4, 5].filter((sid) => !core.includes(sid));
      outside.forEach((sid, i) => core.forEach((other) => other === bridges[i] || world.cut(sid, other)));
      if (!areOutsidersConnected) world.cut(outside[0], outside[1]);
      // All of it, or what has joined the others to make another majority.
      world.until(() => core.some((sid) => world.at(sid).isEstablished), 30_000);
    }
  }
});

test('observers follow the leader that the voters elect, and are not elected', () => {
  const world = settled(3, [undefined!, undefined!, undefined!, { zxid: 900, epoch: 9 }], 3, 2);
  expect(world.story).toBe('1 follows 3, 2 follows 3, 3 leads, 4 observes 3, 5 observes 3');
  world.kill(3);
  world.until(() => world.isSettled);
  expect(world.story).toBe('1 follows 2, 2 leads, 3 is down, 4 observes 2, 5 observes 2');
});

test('an observer with the smallest id is called by the voters', () => {
  const members = [memberLine(1, false), memberLine(2), memberLine(3), memberLine(4)].join('\n');
  const world = new ElectionWorld({ config: parseEnsembleConfig(members) });
  for (let sid = 1; sid <= 4; sid++) world.start(sid);
  world.until(() => world.isSettled);
  expect(world.story).toBe('1 observes 4, 2 follows 4, 3 follows 4, 4 leads');
});

test('a server that was away while leaders changed finds the present one', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = settled(5, [], seed);
    world.kill(1);
    for (let i = 0; i < 4; i++) {
      const leader = world.at(2).leader!;
      world.kill(leader);
      world.until(() => world.isSettled);
      world.start(leader);
      world.until(() => world.isSettled);
    }
    world.start(1);
    expect(world.until(() => world.isSettled)).toBeLessThan(50);
  }
});

test('rolling restarts converge each time', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const world = settled(5, [], seed);
    for (const sid of [5, 1, 4, 2, 3, 5]) {
      world.kill(sid);
      world.run(world.random(400));
      world.start(sid);
      world.until(() => world.isSettled, 3000);
    }
  }
});

test('a notification that arrives after the decision does not undo it', () => {
  const world = new ElectionWorld({ config: configOf(5) });
  world.hold(5, 2);
  for (const sid of [1, 2, 3, 4]) world.start(sid, { zxid: 100, epoch: 1 });
  world.until(() => world.isSettled);
  world.start(5, { zxid: 200, epoch: 1 });
  world.run(100);
  world.release(5, 2);
  world.run(1000);
  expect(world.story).toBe('1 follows 4, 2 follows 4, 3 follows 4, 4 leads, 5 follows 4');
});

test('a majority elects although the best candidate is known to them by hearsay only', () => {
  const world = new ElectionWorld({ config: configOf(5) });
  for (const sid of [1, 2, 3]) world.cut(5, sid);
  for (const sid of [1, 2, 3, 4, 5]) world.start(sid, { zxid: 100, epoch: 1 });
  const hasLeader = (): boolean => [1, 2, 3].every((sid) => world.at(sid).isEstablished);
  expect(world.until(hasLeader)).toBeLessThan(5000);
  expect(world.at(1).leader).not.toBe(5);
});

test('a server that answers no connection attempt does not delay the others', () => {
  const world = new ElectionWorld({ config: configOf(5) });
  world.start(5);
  world.kill(5);
  world.blackHole(5);
  for (const sid of [1, 2, 3, 4]) world.start(sid);
  expect(world.until(() => world.isSettled)).toBeLessThan(300);
});

test('truncated notifications and garbage leave everybody able to elect', () => {
  const world = settled(3);
  const whole = notification(3, 1).subarray(4);
  for (let length = 0; length <= whole.length; length++) {
    const frame = new JuteWriter();
    frame.buffer(whole.subarray(0, length));
    const stranger = world.stranger(1);
    stranger.send(greeting(3));
    stranger.send(frame.toBytes());
    world.run(1);
  }
  for (let i = 0; i < 200; i++) {
    const stranger = world.stranger(1 + (i % 3));
    if (i % 2 === 0) stranger.send(greeting(3));
    stranger.send(Uint8Array.from({ length: 1 + world.random(60) }, () => world.random(256)));
  }
  world.run(6000);
  world.kill(3);
  world.until(() => world.isSettled);
  expect(world.at(1).leader).toBe(2);
  expect(world.at(1).notes.length).toBeLessThan(10);
});

test('a round near the end of all numbers does not stop later elections', () => {
  const world = settled(3);
  for (const round of [2 ** 33, 2 ** 52, Number.MAX_SAFE_INTEGER]) {
    const leader = world.at(1).leader!;
    world.kill(leader);
    const victim = world.at(1).state === 'down' ? 2 : 1;
    const poisoner = world.stranger(victim);
    world.run(5);
    poisoner.send(greeting(3));
    poisoner.send(notification(3, round));
    world.until(() => world.isSettled);
    world.start(leader);
    world.until(() => world.isSettled);
  }
  expect(Math.max(...[1, 2, 3].map((sid) => world.at(sid).election.round))).toBeLessThan(100);
});

test('three empty servers find out that they are a new ensemble', () => {
  const empty: Disk = { zxid: undefined, epoch: 0 };
  for (let seed = 1; seed <= 20; seed++) {
    const world = new ElectionWorld({ config: configOf(3), seed });
    for (const sid of [1, 2, 3]) world.after(world.random(500), () => world.start(sid, { ...empty }));
    world.until(() => world.servers.size === 3 && world.isSettled, 2000);
  }
});

test('a wiped server and one that is behind elect nobody; with the third they do, and nothing is lost', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const world = settled(
      3,
      [
        { zxid: 100, epoch: 1 },
        { zxid: 100, epoch: 1 },
        { zxid: 90, epoch: 1 },
      ],
      seed,
    );
    for (const sid of [1, 2, 3]) world.kill(sid);
    world.start(2, { zxid: undefined, epoch: 0 });
    world.start(3, { zxid: 90, epoch: 1 });
    world.run(20_000);
    expect(world.story).toBe('1 is down, 2 looks, 3 looks');
    world.start(1, { zxid: 100, epoch: 2 });
    world.until(() => world.isSettled);
    expect([world.at(2).leader, world.at(2).disk.zxid]).toEqual([1, 100]);
  }
});

test('a wiped server and one that never had anything elect nobody either', () => {
  const world = new ElectionWorld({ config: configOf(3) });
  world.start(1, { zxid: undefined, epoch: 0 });
  world.start(3, { zxid: 0, epoch: 0 });
  world.run(20_000);
  expect(world.story).toBe('1 looks, 3 looks');
  world.start(2, { zxid: 7, epoch: 1 });
  world.until(() => world.isSettled);
  expect(world.at(1).leader).toBe(2);
});

test('a server that was away during a reconfiguration takes the newer configuration and finds the leader', () => {
  const config = configOf(3, 0, 1);
  const world = new ElectionWorld({ config, reconfigEnabled: true });
  const newer = configOf(4, 0, 2);
  world.start(1, undefined, config);
  for (const sid of [2, 3, 4]) world.start(sid, undefined, newer);
  world.until(() => world.isSettled && world.servers.size === 4);
  expect(world.at(1).quorums.committed.version).toBe(2);
});

test('servers whose connections cross many times end with one between each two', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = new ElectionWorld({ config: configOf(5), seed, delayMs: 60 });
    for (const sid of [1, 2, 3, 4, 5]) world.start(sid);
    world.run(5000);
    for (const { sid, mesh } of world.servers.values())
      expect(mesh.connectedTo).toEqual([1, 2, 3, 4, 5].filter((other) => other !== sid));
    expect(world.isSettled).toBe(true);
  }
});

test('servers that cannot elect talk less and less', () => {
  const world = new ElectionWorld({ config: configOf(5, 2) });
  world.start(1, { zxid: undefined, epoch: 0 });
  world.start(2, { zxid: undefined, epoch: 4 });
  world.start(3);
  for (const sid of [3, 6, 7]) world.start(sid).election.round = sid;
  world.run(10_000);
  const inMinutes = [1, 2, 3].map(() => {
    world.messages = 0;
    world.run(60_000);
    return world.messages;
  });
  expect(inMinutes[0]).toBeLessThan(120);
  expect(inMinutes).toEqual(inMinutes.toSorted((a, b) => b - a));
});

test('after any mixture of crashes and cuts everybody finds one leader', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const voters = 3 + 2 * (seed % 3);
    const world = new ElectionWorld({ config: configOf(voters, 1), seed, delayMs: [0.2, 1, 20, 80][seed % 4] });
    const all = Array.from({ length: voters + 1 }, (_, i) => i + 1);
    const startThoseDown = (): void => {
      for (const sid of all) if (world.at(sid).state === 'down') world.start(sid);
    };
    for (const sid of all) world.start(sid, { zxid: world.random(3), epoch: world.random(2) });
    for (let i = 0; i < 15; i++) {
      world.run(world.random(700));
      const [a, b] = [all[world.random(all.length)], all[world.random(all.length)]];
      const fault = world.random(4);
      if (fault === 0 && world.at(a).state !== 'down') world.kill(a);
      else if (fault === 1 && a !== b) world.cut(a, b);
      else if (fault === 2) world.heal();
      else startThoseDown();
    }
    world.heal();
    startThoseDown();
    world.until(() => world.isSettled, 5000);
  }
});
