// K2: the order of sequential nodes. The number is the parent's counter, a signed 32-bit integer that wraps: after
// 2147483647 comes -2147483648, written with nine digits and a minus. Neither the text nor the plain number tells who
// came first; the wrapped difference does.

/** Where the counter of a parent stands still: all later names have this number, so it says nothing about order. */
export const sequenceMax = 2 ** 31 - 1;

/** The number behind the last `base` in a name; null when the name was made by something else. */
export function sequenceOf(name: string, base: string): number | null {
  const at = name.lastIndexOf(base);
  if (at < 0) return null;
  const digits = name.slice(at + base.length);
  return /^(\d{10}|-\d{9,10})$/.test(digits) ? Number(digits) | 0 : null;
}

/** Negative when `a` was created before `b`. Right as long as both are less than two thousand million apart. */
export const compareSequences = (a: number, b: number): number => (a - b) | 0;

/** A number as servers write it: ten characters, filled with zeros behind the sign. */
export const formatSequence = (sequence: number): string =>
  sequence < 0 ? `-${String(-sequence).padStart(9, '0')}` : String(sequence).padStart(10, '0');

export interface Ranked {
  readonly name: string;
  /** Which of the bases it was made with. */
  readonly base: string;
  readonly sequence: number;
}

/** The names that were made with one of these bases, first come first. */
export function inOrder(names: readonly string[], bases: readonly string[]): Ranked[] {
  const ranked: Ranked[] = [];
  for (const name of names) {
    for (const base of bases) {
      const sequence = sequenceOf(name, base);
      if (sequence === null) continue;
      ranked.push({ name, base, sequence });
      break;
    }
  }
  return ranked.sort((a, b) => compareSequences(a.sequence, b.sequence));
}
