// How long the event loop stood still while a disk operation was under way. The end of such an operation is seen by the
// same loop: without this, code that holds the loop would be reported as a slow disk.

const stepMs = 10;
/** Timers are this late on a loop that has nothing to do. */
const ordinaryLagMs = 5;

export class LoopStalls {
  #timer: NodeJS.Timeout | undefined;
  #isWatching = false;
  #due = 0;
  #stalledMs = 0;

  /** Begins to watch. One operation at a time. */
  begin(): void {
    this.#isWatching = true;
    this.#stalledMs = 0;
    this.#wait();
  }

  /** Ends watching: milliseconds since `begin` in which the loop stood still. */
  end(): number {
    this.#isWatching = false;
    this.#look();
    return this.#stalledMs;
  }

  #wait(): void {
    this.#due = performance.now() + stepMs;
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#tick(), stepMs).unref();
    else this.#timer.refresh();
  }

  #tick(): void {
    if (!this.#isWatching) return;
    this.#look();
    this.#wait();
  }

  #look(): void {
    const late = performance.now() - this.#due;
    if (late > ordinaryLagMs) this.#stalledMs += late;
  }
}
