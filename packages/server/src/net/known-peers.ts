// From which addresses somebody may speak at the ports between members. Members do not prove who they are, so the address is
// all there is to tell them from strangers: those that the configuration names, and those that the operator adds.

import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

/** `any` admits everybody; otherwise the members' addresses and these addresses and subnets besides. */
export type AllowedPeers = 'any' | readonly string[];

/** All addresses of a host name; rejects when there are none. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** A name is looked up again at most this often, however many strangers call. */
const lookupPauseMs = 2000;

const loopback = blockListOf(['127.0.0.0/8', '::1']);

/** Whether a text is an address or a subnet such as `10.0.0.0/16` or `fd00::/8`. */
export function isAddressOrSubnet(text: string): boolean {
  const [address, prefix, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
}

export class KnownPeers {
  readonly #added: BlockList | undefined;
  readonly #lookup: Lookup;
  readonly #now: () => number;
  #hosts: ReadonlySet<string> = new Set();
  /** What each name meant when it last meant something: an outage of the name service locks no member out. */
  readonly #addresses = new Map<string, readonly string[]>();
  #members = new BlockList();
  #lookedUpAt = -Infinity;
  #looking: Promise<void> | undefined;

  constructor(allowed: AllowedPeers, lookup: Lookup = lookupAll, now = (): number => performance.now()) {
    this.#added = allowed === 'any' ? undefined : blockListOf(allowed);
    this.#lookup = lookup;
    this.#now = now;
  }

  /** The host names and addresses of all members of the configurations in force and under way. */
  setMembers(hosts: Iterable<string>): void {
    this.#hosts = new Set(hosts);
    for (const host of this.#addresses.keys()) if (!this.#hosts.has(host)) this.#addresses.delete(host);
    this.#lookedUpAt = -Infinity;
    this.#collect();
  }

  /** Whether somebody who calls from here may speak; undefined when names have to be looked up first: ask `resolved`. */
  admits(address: string): boolean | undefined {
    if (this.#added === undefined || contains(this.#added, address) || contains(this.#members, address)) return true;
    if (this.#looking === undefined && this.#now() - this.#lookedUpAt < lookupPauseMs) return false;
    return undefined;
  }

  /** The same after the members' names were looked up: an address may have moved with its member. */
  async resolved(address: string): Promise<boolean> {
    this.#looking ??= this.#lookUp().finally(() => (this.#looking = undefined));
    await this.#looking;
    return contains(this.#members, address);
  }

  async #lookUp(): Promise<void> {
    const hosts = [...this.#hosts].filter((host) => isIP(host) === 0);
    await Promise.all(
      hosts.map(async (host) => {
        const found = await this.#lookup(host).catch(() => []);
        if (found.length > 0 && this.#hosts.has(host)) this.#addresses.set(host, found);
      }),
    );
    this.#lookedUpAt = this.#now();
    this.#collect();
  }

  #collect(): void {
    const known = [...this.#hosts].flatMap((host) => (isIP(host) === 0 ? (this.#addresses.get(host) ?? []) : [host]));
    // Whoever listens on one loopback address may call from another.
    const isLocal = known.some((address) => contains(loopback, address));
    this.#members = blockListOf(isLocal ? [...known, '127.0.0.0/8', '::1'] : known);
  }
}

async function lookupAll(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

function blockListOf(texts: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of texts) {
    const [address, prefix] = text.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

/** An IPv4 address may come in the form of an IPv6 one. */
function contains(list: BlockList, address: string): boolean {
  const plain = address.replace(/%.*$/, '');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1];
  if (mapped !== undefined) return list.check(mapped, 'ipv4');
  return list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
}
