// How long the paths of a set are. Looking up every ancestor of a path costs the square of its length, for each has to be
// cut out and hashed: six thousand levels are tens of milliseconds. Only ancestors as long as one of the set can be in it.

const slash = 47;

export class PathLengths {
  readonly #counts = new Map<number, number>();

  add({ length }: string): void {
    this.#counts.set(length, (this.#counts.get(length) ?? 0) + 1);
  }

  delete({ length }: string): void {
    const left = (this.#counts.get(length) ?? 0) - 1;
    if (left > 0) this.#counts.set(length, left);
    else this.#counts.delete(length);
  }

  /** The path itself and its ancestors, as far as the set may hold them; in no order. */
  *candidates(path: string): Iterable<string> {
    for (const length of this.#counts.keys()) {
      if (length === path.length) yield path;
      else if (length > 0 && length < path.length && (path.charCodeAt(length) === slash || length === 1))
        yield path.slice(0, length);
    }
  }

  get size(): number {
    return this.#counts.size;
  }
}
