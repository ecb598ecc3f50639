// Lines for the log that anybody on the network could cause, as often as they like: each is written once, and what is like
// it is then only counted and told from time to time.

import type { EnsembleNote } from '../effects.ts';

type Facts = NonNullable<EnsembleNote['facts']>;

/** Between two lines of one kind, in milliseconds. */
const pauseMs = 60_000;
/** Kinds that are remembered; who invents more has them told again. */
const kindsMax = 256;

export class RepeatedNotes {
  readonly #note: (level: EnsembleNote['level'], message: string, facts: Facts) => void;
  readonly #kinds = new Map<string, { toldAt: number; untold: number }>();

  constructor(note: (level: EnsembleNote['level'], message: string, facts: Facts) => void) {
    this.#note = note;
  }

  /** Tells it, unless the same `kind` was told less than a minute ago. `kind` must not hold what changes every time. */
  tell(now: number, kind: string, level: EnsembleNote['level'], message: string, facts: Facts = {}): void {
    const known = this.#kinds.get(kind);
    if (known !== undefined && now - known.toldAt < pauseMs) return void known.untold++;
    const untold = known?.untold ?? 0;
    if (known === undefined && this.#kinds.size >= kindsMax) this.#kinds.clear();
    this.#kinds.set(kind, { toldAt: now, untold: 0 });
    this.#note(level, message, untold > 0 ? { ...facts, alsoBefore: untold } : facts);
  }

  /** Something that is news the first time, and after that, as one of many `tries`, only from time to time. */
  try(now: number, level: EnsembleNote['level'], message: string, tries: number, facts: Facts = {}): void {
    if (tries <= 1) this.#note(level, message, facts);
    else this.tell(now, message.replace(/\d+/g, ''), level, message, { ...facts, tries });
  }

  /** The next one of this kind is news again. */
  forget(kind: string): void {
    this.#kinds.delete(kind);
  }
}
