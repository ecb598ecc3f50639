// Where the ensemble is: `zk://user:pw@h1,[::1]:2181/chroot?tls=1`, the `h1:2181,h2/chroot` of every other ZooKeeper
// client, a list of hosts, or `zk+srv://example.com`, a service record that lists them.

import { pathProblem } from '@corral/protocol';
import type { Endpoint } from './transport.ts';

export interface Address {
  readonly endpoints: readonly Endpoint[];
  /** Name of the service record that lists the hosts instead. */
  readonly service?: string | undefined;
  /** Prefix of every path, `''` for none. */
  readonly chroot: string;
  /** `user:password` of the digest scheme, or null. */
  readonly credentials: string | null;
  readonly tls: boolean;
}

const defaultPort = 2181;
const schemePattern = /^(zks?)(\+srv)?:\/\//;

/** Throws a TypeError that names the part it could not read. */
export function parseAddress(input: string | readonly string[]): Address {
  const text = typeof input === 'string' ? input : input.join(',');
  const scheme = schemePattern.exec(text);
  const [rest, query] = scheme === null ? [text, ''] : cut(text.slice(scheme[0].length), '?');
  const slash = rest.indexOf('/');
  const authority = slash < 0 ? rest : rest.slice(0, slash);
  const at = scheme === null ? -1 : authority.lastIndexOf('@');
  const hosts = authority.slice(at + 1).split(',');
  const named = hosts.map((host) => host.trim()).filter((host) => host !== '');
  if (named.length === 0) throw new TypeError(`no host in the address "${hidePassword(text)}"`);
  const service = scheme?.[2] === undefined ? undefined : parseService(named);
  return {
    endpoints: service === undefined ? named.map(parseEndpoint) : [],
    service,
    chroot: parseChroot(slash < 0 ? '' : rest.slice(slash)),
    credentials: at < 0 ? null : decodeURIComponent(authority.slice(0, at)),
    tls: scheme?.[1] === 'zks' || /(^|&)tls=(1|true)(&|$)/.test(query),
  };
}

function cut(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

const hidePassword = (text: string): string => text.replace(/:[^:@/]*@/, ':***@');

/** A domain, whose record has the usual name, or the name of a record. */
function parseService(hosts: readonly string[]): string {
  const [name] = hosts;
  if (hosts.length > 1 || name.includes(':'))
    throw new TypeError(`a service has one name and no port, not "${hosts.join()}"`);
  return name.startsWith('_') ? name : `_zookeeper._tcp.${name}`;
}

function parseEndpoint(text: string): Endpoint {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  if (bracketed !== null) return { host: bracketed[1], port: parsePort(bracketed[2], text) };
  const parts = text.split(':');
  // More than one colon without brackets: a bare IPv6 address, which leaves no room for a port.
  if (parts.length > 2) return { host: text, port: defaultPort };
  if (parts[0] === '') throw new TypeError(`no host in "${text}"`);
  return { host: parts[0], port: parsePort(parts[1], text) };
}

function parsePort(digits: string | undefined, text: string): number {
  if (digits === undefined) return defaultPort;
  const port = Number(digits);
  if (!/^\d+$/.test(digits) || port < 1 || port > 65535) throw new TypeError(`no valid port in "${text}"`);
  return port;
}

function parseChroot(path: string): string {
  const trimmed = path.replace(/\/+$/, '');
  if (trimmed === '') return '';
  const problem = pathProblem(trimmed);
  if (problem !== undefined) throw new TypeError(`the chroot "${path}" is invalid: ${problem}`);
  return trimmed;
}
