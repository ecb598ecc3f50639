// The way in on Node: TCP and TLS, and tracing through diagnostics channels.

import type { ConnectionOptions } from 'node:tls';
import { readAddress } from './address-source.ts';
import type { AddressInput } from './address-source.ts';
import type { Client } from './client.ts';
import * as core from './create-client.ts';
import type { ConnectLimits } from './lifecycle.ts';
import { diagnosticsTracer } from './diagnostics.ts';
import { tcpTransport } from './tcp.ts';
import type { Transport } from './transport.ts';

/** Options of a client on Node. */
export interface ClientOptions extends core.ClientOptions {
  /** TLS, with Node's own options: `ca`, `cert`, `key` as PEM, or `pfx`. */
  readonly tls?: ConnectionOptions;
  readonly transport?: Transport;
}
/** Options of `connect`: those of the client, and how long to try. */
export interface ConnectOptions extends ClientOptions, ConnectLimits {}

/** A client that connects in the background; calls wait for it. `client.connect()` tells when it is there. */
export function createClient(address: AddressInput, options: ClientOptions = {}): Client {
  const tls = options.tls ?? (readAddress(address).tls ? {} : undefined);
  const transport = options.transport ?? tcpTransport(tls === undefined ? {} : { tls });
  return core.createClient(address, { tracer: diagnosticsTracer, ...options, transport });
}

/**
 * A client with a session. Without a `timeout` it gives up as soon as every server has refused once, and after 30 seconds
 * when some are silent; with one it goes on trying for that long, unless `failFast` says otherwise.
 * @throws ConnectError that lists what happened at every address; the client is closed then.
 * @throws TypeError for an address or option that cannot be meant.
 * @example
 * const zk = await connect('zk1:2181,zk2:2181,zk3:2181/app', { sessionTimeout: 10_000 });
 */
export async function connect(address: AddressInput, options: ConnectOptions = {}): Promise<Client> {
  options.signal?.throwIfAborted();
  return await core.connected(createClient(address, options), options);
}
