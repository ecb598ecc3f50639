// What one load connection believes about its own corner of the tree, and how that is compared with the truth.
//
// A session's writes are applied in the order sent, so after a crash the corner must look exactly as after all
// acknowledged writes plus some first part of those still in flight. Anything else is a lost write, a torn multi, a
// wrong version, or a reordering, and no such first part fits.

const path = (root, name) => `${root}/${name}`;

export class Corner {
  nodes = new Map();
  inFlight = [];
  acked = 0;

  constructor(root) {
    this.root = root;
  }

  /** Notes a write that was sent: effects is a list of [name, data] (create or set) or [name, null] (delete). */
  sent(effects) {
    this.inFlight.push(effects);
  }

  /** The oldest write in flight was acknowledged. */
  acknowledge() {
    apply(this.nodes, this.inFlight.shift());
    this.acked += 1;
  }

  /**
   * Finds how many writes in flight the server kept; returns that number, or a text saying what does not fit. The
   * model goes on from what was found.
   */
  settle(actual) {
    const total = this.inFlight.length;
    const withoutInFlight = difference(this.nodes, actual, this.root);
    for (let kept = 0; kept <= total; kept += 1) {
      if (difference(this.nodes, actual, this.root) === null) {
        this.inFlight = [];
        return kept;
      }
      if (kept < total) apply(this.nodes, this.inFlight[kept]);
    }
    return `no first part of ${total} writes in flight explains what is there; against the acknowledged writes alone: ${withoutInFlight}`;
  }
}

function apply(nodes, effects) {
  for (const [name, data] of effects) {
    if (data === null) nodes.delete(name);
    else nodes.set(name, { data, version: (nodes.get(name)?.version ?? -1) + 1 });
  }
}

function difference(expected, actual, root) {
  for (const [name, { data, version }] of expected) {
    const found = actual.get(name);
    if (!found) return `${path(root, name)} is missing`;
    if (found.data !== data || found.version !== version) {
      return `${path(root, name)} is ${found.data} v${found.version}, should be ${data} v${version}`;
    }
  }
  if (actual.size === expected.size) return null;
  const extra = [...actual.keys()].find((name) => !expected.has(name));
  return `${path(root, extra)} should not be there`;
}
