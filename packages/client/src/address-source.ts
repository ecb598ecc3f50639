// From what the user gave as the address to the list of servers: written out, looked up as a service, or asked for.

import { parseAddress } from './connection-string.ts';
import type { Address } from './connection-string.ts';
import type { HostSource } from './hosts.ts';
import type { Endpoint, Transport } from './transport.ts';

/**
 * Where to connect: `zk://user:pw@h1,[::1]:2181/chroot?tls=1`, `h1:2181,h2/chroot`, a list of hosts, `zk+srv://example.com`
 * for a service record, or a function that tells the hosts, asked before every round.
 */
export type AddressInput = string | readonly string[] | AddressProvider;
/** Tells the hosts to try; asked before every round of attempts. */
export type AddressProvider = () => string | readonly string[] | Promise<string | readonly string[]>;

/** The fixed part of an address; a provider's has none. */
export function readAddress(input: AddressInput): Address {
  if (typeof input !== 'function') return parseAddress(input);
  return { endpoints: [], chroot: '', credentials: null, tls: false };
}

export function hostSource(input: AddressInput, address: Address, transport: Transport): HostSource {
  if (typeof input === 'function') return { name: 'the address provider', list: () => ask(input) };
  const { service, endpoints } = address;
  if (service === undefined) return { name: 'the address', list: () => Promise.resolve(endpoints) };
  return { name: service, list: () => lookUp(service, transport) };
}

async function ask(provider: AddressProvider): Promise<readonly Endpoint[]> {
  const { endpoints, chroot, credentials } = parseAddress(await provider());
  if (chroot !== '' || credentials !== null) throw new TypeError('an address provider tells hosts and ports only');
  return endpoints;
}

async function lookUp(service: string, transport: Transport): Promise<readonly Endpoint[]> {
  if (transport.resolveService === undefined) throw new Error('this transport cannot look up service records');
  return await transport.resolveService(service);
}
