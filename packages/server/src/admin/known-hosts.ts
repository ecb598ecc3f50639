// By which names a caller may call the admin server. A page of a foreign site whose name was made to point here still sends
// its own name: that is how it is found out, on every address. A literal address cannot be made to point elsewhere.

import { isIP } from 'node:net';
import { hostname } from 'node:os';

import type { ServerFacts } from './facts.ts';
import { isLoopbackAddress } from './four-letter.ts';

export class KnownHosts {
  readonly #facts: ServerFacts;
  readonly #names: ReadonlySet<string>;
  readonly #loopbackOnly: boolean;

  constructor(facts: ServerFacts, bindAddress: string) {
    this.#facts = facts;
    this.#loopbackOnly = bindAddress === 'localhost' || isLoopbackAddress(bindAddress);
    this.#names = new Set(
      [...facts.config.adminAllowedHosts, bindAddress, hostname()].map((name) => name.toLowerCase()),
    );
  }

  /** `header`: the Host of a request, with or without a port. */
  includes(header: string): boolean {
    const name = header
      .replace(/:\d*$/, '')
      .replace(/^\[(.*)\]$/, '$1')
      .toLowerCase();
    if (name === 'localhost' || isLoopbackAddress(name)) return true;
    const allowed = this.#facts.config.adminAllowedHosts;
    if (allowed.includes('*') || allowed.some((one) => one.toLowerCase() === name)) return true;
    return !this.#loopbackOnly && (isIP(name) !== 0 || this.#names.has(name) || this.#isMember(name));
  }

  #isMember(name: string): boolean {
    const members = this.#facts.ensemble()?.config.members.values() ?? [];
    return [...members].some(({ addresses }) => addresses.some(({ host }) => host.toLowerCase() === name));
  }
}
