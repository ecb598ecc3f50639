// The prefix under which a client sees the tree: the chroot of its connection string and the scopes below it.

import { pathProblem } from '@corral/protocol';

export class Root {
  /** `''` for the whole tree, otherwise a path without a slash at its end. */
  readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  /** The server's path. Throws a TypeError for one that no server would accept. */
  full(path: string, sequential = false): string {
    // A sequential name may end in a slash: the number is the whole name then.
    const problem = pathProblem(sequential ? `${path}0` : path);
    if (problem !== undefined) throw new TypeError(`invalid path "${path}": ${problem}`);
    if (this.prefix === '') return path;
    // The number of a sequential node with no other name follows the slash: it is a child of the prefix, not a sibling.
    return path === '/' && !sequential ? this.prefix : this.prefix + path;
  }

  /** The caller's path; one outside of the prefix stays as it is. */
  local(path: string): string {
    return this.prefix === '' || !this.holds(path) ? path : path.slice(this.prefix.length) || '/';
  }

  /** Whether a server's path is inside of the prefix. */
  holds(path: string): boolean {
    return this.prefix === '' || path === this.prefix || path.startsWith(`${this.prefix}/`);
  }

  below(path: string): Root {
    return path === '/' ? this : new Root(this.full(path));
  }
}
