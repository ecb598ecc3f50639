// A server's two clocks: a monotonic one for timeouts and a wall clock for what is stored. Neither need run exactly as
// fast as those of the others, nor agree with them.

import type { Moment } from '@corral/core';

export interface ClockOptions {
  /** Thousandths by which this clock runs fast, or slow when negative. */
  readonly driftPermille: number;
  readonly wallOffsetMs: number;
}

export const exactClock: ClockOptions = { driftPermille: 0, wallOffsetMs: 0 };
/** Wall clock at the beginning of every simulation. */
export const wallEpoch = 1_700_000_000_000;

export class NodeClock {
  readonly #driftPermille: number;
  #wallOffsetMs: number;

  constructor({ driftPermille, wallOffsetMs }: ClockOptions = exactClock) {
    this.#driftPermille = driftPermille;
    this.#wallOffsetMs = wallOffsetMs;
  }

  /** What the clocks show at a simulated time. */
  moment(time: number): Moment {
    const now = this.mono(time);
    return { now, wall: wallEpoch + this.#wallOffsetMs + now };
  }

  mono(time: number): number {
    return Math.floor((time * (1000 + this.#driftPermille)) / 1000);
  }

  /** The first simulated time at which the monotonic clock shows at least `mono`. */
  timeOf(mono: number): number {
    return Math.ceil((mono * 1000) / (1000 + this.#driftPermille));
  }

  /** Somebody sets the wall clock. */
  stepWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }
}
