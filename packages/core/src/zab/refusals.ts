// How long a server rests that is refused by the leader it would follow, again and again. A leader that has its quorum does
// not change its mind within milliseconds, and hundreds of tries a second would fill the logs of both. The first tries
// come at once: right after an election, refusing is a matter of who was faster.

const freeTries = 2;
const restMinMs = 50;
const restMaxMs = 10_000;
/** As long at least, even if others look for a leader and could need this server. */
const atLeastMs = 100;

export class Refusals {
  readonly #random: () => number;
  readonly #maxMs: number;
  #count = 0;
  #since = -Infinity;
  /** The server rests until then. */
  until = -Infinity;

  /** `random`: from 0 up to, not including, 1. */
  constructor(random: () => number, initLimitMs: number) {
    this.#random = random;
    this.#maxMs = Math.min(restMaxMs, initLimitMs);
  }

  /** In a row. */
  get count(): number {
    return this.#count;
  }

  /** The server has a leader. */
  clear(): void {
    this.#count = 0;
    this.until = -Infinity;
  }

  /** A leader was found, and nothing came of it. */
  add(now: number): void {
    this.#since = now;
    const steps = ++this.#count - freeTries;
    if (steps < 0) return;
    const restMs = Math.min(this.#maxMs, restMinMs * 2 ** Math.min(steps, 20));
    this.until = now + Math.ceil(restMs * (0.5 + this.#random() / 2));
  }

  /** Somebody else looks for a leader: this server may be needed. */
  cutShort(): void {
    this.until = Math.min(this.until, this.#since + atLeastMs);
  }
}
