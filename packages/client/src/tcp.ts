// TCP and TLS: the only file of the client that touches Node's own modules.

import { lookup, resolveSrv } from 'node:dns/promises';
import { connect as connectTcp, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import type { Link, LinkEvents, Target, Transport } from './transport.ts';

/** Options of `tcpTransport`. */
export interface TcpOptions {
  /** Speak TLS, with Node's own options (ca, cert, key, ...). */
  readonly tls?: ConnectionOptions;
}

/** Reaches servers by TCP, or by TLS when its options are given. */
export function tcpTransport(options: TcpOptions = {}): Transport {
  return {
    async resolve(host) {
      if (isIP(host) !== 0) return [host];
      const found = await lookup(host, { all: true, verbatim: true });
      return found.map(({ address }) => address);
    },
    async resolveService(service) {
      const found = await resolveSrv(service);
      return found.map(({ name, port }) => ({ host: name, port }));
    },
    open: (target, events) => openSocket(target, events, options.tls),
  };
}

function openSocket(target: Target, events: LinkEvents, tls: ConnectionOptions | undefined): Link {
  const socket = tls === undefined ? dialTcp(target) : dialTls(target, tls);
  let cause: Error | null = null;
  let pending: Uint8Array[] = [];
  socket.setNoDelay(true);
  socket.on(tls === undefined ? 'connect' : 'secureConnect', () => events.opened());
  socket.on('data', (bytes: Uint8Array) => events.received(bytes));
  socket.on('error', (error) => (cause = error));
  socket.on('close', () => events.closed(cause));
  const flush = (): void => {
    const [first] = pending;
    socket.write(pending.length === 1 ? first : Buffer.concat(pending));
    pending = [];
  };
  return {
    send(bytes) {
      // Everything sent in one turn of the event loop leaves as one write.
      if (pending.length === 0) process.nextTick(flush);
      pending.push(bytes);
    },
    unref: () => void socket.unref(),
    close() {
      socket.removeAllListeners();
      // A destroyed socket may still report an error of its past; without a listener that would end the process.
      socket.on('error', () => undefined);
      socket.destroy();
    },
  };
}

const dialTcp = ({ address, port }: Target): Socket => connectTcp({ host: address, port });

const dialTls = ({ host, address, port }: Target, tls: ConnectionOptions): Socket =>
  connectTls({ ...(isIP(host) === 0 ? { servername: host } : {}), ...tls, host: address, port });
