// Time as an input. Deadlines are measured on a monotonic clock, so that a corrected wall clock neither expires a
// session nor keeps a dead one.

/** Where a client has its time and its chance from. */
export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /**
   * Calls back after that many milliseconds, never earlier by `now()`; the result cancels it. `released`: the process may
   * end before.
   */
  after(ms: number, callback: () => void, process?: 'held' | 'released'): () => void;
  /** Calls back in a later turn of the event loop, when promises settled in this one have run. */
  soon(callback: () => void): void;
  /** In [0, 1): spreads reconnecting clients out. */
  random(): number;
}

/** Platforms count timers in 32 bits: a longer one would fire at once. `fired` sets the rest again. */
const timerMsMax = 2 ** 31 - 1;

/** The clock and the timers of the platform. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback, process = 'held') {
    const due = performance.now() + ms;
    let timer: ReturnType<typeof setTimeout>;
    const arm = (left: number): void => {
      timer = setTimeout(fired, Math.min(Math.max(0, Math.ceil(left)), timerMsMax));
      if (process === 'released' && typeof timer === 'object') timer.unref();
    };
    // Node counts whole milliseconds of another clock: a timer may fire almost one too early, and whoever then looked at
    // the clock would wait for a second call that never comes.
    const fired = (): void => {
      const left = due - performance.now();
      if (left > 0) arm(left);
      else callback();
    };
    arm(ms);
    return () => clearTimeout(timer);
  },
  soon(callback) {
    if (typeof setImmediate === 'function') setImmediate(callback);
    else setTimeout(callback, 0);
  },
  random: () => Math.random(),
};
