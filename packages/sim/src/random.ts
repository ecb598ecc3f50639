// All chance in a simulation comes from one seed. Every part of it draws from a stream of its own, so that one more draw
// in the network does not change what the disks do. 32-bit integers only: the same on every machine.

export class Random {
  readonly #seed: number;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#seed = seed >>> 0;
    this.#a = mix(seed ^ 0x9e3779b9);
    this.#b = mix(seed ^ 0x85ebca6b);
    this.#c = mix(seed ^ 0xc2b2ae35);
    for (let i = 0; i < 8; i++) this.next();
  }

  /** A stream of its own for one part of the simulation; draws from this one do not change it. */
  stream(name: string): Random {
    let hash = mix(this.#seed ^ 0x51ed270b);
    for (let i = 0; i < name.length; i++) hash = mix(hash ^ name.charCodeAt(i));
    return new Random(hash);
  }

  /** 32 random bits, unsigned (sfc32). */
  next(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + t) | 0;
    return t >>> 0;
  }

  /** An integer in [0, limit). */
  below(limit: number): number {
    return limit <= 1 ? 0 : this.next() % limit;
  }

  /** An integer in [from, to]. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }

  /** All of them, in random order. */
  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [shuffled[i], shuffled[j]] = [shuffled[j], shuffled[i]];
    }
    return shuffled;
  }
}

function mix(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return x ^ (x >>> 16);
}
