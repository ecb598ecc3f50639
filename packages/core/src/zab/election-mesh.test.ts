import {
  JuteWriter,
  notificationEnd,
  parseInitialMessage,
  readNotification,
  writeInitialMessage,
  writeNotification,
} from '@corral/protocol';
import type { EnsembleConfig, Notification, Zxid } from '@corral/protocol';
import { expect, test } from 'vitest';
import type { PeerAddress, PeerLink } from '../effects.ts';
import { ElectionMesh, meshLimits } from './election-mesh.ts';
import type { OwnNotification } from './election-options.ts';
import { Quorums } from './quorum.ts';
import { configOf } from './testing/election-world.ts';

class FakeLink implements PeerLink {
  readonly address: string;
  backlog = 0;
  isOpen = true;
  readonly sent: Uint8Array[] = [];

  constructor(address: string) {
    this.address = address;
  }
  send(bytes: Uint8Array): void {
    this.sent.push(bytes);
  }
  close(): void {
    this.isOpen = false;
  }
  pause(): void {
    return;
  }
  resume(): void {
    return;
  }
}

/** The mesh of server 2 in an ensemble of three voters, with whatever happens around it. */
function open(sid = 2, config: EnsembleConfig = configOf(3)) {
  const dials: { number: number; addresses: readonly PeerAddress[] }[] = [];
  const messages: [number, Notification][] = [];
  const connected: number[] = [];
  const notes: string[] = [];
  const state = { quorums: new Quorums(config), connections: 0, isLooking: true };
  let numbers = 100;
  const mesh = new ElectionMesh({
    sid,
    quorums: () => state.quorums,
    nextDial: () => ++numbers,
    dial: (number, addresses) => void dials.push({ number, addresses }),
    message: (from, notification) => void messages.push([from, notification]),
    isLooking: () => state.isLooking,
    connected: (other) => void connected.push(other),
    random: () => 0.999_999,
    note: (_, message) => void notes.push(message),
  });
  const hosts = (): string[] =>
    dials.map(({ addresses }) => addresses.map(({ host, port }) => `${host}:${port}`).join());
  const link = (dial: number | undefined, now: number, address = 'h:1') => {
    const made = new FakeLink(address);
    const number = ++state.connections;
    mesh.opened(number, made, dial, now);
    const receive = (bytes: Uint8Array, at = now): void => mesh.received(number, bytes, 0, bytes.length, at);
    return { link: made, number, receive };
  };
  const accept = (now = 0, address?: string) => link(undefined, now, address);
  const answerDial = (now = 0, index = 0) => link(dials.splice(index, 1)[0].number, now);
  return { mesh, dials, hosts, messages, connected, notes, state, accept, answerDial };
}

const greeting = (sid: number, host = 'caller', port = 3000 + sid): Uint8Array => {
  const out = new JuteWriter();
  writeInitialMessage(out, { form: 'v1', sid, addresses: [{ host, port }] });
  return out.toBytes();
};
const own: OwnNotification = { state: 'looking', leader: 3, zxid: 7 as Zxid, round: 1, peerEpoch: 0, config: 'x' };
const frame = (): Uint8Array => {
  const out = new JuteWriter();
  writeNotification(out, own);
  return out.toBytes();
};

test('at the start all voters are dialled, and told who calls', () => {
  const { mesh, hosts, answerDial, connected } = open();
  mesh.configured(0);
  expect(hosts()).toEqual(['h1:3001', 'h3:3003']);
  const { link } = answerDial();
  expect(parseInitialMessage(link.sent[0], 0, link.sent[0].length)).toMatchObject({
    form: 'v1',
    sid: 2,
    addresses: [{ host: 'h2', port: 3002 }],
  });
  expect([link.isOpen, connected, mesh.isConnected(1), mesh.isConnected(3)]).toEqual([true, [1], true, false]);
});

test('a server with a larger id is asked to call, and its call is kept', () => {
  const { mesh, answerDial, accept, connected, messages } = open();
  mesh.configured(0);
  const request = answerDial(0, 1);
  expect([request.link.sent.length, request.link.isOpen, connected]).toEqual([1, false, []]);
  const call = accept(1);
  call.receive(greeting(3));
  call.receive(frame());
  expect([call.link.isOpen, connected, messages.map(([from]) => from)]).toEqual([true, [3], [3]]);
});

test('a server with a smaller id is called back, at the address the configuration has', () => {
  const { hosts, accept, answerDial, mesh, connected } = open();
  const request = accept(0);
  request.receive(greeting(1, 'elsewhere'));
  expect([request.link.isOpen, hosts()]).toEqual([false, ['h1:3001']]);
  answerDial(0);
  expect([connected, mesh.isConnected(1)]).toEqual([[1], true]);
});

test('who asks to be called has lost the connection there was', () => {
  const { mesh, accept, answerDial, hosts } = open();
  mesh.configured(0);
  const former = answerDial(0);
  former.receive(frame());
  accept(10).receive(greeting(1));
  expect([former.link.isOpen, hosts()]).toEqual([false, ['h3:3003', 'h1:3001']]);
});

test('a request to call that crosses the call changes nothing', () => {
  const { mesh, accept, answerDial, hosts } = open();
  mesh.configured(0);
  const former = answerDial(0);
  const request = accept(meshLimits.crossingMs - 1);
  request.receive(greeting(1), meshLimits.crossingMs - 1);
  expect([former.link.isOpen, request.link.isOpen, hosts()]).toEqual([true, false, ['h3:3003']]);
  accept().receive(greeting(1), meshLimits.crossingMs);
  expect(former.link.isOpen).toBe(false);
});

test('a newer call replaces the older one, with a note when it comes from elsewhere', () => {
  const { accept, mesh, notes } = open();
  const first = accept(0, 'a:1');
  first.receive(greeting(3));
  const second = accept(1, 'a:2');
  second.receive(greeting(3));
  expect([first.link.isOpen, second.link.isOpen, notes]).toEqual([false, true, []]);
  mesh.closed(first.number, 2);
  expect(mesh.isConnected(3)).toBe(true);
  accept(3, 'b:1').receive(greeting(3));
  expect(notes[0]).toContain('two servers may have this id');
});

test('a member that greets with another port than the configuration has is told of, and called where it should be', () => {
  const { accept, notes, hosts } = open();
  accept(0).receive(greeting(1, 'h1', 9));
  accept(1).receive(greeting(1, 'elsewhere', 9));
  accept(2).receive(greeting(3, 'alias', 3003));
  expect(notes).toHaveLength(1);
  expect(notes[0]).toContain('server 1 names election port 9, here it has 3001: two servers may have this id');
  expect(hosts()).toEqual(['h1:3001']);
});

test('two servers with one id are told of, once', () => {
  const { accept, notes, mesh } = open();
  for (let i = 0; i < 3; i++) {
    const { link, receive } = accept(i, `a:${i}`);
    receive(greeting(2));
    expect(link.isOpen).toBe(false);
  }
  expect(notes).toHaveLength(1);
  expect(notes[0]).toContain('two servers have one id');
  expect(mesh.connectedTo).toEqual([]);
});

test('voters are dialled again for ever, ever more rarely; an election begins at once', () => {
  const { mesh, dials } = open(2, configOf(2));
  mesh.configured(0);
  const waits: number[] = [];
  for (let now = 0; waits.length < 9; now = mesh.deadline) {
    mesh.tick(now);
    mesh.dialFailed(dials.splice(0, 1)[0].number, 'refused', now);
    waits.push(mesh.deadline - now);
  }
  expect(waits).toEqual([50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  mesh.configured(100_000);
  expect(dials).toHaveLength(1);
  mesh.configured(100_001);
  expect(dials).toHaveLength(1);
  mesh.dialFailed(dials[0].number, 'refused', 100_002);
  expect(mesh.deadline).toBe(100_052);
});

test('a lost connection is dialled again soon, and only what was heard on it makes the wait short', () => {
  const { mesh, dials, answerDial } = open(2, configOf(2));
  mesh.configured(0);
  const waits: number[] = [];
  for (const hears of [false, false, true]) {
    const { number, receive } = answerDial(0);
    if (hears) receive(frame());
    mesh.closed(number, 0);
    waits.push(mesh.deadline);
    mesh.tick(mesh.deadline);
    expect(dials).toHaveLength(1);
  }
  expect(waits).toEqual([50, 100, 50]);
});

test('messages arrive whole, however they are cut', () => {
  const { accept, messages } = open();
  const { receive } = accept();
  const stream = new JuteWriter();
  stream.raw(greeting(3));
  for (let i = 0; i < 3; i++) stream.raw(frame());
  for (const byte of stream.toBytes()) receive(Uint8Array.of(byte));
  expect(messages).toHaveLength(3);
  expect(messages[2]).toEqual([3, { ...own, version: 2 }]);
  accept().receive(stream.toBytes());
  expect(messages).toHaveLength(6);
});

test('what is sent can be read; to a server that is not connected nothing is sent', () => {
  const { mesh, accept } = open();
  mesh.send(3, own, 0);
  const { link, receive } = accept();
  receive(greeting(3));
  mesh.send(3, own, 0);
  const [bytes] = link.sent;
  const end = notificationEnd(bytes, 0, bytes.length)!;
  expect([end, link.sent.length]).toEqual([bytes.length, 1]);
  expect(readNotification(bytes.subarray(4, end))).toEqual({ ...own, version: 2 });
});

test('a message that cannot be read is dropped; a frame that cannot be one costs the connection', () => {
  const { accept, messages, notes, mesh } = open();
  const { link, receive } = accept();
  receive(greeting(3));
  const out = new JuteWriter();
  for (let i = 0; i < 5; i++) out.buffer(Uint8Array.of(1, 2, 3));
  out.raw(frame());
  receive(out.toBytes());
  expect([link.isOpen, messages.length, notes.length]).toEqual([true, 1, 1]);
  for (const length of [0, -1, 0x80001]) {
    const again = accept();
    again.receive(greeting(3));
    const bad = new JuteWriter();
    bad.int(length);
    again.receive(bad.toBytes());
    expect([again.link.isOpen, mesh.isConnected(3)]).toEqual([false, false]);
  }
  expect(notes).toHaveLength(2);
});

test('after a minute the same complaint is made again', () => {
  const { accept, notes } = open();
  for (const now of [0, 59_999, 60_000]) accept(now).receive(new Uint8Array(8).fill(0x99), now);
  expect(notes).toHaveLength(2);
});

test('whoever does not greet is closed after a while; of too many, the oldest', () => {
  const { accept, mesh } = open();
  const { link } = accept(0);
  expect(mesh.deadline).toBe(meshLimits.greetingMs);
  mesh.tick(meshLimits.greetingMs);
  expect([link.isOpen, mesh.deadline]).toEqual([false, Infinity]);
  const all = Array.from({ length: meshLimits.greetingsMax + 1 }, () => accept(9000).link);
  expect(all.map(({ isOpen }) => isOpen)).toEqual([false, ...all.slice(1).map(() => true)]);
});

test('servers that no configuration names are heard, called back once, and few', () => {
  const { accept, messages, hosts, dials, mesh, state } = open(5, configOf(6));
  const joiner = accept();
  joiner.receive(greeting(9));
  joiner.receive(frame());
  expect(messages.map(([from]) => from)).toEqual([9]);
  mesh.closed(joiner.number, 0);
  expect([mesh.deadline, dials]).toEqual([Infinity, []]);
  state.quorums = new Quorums(configOf(1));
  accept().receive(greeting(2, 'joiner', 77));
  expect(hosts()).toEqual(['joiner:77']);
  mesh.dialFailed(dials[0].number, 'refused', 0);
  expect(mesh.deadline).toBe(Infinity);
  accept().receive(greeting(2, 'joiner', 0));
  expect(dials).toHaveLength(1);
  const all = Array.from({ length: meshLimits.strangersMax + 1 }, (_, i) => {
    const stranger = accept();
    stranger.receive(greeting(100 + i));
    return stranger.link.isOpen;
  });
  expect(all).toEqual([...all.slice(1).map(() => true), false]);
});

test('a server that does not read is disconnected and dialled again', () => {
  const { mesh, answerDial } = open();
  mesh.configured(0);
  const { link } = answerDial();
  link.backlog = meshLimits.backlogMax + 1;
  mesh.send(1, own, 0);
  expect([link.isOpen, link.sent.length, mesh.isConnected(1), mesh.deadline]).toEqual([false, 1, false, 50]);
});

test('a connection without an answer to a vote is replaced: the network may have lost it without a word', () => {
  const { mesh, dials, answerDial } = open();
  mesh.configured(0);
  const { link } = answerDial();
  for (const now of [1000, 5000]) mesh.send(1, own, now);
  mesh.tick(1000 + meshLimits.answerMinMs - 1);
  expect(link.isOpen).toBe(true);
  dials.length = 0;
  mesh.tick(1000 + meshLimits.answerMinMs);
  expect([link.isOpen, mesh.isConnected(1), mesh.deadline]).toEqual([false, false, 1000 + meshLimits.answerMinMs + 50]);
  mesh.tick(mesh.deadline);
  expect(dials).toHaveLength(1);
});

test('a connection stays when anything is heard on it, when nothing was asked, and when there is a leader', () => {
  const { mesh, accept, state } = open();
  const { link, receive } = accept();
  receive(greeting(3));
  mesh.send(3, own, 1000);
  receive(frame(), 1000 + meshLimits.answerMinMs - 1);
  mesh.tick(30_000);
  mesh.send(3, { ...own, state: 'following' }, 30_000);
  mesh.tick(60_000);
  mesh.send(3, own, 60_000);
  state.isLooking = false;
  mesh.tick(60_000 + meshLimits.answerMinMs);
  expect([link.isOpen, mesh.deadline]).toEqual([true, Infinity]);
});

test('a dial that succeeds too late is not needed, and one nobody asked for is closed', () => {
  const { mesh, answerDial, accept, connected } = open();
  mesh.configured(0);
  accept().receive(greeting(3));
  const late = answerDial(1, 1);
  expect([late.link.isOpen, late.link.sent, connected]).toEqual([false, [], [3]]);
  const unknown = new FakeLink('h:1');
  mesh.opened(99, unknown, 999, 0);
  expect(unknown.isOpen).toBe(false);
});

test('a voter that leaves the configuration is not dialled any more', () => {
  const { mesh, dials, state } = open();
  mesh.configured(0);
  state.quorums = new Quorums(configOf(2));
  for (const { number } of dials.splice(0)) mesh.dialFailed(number, 'refused', 0);
  mesh.tick(10_000);
  expect(dials).toHaveLength(1);
});

test('a voter that cannot be reached is named with its address and the reason once a minute, and when it is there again', () => {
  const { mesh, dials, notes, answerDial } = open(2, configOf(2));
  mesh.configured(0);
  for (let now = 0; now < 100_000; now = mesh.deadline) {
    mesh.tick(now);
    mesh.dialFailed(dials.splice(0, 1)[0].number, 'getaddrinfo ENOTFOUND h1', now);
  }
  const line = 'server 1 cannot be reached at its election address h1:3001: getaddrinfo ENOTFOUND h1';
  expect(notes).toEqual([line, line]);
  mesh.tick(mesh.deadline);
  answerDial(mesh.deadline);
  expect(notes.at(-1)).toBe('server 1 is reached again');
});

test('what a server says is proven by a connection that was opened from here; a larger id has to be reached at least', () => {
  const { mesh, dials, accept, answerDial } = open(2);
  mesh.configured(0);
  answerDial(
    0,
    dials.findIndex(({ addresses }) => addresses[0].host === 'h1'),
  );
  const third = accept();
  third.receive(greeting(3));
  expect([1, 3, 7].map((sid) => mesh.proofOf(sid))).toEqual(['dialled', 'none', 'none']);
  answerDial(1);
  expect(mesh.proofOf(3)).toBe('reached');
  mesh.tick(60_000);
  expect(mesh.proofOf(3)).toBe('none');
  expect(dials.map(({ addresses }) => addresses[0].host)).toEqual(['h3']);
});
