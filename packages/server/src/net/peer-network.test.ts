// The door of the ports between members, with real sockets: who is let in, who takes a place, what is said about the rest.

import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { KnownPeers } from './known-peers.ts';
import { PeerNetwork } from './peer-network.ts';
import type { HeldPorts, PeerEvents } from './peer-network.ts';
import { freePorts } from '../../test/free-ports.ts';

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

async function door(known: KnownPeers) {
  const told: string[] = [];
  const refusals: string[] = [];
  const events: PeerEvents = {
    opened: (_, port) => void told.push(`opened ${port}`),
    received: (_, bytes) => void told.push(`received ${bytes.length}`),
    drained: () => undefined,
    closed: () => void told.push('closed'),
    dialFailed: () => undefined,
    refused: (_, reason) => void refusals.push(reason),
  };
  const held: HeldPorts = new Map();
  const times = { electionTimeoutMs: 60_000, quorumTimeoutMs: 60_000, keepAlive: false, bindTries: 1, nameTries: 2 };
  const network = new PeerNetwork({ ...times, held, known }, events);
  const [port] = await freePorts(1);
  await network.listen('quorum', '127.0.0.1', port);
  closing.push(() => network.close());
  const call = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => socket.destroy());
    closing.push(() => socket.destroy());
    await once(socket, 'connect');
    socket.write('hello');
    socket.resume();
    return socket;
  };
  return { network, told, refusals, call };
}

const isGone = (socket: Socket): Promise<unknown> => vi.waitUntil(() => socket.destroyed, { timeout: 300_000 });
const isTold = (told: readonly string[], what: string): Promise<unknown> =>
  vi.waitUntil(() => told.includes(what), { timeout: 300_000 });

it('lets members in, also when they are known by name only', async () => {
  const known = new KnownPeers([], () => Promise.resolve(['127.0.0.1']));
  known.setMembers(['zk1']);
  const { call, told, refusals } = await door(known);
  await call();
  await isTold(told, 'received 5');
  expect(refusals).toEqual([]);
});

it('hangs up on strangers before a byte of theirs is read, counts them, and says once what to do', async () => {
  const known = new KnownPeers([]);
  known.setMembers(['192.0.2.1']);
  const { network, call, told, refusals } = await door(known);
  const callers = await Promise.all(Array.from({ length: 300 }, call));
  await Promise.all(callers.map(isGone));
  expect(told).toEqual([]);
  expect(network.strangersRefused).toBe(300);
  expect(refusals).toEqual([
    expect.stringMatching(/^127\.0\.0\.1 is not the address of a member.*quorum\.allowedAddresses$/),
  ]);
});

it('keeps the places of members free while names are looked up, however many strangers wait', async () => {
  let answer: (addresses: readonly string[]) => void = () => undefined;
  const known = new KnownPeers([], () => new Promise((resolve) => (answer = resolve)));
  known.setMembers(['zk1']);
  const { network, call, told } = await door(known);
  const callers = await Promise.all(Array.from({ length: 400 }, call));
  await vi.waitUntil(() => network.strangersRefused === 400 - 64, { timeout: 300_000 });
  known.setMembers(['zk1', '127.0.0.1']);
  await call();
  await isTold(told, 'opened quorum');
  answer([]);
  await isTold(told, 'received 5');
  expect(callers.filter((socket) => socket.destroyed).length).toBeGreaterThanOrEqual(400 - 64);
});

it('lets everybody in when it is told to', async () => {
  const { call, told } = await door(new KnownPeers('any'));
  await call();
  await isTold(told, 'received 5');
});

it('looks for its own name again before it gives up, and says so', async () => {
  const { network, refusals } = await door(new KnownPeers([]));
  const [port] = await freePorts(1);
  await expect(network.listen('election', 'zk-0.nowhere.invalid', port)).rejects.toThrow(/ENOTFOUND|EAI_AGAIN/);
  expect(refusals).toEqual([
    expect.stringMatching(/^the own name zk-0\.nowhere\.invalid cannot be resolved \(\w+\); trying again$/),
  ]);
});
