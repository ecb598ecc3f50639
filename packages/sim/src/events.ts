// What happens next. Events are ordered by their time and, at one time, by the order in which they were asked for: never
// by the inner workings of the queue.

export interface SimEvent {
  readonly time: number;
  readonly sequence: number;
  readonly run: () => void;
  isCancelled: boolean;
  /** It will not happen. */
  cancel(): void;
}

export class EventQueue {
  readonly #heap: SimEvent[] = [];
  #sequence = 0;
  /** Simulated milliseconds. */
  now = 0;
  /** Events that have happened. */
  count = 0;

  get isEmpty(): boolean {
    return this.#heap.length === 0;
  }

  after(delayMs: number, run: () => void): SimEvent {
    return this.at(this.now + delayMs, run);
  }

  at(time: number, run: () => void): SimEvent {
    const event = new PlannedEvent(Math.max(time, this.now), this.#sequence++, run);
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent], event)) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = event;
    return event;
  }

  /** When the next event is due; Infinity when there is none. */
  get nextTime(): number {
    this.#dropCancelled();
    return this.#heap.length === 0 ? Infinity : this.#heap[0].time;
  }

  /** Lets the next event happen; false when there is none. */
  step(): boolean {
    this.#dropCancelled();
    if (this.#heap.length === 0) return false;
    const event = this.#pop();
    this.now = event.time;
    this.count++;
    event.run();
    return true;
  }

  #dropCancelled(): void {
    while (this.#heap.length > 0 && this.#heap[0].isCancelled) this.#pop();
  }

  #pop(): SimEvent {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (isBefore(last, heap[child])) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

class PlannedEvent implements SimEvent {
  readonly time: number;
  readonly sequence: number;
  readonly run: () => void;
  isCancelled = false;

  constructor(time: number, sequence: number, run: () => void) {
    this.time = time;
    this.sequence = sequence;
    this.run = run;
  }

  cancel(): void {
    this.isCancelled = true;
  }
}

const isBefore = (a: SimEvent, b: SimEvent): boolean =>
  a.time < b.time || (a.time === b.time && a.sequence < b.sequence);
