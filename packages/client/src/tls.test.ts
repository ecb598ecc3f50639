// TLS as users set it up: PEM certificates, both ways, against a server of Node's own.

import { readFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:tls';
import type { Server, TlsOptions } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { connect } from './node.ts';
import { tcpTransport } from './tcp.ts';
import { agreeable, FakeEnsemble } from './testing/fake-ensemble.ts';
import { rejection } from './testing/setup.ts';

const pem = (name: string): Buffer => readFileSync(new URL(`../test-data/tls/${name}`, import.meta.url));
const ca = pem('ca.pem');
const ofServer = { cert: pem('server.pem'), key: pem('server.key') };
const ofClient = { cert: pem('client.pem'), key: pem('client.key') };

let server: Server | undefined;
const sockets = new Set<Socket>();

/** The ensemble in memory behind a real TLS port. */
async function listen(options: TlsOptions): Promise<number> {
  const ensemble = new FakeEnsemble();
  ensemble.handler = agreeable;
  const target = { host: 'memory', address: 'memory', port: 0 };
  server = createServer({ ...ofServer, ...options }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    const link = ensemble.open(target, {
      opened: () => undefined,
      received: (bytes) => void socket.write(bytes),
      closed: () => void socket.end(),
    });
    socket.on('data', (bytes) => link.send(bytes));
    socket.on('close', () => link.close());
  });
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await new Promise((resolve) => server?.close(resolve) ?? resolve(undefined));
  server = undefined;
});

describe('TLS', () => {
  it('takes the certificates of both sides as PEM', async () => {
    const port = await listen({ ca, requestCert: true, rejectUnauthorized: true });
    await using client = await connect(`zk://127.0.0.1:${port}?tls=1`, { tls: { ca, ...ofClient } });
    expect(await client.getText('/x')).toBe('hi');
  });

  it('checks the name that the user wrote, not the address it led to', async () => {
    const port = await listen({});
    const tcp = tcpTransport({ tls: { ca } });
    const transport = { ...tcp, resolve: () => Promise.resolve(['127.0.0.1']) };
    await using client = await connect(`zk.test:${port}`, { transport });
    expect(client.state).toBe('connected');
    const other = rejection(connect(`other.test:${port}`, { transport, retry: () => null }));
    expect((await other).message).toContain('other.test');
  });

  it('refuses a server that no known authority vouches for', async () => {
    const port = await listen({});
    const error = await rejection(connect(`zks://127.0.0.1:${port}`, { retry: () => null }));
    expect(error).toMatchObject({ code: 'ConnectFailed', attempts: [{ endpoint: `127.0.0.1:${port}` }] });
    expect(error.message).toMatch(/unable to verify/);
  });
});
