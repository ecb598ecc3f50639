// Where the ensemble is: `zk://user:pw@h1,[::1]:2181/chroot?tls=1`, the `h1:2181,h2/chroot` of every other ZooKeeper
// client, a list of hosts, or `zk+srv://example.com`, a service record that lists them.

import { pathProblem } from '@corral/protocol';
import type { Endpoint } from './transport.ts';

/** The parts of a connection string. */
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
  // Whoever writes JavaScript hands over an environment variable that is not set.
  if (typeof input !== 'string' && !Array.isArray(input)) {
    throw new TypeError(`an address is a string, a list of hosts or a function, not ${String(input)}`);
  }
  const text = typeof input === 'string' ? input : input.join(',');
  const scheme = schemePattern.exec(text);
  const unknown = scheme === null ? /^[^/?]*:\/\//.exec(text) : null;
  if (unknown !== null) throw new TypeError(`"${unknown[0]}" is not zk://, zks://, zk+srv:// or zks+srv://`);
  const [rest, query] = scheme === null ? [text, ''] : cut(text.slice(scheme[0].length), '?');
  const slash = rest.indexOf('/');
  const authority = slash < 0 ? rest : rest.slice(0, slash);
  const at = scheme === null ? -1 : authority.lastIndexOf('@');
  const named = authority
    .slice(at + 1)
    .split(',')
    .map((host) => host.trim());
  if (named.length === 1 && named[0] === '') throw new TypeError(`no host in the address "${hidePassword(text)}"`);
  if (named.includes('')) throw new TypeError(`a host is missing beside a comma in "${hidePassword(text)}"`);
  const service = scheme?.[2] === undefined ? undefined : parseService(named);
  return {
    endpoints: service === undefined ? named.map(parseEndpoint) : [],
    service,
    chroot: parseChroot(slash < 0 ? '' : rest.slice(slash), scheme !== null),
    credentials: at < 0 ? null : parseCredentials(authority.slice(0, at)),
    tls: parseTls(query) || scheme?.[1] === 'zks',
  };
}

function cut(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function parseCredentials(text: string): string {
  if (!text.includes(':')) throw new TypeError('credentials in an address are user:password');
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError('credentials in an address escape @, : and / as %40, %3A and %2F, and % itself as %25');
  }
}

/** Refuses what it does not know: `tls=yes` must not mean a connection that anybody can read. */
function parseTls(query: string): boolean {
  if (query === '') return false;
  const known = /^tls=(?:(1|true)|0|false)$/.exec(query);
  if (known === null) throw new TypeError(`"?${query}" is not ?tls=1: other options are not part of an address`);
  return known[1] !== undefined;
}

const hidePassword = (text: string): string => text.replace(/:[^:@/]*@/, ':***@');

/** A domain, whose record has the usual name, or the name of a record. */
function parseService(hosts: readonly string[]): string {
  const [name] = hosts;
  if (hosts.length > 1 || name.includes(':'))
    throw new TypeError(`a service has one name and no port, not "${hosts.join()}"`);
  if (!isName(name)) throw new TypeError(`"${name}" is not the name of a service`);
  return name.startsWith('_') ? name : `_zookeeper._tcp.${name}`;
}

function parseEndpoint(text: string): Endpoint {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  if (bracketed !== null) {
    if (!isIPv6(bracketed[1])) throw new TypeError(`"${bracketed[1]}" is not an IPv6 address`);
    return { host: bracketed[1], port: parsePort(bracketed[2], text) };
  }
  if (/[[\]]/.test(text)) throw new TypeError(`no address in brackets in "${text}"`);
  const parts = text.split(':');
  // More than one colon without brackets: a bare IPv6 address, which leaves no room for a port.
  if (parts.length > 2) {
    if (!isIPv6(text)) throw new TypeError(`"${text}" is neither host:port nor an IPv6 address`);
    return { host: text, port: defaultPort };
  }
  if (parts[0] === '') throw new TypeError(`no host in "${text}"`);
  if (!isName(parts[0])) throw new TypeError(`"${parts[0]}" is not a host name or address`);
  return { host: parts[0], port: parsePort(parts[1], text) };
}

/** A host name in any script, or an IPv4 address; a name of nothing but numbers and dots is meant to be one. */
function isName(text: string): boolean {
  if (/^[\d.]+$/.test(text))
    return /^(\d{1,3}\.){3}\d{1,3}$/.test(text) && text.split('.').every((part) => Number(part) < 256);
  const labels = text.replace(/\.$/, '').split('.');
  return text.length <= 253 && labels.every((label) => /^[\p{L}\p{N}_][\p{L}\p{N}_-]*$/u.test(label));
}

/** Eight groups of four digits, of which one run of zeros may be left out, the last two perhaps as IPv4; and a zone. */
function isIPv6(text: string): boolean {
  const [address, ...zone] = text.split('%');
  if (zone.length > 1 || zone[0] === '') return false;
  const ipv4 = /^(.*:)(\d[\d.]+)$/.exec(address);
  const whole = ipv4?.[2].includes('.') === true ? (isName(ipv4[2]) ? `${ipv4[1]}0:0` : '') : address;
  const halves = whole.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? groups.length < 8 : groups.length === 8;
}

function parsePort(digits: string | undefined, text: string): number {
  if (digits === undefined) return defaultPort;
  const port = Number(digits);
  if (!/^\d+$/.test(digits) || port < 1 || port > 65535) throw new TypeError(`no valid port in "${text}"`);
  return port;
}

function parseChroot(path: string, hasScheme: boolean): string {
  // Without a scheme there are no options, and a path may have a question mark in it; nobody has this one.
  if (!hasScheme && /\?(tls|ssl)=/.test(path)) throw new TypeError(`options need the form zk://: "${path}"`);
  const trimmed = path.replace(/\/+$/, '');
  if (trimmed === '') return '';
  const problem = pathProblem(trimmed);
  if (problem !== undefined) throw new TypeError(`the chroot "${path}" is invalid: ${problem}`);
  return trimmed;
}
