// Connecting to the elected leader. It may not listen yet, having learnt of its election later: a few tries are normal.

import type { Zab } from './zab.ts';

const triesMax = 5;
const againMs = 100;

export class LeaderDial {
  readonly #zab: Zab;
  readonly #leader: number;
  #dial = -1;
  #tries = 0;
  /** When the next try is due. */
  deadline = Infinity;

  constructor(zab: Zab, leader: number) {
    this.#zab = zab;
    this.#leader = leader;
  }

  start(): void {
    const member = this.#zab.quorums.member(this.#leader);
    if (member === undefined) return this.#zab.leave(`server ${this.#leader} is not in the configuration`);
    this.deadline = Infinity;
    this.#dial = this.#zab.nextDial();
    const addresses = member.addresses.map(({ host, quorumPort }) => ({ host, port: quorumPort }));
    this.#zab.host.dial(this.#dial, 'quorum', addresses);
  }

  isFor(dial: number | undefined): boolean {
    return dial === this.#dial;
  }

  failed(dial: number, reason: string): void {
    if (dial !== this.#dial) return;
    if (++this.#tries >= triesMax) {
      return this.#zab.leave(`the leader (server ${this.#leader}) cannot be reached: ${reason}`);
    }
    this.deadline = this.#zab.now + againMs;
  }

  tick(): void {
    if (this.#zab.now >= this.deadline) this.start();
  }
}
