// Ports that a reconfiguration moves while the server runs: the new one is there before the old one goes, connections stay,
// and an address that cannot be had leaves everything as it was.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { ClientListener } from './client-listener.ts';
import { KnownPeers } from './known-peers.ts';
import { PeerNetwork } from './peer-network.ts';

const host = '127.0.0.1';
const opened: { close(): unknown }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

async function taken(): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  opened.push(server);
  return { server, port: (server.address() as AddressInfo).port };
}

async function freePort(): Promise<number> {
  const { server, port } = await taken();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, host);
  opened.push({ close: () => socket.destroy() });
  await once(socket, 'connect');
  return socket;
}

const isOpen = async (port: number): Promise<boolean> =>
  connected(port).then(
    () => true,
    () => false,
  );

const nothing = (): void => undefined;

function clientListener(): ClientListener {
  const listener = new ClientListener(
    { host, port: 0, backlog: -1, perAddressMax: 0, totalMax: 0, keepAlive: false, backlogBytesMax: 1 << 20 },
    { opened: nothing, received: nothing, drained: nothing, closed: nothing, refused: nothing, word: () => false },
  );
  opened.push({ close: () => (listener.stopAccepting(), listener.destroyAll()) });
  return listener;
}

test('the client port moves, and the clients that are connected stay', async () => {
  const listener = clientListener();
  const before = await listener.listen();
  const client = await connected(before);
  const port = await listener.moveTo(host, await freePort());
  expect([await isOpen(before), await isOpen(port)]).toEqual([false, true]);
  expect([client.destroyed, listener.connections.size >= 1]).toEqual([false, true]);
});

test('a client port that is taken leaves the old one open', async () => {
  const listener = clientListener();
  const before = await listener.listen();
  const { port } = await taken();
  await expect(listener.moveTo(host, port)).rejects.toThrow(/EADDRINUSE/);
  expect(await isOpen(before)).toBe(true);
});

test('the ports for members move together, or not at all', async () => {
  const events = { opened: nothing, received: nothing, drained: nothing, closed: nothing, dialFailed: nothing };
  const network = new PeerNetwork(
    {
      electionTimeoutMs: 1000,
      quorumTimeoutMs: 1000,
      keepAlive: false,
      bindTries: 1,
      nameTries: 1,
      held: new Map(),
      known: new KnownPeers('any'),
    },
    { ...events, refused: nothing },
  );
  opened.push(network);
  const [election, quorum, next] = [await freePort(), await freePort(), await freePort()];
  const at = (port: 'election' | 'quorum', number: number) => ({ port, host, number });
  await network.moveTo([at('election', election), at('quorum', quorum)]);
  const { port } = await taken();
  await expect(network.moveTo([at('election', next), at('quorum', port)])).rejects.toThrow(/EADDRINUSE/);
  expect([await isOpen(election), await isOpen(quorum)]).toEqual([true, true]);
  await network.moveTo([at('election', election), at('quorum', next)]);
  expect([await isOpen(election), await isOpen(quorum), await isOpen(next)]).toEqual([true, false, true]);
});
