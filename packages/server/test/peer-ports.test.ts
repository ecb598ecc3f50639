// Whatever arrives at the ports between members - garbage, forged names, absurd numbers, a peer that stops reading or stops
// in the middle - costs that connection and a line in the log. Nothing is lost, and the ensemble serves on.

import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  JuteWriter,
  beginPacket,
  endPacket,
  packetTypes,
  writeAckEpoch,
  writeInitialMessage,
  writeLeaderInfo,
  writeLearnerInfo,
  writeNotification,
  writePacket,
} from '@corral/protocol';
import type { Ballot, Zxid } from '@corral/protocol';
import { Ensemble, Member, configure, until } from './ensemble.ts';
import { freePorts } from './free-ports.ts';

const settings = { tickTime: 250, initLimit: 8, syncLimit: 8 };
let ensemble: Ensemble;
let leader: Member;
const strangers: Socket[] = [];

const bytesOf = (write: (out: JuteWriter) => void): Uint8Array => {
  const out = new JuteWriter();
  write(out);
  return out.toBytes();
};

/** A connection by somebody who is no member; what it hears is thrown away unless asked for. */
async function stranger(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => socket.destroy());
  strangers.push(socket);
  await once(socket, 'connect');
  return socket;
}

async function isHungUp(socket: Socket): Promise<void> {
  socket.resume();
  await until(() => socket.destroyed || socket.readableEnded);
}

const greeting = (sid: number): Uint8Array =>
  bytesOf((out) => writeInitialMessage(out, { form: 'v1', sid, addresses: [{ host: '127.0.0.1', port: 9 }] }));

const vote = (ballot: Partial<Ballot>): Uint8Array =>
  bytesOf((out) =>
    writeNotification(out, {
      state: 'looking',
      leader: 3,
      zxid: 1 as Zxid,
      round: 1,
      peerEpoch: 1,
      config: '',
      ...ballot,
    }),
  );

const learnerInfo = (type: number, sid: number, { epoch = 0, protocolVersion = 0x10000 } = {}): Uint8Array =>
  bytesOf((out) => {
    const at = beginPacket(out, type, (epoch * 2 ** 32) as Zxid);
    writeLearnerInfo(out, { sid, protocolVersion, configVersion: 0 as Zxid });
    endPacket(out, at);
  });

const ackEpoch = (last: number): Uint8Array =>
  bytesOf((out) => {
    const at = beginPacket(out, packetTypes.ackEpoch, last as Zxid);
    writeAckEpoch(out, undefined);
    endPacket(out, at);
  });

let writes = 0;

/** Every member takes a write and shows all that came before; the leader is the one of before. */
async function servesOn(): Promise<void> {
  for (const member of ensemble.running) {
    const client = await member.client();
    expect(await client.create(`/w${writes}`, String(writes))).toMatchObject({ err: 0 });
    writes++;
    await client.sync();
    for (let at = 0; at < writes; at++) expect(await client.text(`/w${at}`)).toBe(String(at));
    client.socket.destroy();
  }
  expect(await leader.mode()).toBe('leader');
}

/** Waits for a line, not looking at what was printed before position `from`. */
const hasLogged = (member: Member, pattern: RegExp, from = 0): Promise<void> =>
  until(() => pattern.test(member.output.slice(from)));

beforeAll(async () => {
  ensemble = await Ensemble.start(3, settings);
  leader = await ensemble.whole();
});

afterEach(() => {
  for (const socket of strangers.splice(0)) socket.destroy();
});

afterAll(async () => {
  await ensemble.close();
});

describe('the election port', () => {
  it('closes what is no greeting and says what was wrong', async () => {
    const http = await stranger(leader.electionPort);
    http.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await isHungUp(http);
    await hasLogged(leader, /election connection with 127\.0\.0\.1:\d+ is closed/);
    for (const bytes of [Buffer.alloc(64, 0xff), Buffer.from('ffffffffffff00000000000000000002ffffffff', 'hex')]) {
      const socket = await stranger(leader.electionPort);
      socket.write(bytes);
      await isHungUp(socket);
    }
    await servesOn();
  });

  it('says that two servers have one id when somebody greets with its own', async () => {
    const member = ensemble.others(leader)[0];
    const socket = await stranger(member.electionPort);
    socket.write(greeting(member.sid));
    await isHungUp(socket);
    await hasLogged(member, /two servers have one id \(file myid\)/);
    await servesOn();
  });

  it('lets no forged vote and no absurd round start an election', async () => {
    for (const { electionPort } of ensemble.members) {
      for (const sid of [1, 2, 3, 77]) {
        const socket = await stranger(electionPort);
        socket.write(greeting(sid));
        for (const state of ['looking', 'leading', 'following', 'observing'] as const)
          for (const round of [-1, 1, 2 ** 52])
            socket.write(vote({ state, round, leader: sid, zxid: (200 * 2 ** 32) as Zxid, peerEpoch: 200 }));
        // The length of the next notification, and nothing behind it.
        socket.write(Buffer.from('7fffffff', 'hex'));
      }
    }
    await sleep(500);
    await ensemble.whole();
    await servesOn();
  });
});

describe("the leader's port", () => {
  it('closes what is no packet, a packet out of turn, a greeting too old or by the leader itself', async () => {
    const cases: [Uint8Array, RegExp][] = [
      [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), /connection to a learner closed/],
      [ackEpoch(1), /unexpected ackEpoch/],
      [learnerInfo(packetTypes.followerInfo, leader.sid), /two servers have this id/],
      [learnerInfo(packetTypes.followerInfo, 2, { protocolVersion: 1 }), /protocol version 1 is not spoken/],
      [bytesOf((out) => writePacket(out, packetTypes.followerInfo, 0 as Zxid)), /greeting of a learner needs/],
    ];
    for (const [bytes, line] of cases) {
      const socket = await stranger(leader.quorumPort);
      socket.write(bytes);
      await isHungUp(socket);
      await hasLogged(leader, line);
    }
    await servesOn();
  });

  it('does not follow a learner that claims an epoch far ahead, or a longer history', async () => {
    for (const epoch of [3000, 2 ** 20]) {
      const socket = await stranger(leader.quorumPort);
      socket.write(learnerInfo(packetTypes.followerInfo, 78, { epoch }));
      socket.write(ackEpoch(2 ** 50));
    }
    await sleep(300);
    await servesOn();
  });

  it('turns away whoever greets in the name of a follower that answers', async () => {
    const member = ensemble.others(leader)[0];
    const from = leader.output.length;
    const ends = member.output.length;
    const socket = await stranger(leader.quorumPort);
    const closed = once(socket, 'close');
    socket.write(learnerInfo(packetTypes.followerInfo, member.sid));
    socket.resume();
    await hasLogged(leader, /is connected from [^ ]* and answers: two servers may have this id/, from);
    await closed;
    expect(await member.mode()).toBe('follower');
    expect(member.output.slice(ends)).not.toMatch(/following ends/);
    await servesOn();
  });

  it('cuts off a learner that stops reading, and nobody waits for it', async () => {
    const socket = await stranger(leader.quorumPort);
    socket.write(learnerInfo(packetTypes.observerInfo, 79));
    await once(socket, 'data');
    socket.pause();
    socket.write(ackEpoch(0));
    await hasLogged(leader, /"sid":79,"kind":"/);
    const client = await ensemble.others(leader)[0].client();
    await client.create('/large', '');
    for (let at = 0; at < 20; at++) expect(await client.set('/large', 'x'.repeat(500_000))).toMatchObject({ err: 0 });
    await hasLogged(leader, /"sid":79,"address":"[^"]*","reason":"(silent for too long|it does not)/);
    client.socket.destroy();
    await servesOn();
  });

  it('takes a member that stands still for a while out of the count and takes it back', async () => {
    leader = await ensemble.whole();
    const [still, other] = ensemble.others(leader);
    still.child!.kill('SIGSTOP');
    const client = await other.client();
    for (let at = 0; at < 50; at++) expect(await client.set('/large', 'y'.repeat(100_000))).toMatchObject({ err: 0 });
    await hasLogged(leader, new RegExp(`"sid":${still.sid},"address":"[^"]*","reason":"(silent for too|it does not)`));
    expect(await client.set('/large', 'z')).toMatchObject({ err: 0 });
    const from = still.output.length;
    still.child!.kill('SIGCONT');
    // It first answers as the follower that it was.
    await hasLogged(still, /following: established/, from);
    await ensemble.whole();
    client.socket.destroy();
    await servesOn();
  });
});

describe('members that do not agree', () => {
  it('a second server with an id that is taken does no harm, and the others say so', async () => {
    const [taken, other] = ensemble.others(leader);
    const dir = join(ensemble.dir, 'twin');
    mkdirSync(join(dir, 'data'), { recursive: true });
    const ports = await freePorts(3);
    const twin = new Member(taken.sid, dir, ports);
    const line = ({ sid, quorumPort, electionPort }: Member): string =>
      `server.${sid}=127.0.0.1:${quorumPort}:${electionPort}`;
    configure(
      twin,
      settings,
      ensemble.members.map((member) => line(member === taken ? twin : member)),
    );
    twin.launch();
    for (const member of [leader, other])
      await hasLogged(member, /names election port \d+, here it has \d+: two servers may have this id/);
    await twin.stop('SIGKILL');
    await ensemble.whole();
    leader = await ensemble.whole();
    await servesOn();
  });

  it('a server with another list of members is heard of, and the others serve on', async () => {
    const odd = ensemble.others(leader)[0];
    const [port, otherPort] = await freePorts(2);
    await odd.stop('SIGTERM');
    const { members } = ensemble;
    const lines = members
      .filter((member) => member !== leader)
      .map(({ sid, quorumPort, electionPort }) => `server.${sid}=127.0.0.1:${quorumPort}:${electionPort}`);
    configure(odd, settings, [...lines, `server.9=127.0.0.1:${port}:${otherPort}`]);
    odd.launch();
    await hasLogged(odd, /which is no voter here: the server lines of the two may differ|is in no configuration here/);
    expect(await odd.mode()).toBeUndefined();
    await odd.stop('SIGKILL');
    await servesOn();
    configure(
      odd,
      settings,
      members.map(({ sid, quorumPort, electionPort }) => `server.${sid}=127.0.0.1:${quorumPort}:${electionPort}`),
    );
    odd.launch();
    await ensemble.whole();
    await servesOn();
  });

  it('a dynamic configuration with an error is refused at the start, with file, line and reason', async () => {
    const dir = join(ensemble.dir, 'wrong');
    mkdirSync(join(dir, 'data'), { recursive: true });
    const [port] = await freePorts(1);
    const member = new Member(1, dir, [port, 0, 0]);
    configure(member, { dynamicConfigFile: join(dir, 'zoo.cfg.dynamic') }, []);
    writeFileSync(join(dir, 'zoo.cfg.dynamic'), 'server.1=127.0.0.1:1:2\nserver.2=127.0.0.1:no:4\n');
    const [code] = (await once(member.launch(), 'close')) as [number];
    expect(code).toBe(2);
    expect(member.output).toMatch(/zoo\.cfg\.dynamic:2.*server\.2/s);
  });
});

describe('a leader that stops in the middle', () => {
  it('of a snapshot leaves its learner as it was', async () => {
    const two = await Ensemble.start(2, settings);
    try {
      await stopsInTheMiddle(two);
    } finally {
      await two.close();
    }
  });
});

/** Member 2 is played by this test: elected by member 1, it sends half a snapshot and hangs up. */
async function stopsInTheMiddle(two: Ensemble): Promise<void> {
  const [member, played] = two.members;
  const client = await member.client();
  expect(await client.create('/kept', 'value')).toMatchObject({ err: 0 });
  client.socket.destroy();
  await Promise.all(two.members.map((each) => each.stop('SIGTERM')));
  const files = (): string[] => readdirSync(join(member.dir, 'data', 'version-2')).sort();
  const before = files();
  let sent = 0;
  const fake = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', () => {
      socket.write(
        bytesOf((out) => {
          const at = beginPacket(out, packetTypes.leaderInfo, (5 * 2 ** 32) as Zxid);
          writeLeaderInfo(out);
          endPacket(out, at);
        }),
      );
      socket.once('data', () => {
        const snap = bytesOf((out) => writePacket(out, packetTypes.snap, (4 * 2 ** 32 + 9) as Zxid));
        socket.end(Buffer.concat([snap, Buffer.from('5a4b534e00000002ffffffffffffffff00000001', 'hex')]));
        sent++;
      });
    });
  }).listen(played.quorumPort, '127.0.0.1');
  member.launch();
  await hasLogged(member, /clients are served when.*clients are served when/s);
  const election = await stranger(member.electionPort);
  election.resume();
  election.write(greeting(2));
  for (let round = 1; round < 4; round++)
    election.write(vote({ leader: 2, zxid: (4 * 2 ** 32 + 9) as Zxid, peerEpoch: 4, round }));
  await until(() => sent > 0);
  await hasLogged(member, /following ends: the leader \(server 2\) closed the connection \(synchronisation\)/);
  expect(files().filter((name) => !before.includes(name))).toEqual([]);
  election.destroy();
  fake.close();
  await once(fake, 'close');
  played.launch();
  await two.whole();
  const again = await member.client();
  expect(await again.text('/kept')).toBe('value');
  again.socket.destroy();
}
