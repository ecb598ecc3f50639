// Whom to try next. A round visits every server once, in a fresh random order; each visit resolves the name anew and
// tries all of its addresses. The session machine rests between rounds, never between addresses.

import type { AttemptFailure } from './errors.ts';
import type { Endpoint, Target, Transport } from './transport.ts';

export const formatEndpoint = ({ host, port }: Endpoint): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** Where the servers are: asked anew for every round, for ensembles move. */
export interface HostSource {
  /** What to call it when it fails. */
  readonly name: string;
  list(): Promise<readonly Endpoint[]>;
}

export class HostRound {
  readonly #source: HostSource;
  readonly #transport: Transport;
  readonly #random: () => number;
  #hosts: Endpoint[] = [];
  #targets: Target[] = [];
  readonly #failures = new Map<string, Error>();
  /** Whoever was dialled last and has not failed. */
  #tried: Target | null = null;

  constructor(source: HostSource, transport: Transport, random: () => number) {
    this.#source = source;
    this.#transport = transport;
    this.#random = random;
  }

  /** The next address to dial. Rejects when a name does not resolve, which counts as one failed attempt. */
  async next(): Promise<Target> {
    this.#tried = null;
    return (this.#tried = await this.#next());
  }

  async #next(): Promise<Target> {
    const known = this.#targets.shift();
    if (known !== undefined) return known;
    if (this.#hosts.length === 0) {
      const { name } = this.#source;
      this.#hosts = this.#shuffle(await this.#found(name, () => this.#source.list()));
    }
    const { host, port } = this.#hosts.shift()!;
    const addresses = await this.#found(formatEndpoint({ host, port }), () => this.#transport.resolve(host));
    this.#targets = this.#shuffle(addresses).map((address) => ({ host, address, port }));
    return this.#targets.shift()!;
  }

  /** At least one, or a failure on record. */
  async #found<T>(where: string, look: () => Promise<readonly T[]>): Promise<readonly T[]> {
    try {
      const found = await look();
      if (found.length > 0) return found;
      throw new Error(`${where} has no address`);
    } catch (thrown) {
      const cause = thrown instanceof Error ? thrown : new Error(String(thrown));
      this.#failures.set(where, cause);
      throw cause;
    }
  }

  /** True when every server has had its turn. */
  get finished(): boolean {
    return this.#hosts.length === 0 && this.#targets.length === 0;
  }

  /** After a good connection the next search starts with a whole round. */
  restart(): void {
    this.#hosts = [];
    this.#targets = [];
    this.#failures.clear();
  }

  /** The next search starts here. */
  prefer(target: Target): void {
    this.#targets = [target];
  }

  failed(where: Endpoint, cause: Error): void {
    this.#tried = null;
    this.#failures.set(formatEndpoint(where), cause);
  }

  /** The last failure at every address since the last good connection, and where there is no answer yet. */
  failures(): AttemptFailure[] {
    const causes = new Map(this.#failures);
    if (this.#tried !== null) causes.set(formatEndpoint(this.#tried), new Error('no answer yet'));
    return [...causes].map(([endpoint, cause]) => ({ endpoint, cause }));
  }

  #shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = Math.floor(this.#random() * (i + 1));
      [shuffled[i], shuffled[j]] = [shuffled[j], shuffled[i]];
    }
    return shuffled;
  }
}
