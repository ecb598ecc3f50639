// Connecting to the elected leader. It may not listen yet, having learnt of its election later: a few tries are normal. It
// may also be heard without hearing: then no answer comes at all, and waiting as long as for a history would cost time.

import type { Zab } from './zab.ts';

const triesMax = 5;
const againMs = 100;
/** An answer takes a round trip, and a lost first packet is sent again after a second. */
const answerMinMs = 1500;

export class LeaderDial {
  readonly #zab: Zab;
  readonly #leader: number;
  #dial = -1;
  #tries = 0;
  #againAt = Infinity;
  #giveUpAt: number;

  constructor(zab: Zab, leader: number) {
    this.#zab = zab;
    this.#leader = leader;
    const { initLimitMs, tickMs } = zab.options;
    this.#giveUpAt = zab.now + Math.min(initLimitMs, Math.max(answerMinMs, 2 * tickMs));
  }

  get deadline(): number {
    return Math.min(this.#againAt, this.#giveUpAt);
  }

  start(): void {
    const member = this.#zab.quorums.member(this.#leader);
    if (member === undefined) return this.#zab.leave(`server ${this.#leader} is not in the configuration`);
    this.#againAt = Infinity;
    this.#dial = this.#zab.nextDial();
    const addresses = member.addresses.map(({ host, quorumPort }) => ({ host, port: quorumPort }));
    this.#zab.host.dial(this.#dial, 'quorum', addresses);
  }

  /** A connection came up; returns whether it is the one to the leader. */
  answered(dial: number | undefined): boolean {
    if (dial !== this.#dial) return false;
    this.#giveUpAt = Infinity;
    return true;
  }

  failed(dial: number, reason: string): void {
    if (dial !== this.#dial) return;
    if (++this.#tries >= triesMax) return this.#giveUp(reason);
    this.#againAt = this.#zab.now + againMs;
  }

  tick(): void {
    const { now } = this.#zab;
    if (now >= this.#giveUpAt) this.#giveUp('no answer');
    else if (now >= this.#againAt) this.start();
  }

  #giveUp(reason: string): void {
    this.#zab.leave(`the leader (server ${this.#leader}) cannot be reached: ${reason}`);
  }
}
