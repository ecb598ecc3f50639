// Runs greedy forms one after the other against one server, and judges each: the loop must not have stood still for longer
// than its bound, memory must not have risen further, and the client that wants nothing special must be well.

import { truthy } from '../lib/checks.mjs';
import { Wire, body, op } from '../lib/wire.mjs';
import { Attacker, frameBytes } from './attacker.mjs';
import { Bystander } from './bystander.mjs';
import { bounds } from './forms.mjs';

/** What the forms find: a wide node, a large one, and room for what they make. */
export async function furnish(port) {
  const wire = await Attacker.open(port);
  for (const path of ['/flat', '/many', '/eph', '/mine']) await wire.call(op.create, body.create(path, null), path);
  await wire.call(op.create, body.create('/megabyte', Buffer.alloc(frameBytes, 1)));
  await wire.plant(100_000, (at) => `/flat/n${String(at).padStart(6, '0')}`);
  await wire.close();
}

const tries = 3;
/** Collecting garbage and cold caches come on top of what a request costs; only what is far beyond its bound fails. */
const slack = 1.6;

export class Campaign {
  #names = 0;

  /** `probes`: of every server whose loop counts; greedy clients are clients of the first, the modest one of the last. */
  constructor(probes, checks) {
    this.probes = probes;
    this.server = probes[0].server;
    this.checks = checks;
    this.port = this.server.port;
  }

  async begin() {
    await furnish(this.port);
    for (const probe of this.probes) await probe.calibrate();
    this.bystander = await Bystander.open(this.probes.at(-1).server.port);
  }

  /** Runs work under the eyes of all probes; the worst of what they saw. */
  #watch(work) {
    let seen = { stallMs: 0, grownMb: 0 };
    const watched = this.probes.reduce(
      (inner, probe) => async () => {
        const { stallMs, grownMb } = await probe.watch(inner);
        seen = { stallMs: Math.max(seen.stallMs, stallMs), grownMb: Math.max(seen.grownMb, grownMb) };
      },
      work,
    );
    return watched().then(() => seen);
  }

  /**
   * One form, by a client of its own. What is too much is tried again: compiling and collecting garbage fall into one try or
   * another, what the request costs stays.
   */
  async form(name, form) {
    const { stallMs = bounds.stallMs, grownMb = bounds.grownMb } = form;
    const rounds = this.bystander.rounds;
    let seen;
    await this.checks.check(`${name}: ${form.what}`, async () => {
      for (let left = tries; left > 0; left--) {
        const now = await this.#once(form);
        seen = seen && now.stallMs > seen.stallMs ? { ...now, stallMs: seen.stallMs } : now;
        if (now.stallMs <= stallMs && now.grownMb <= grownMb) return;
      }
      truthy(
        seen.stallMs <= stallMs * slack,
        `the loop stood still for ${ms(seen.stallMs)}, ${ms(stallMs)} are allowed`,
      );
      truthy(seen.grownMb <= grownMb, `memory rose by ${seen.grownMb} MB, ${grownMb} MB are allowed`);
    });
    const over = seen?.stallMs > stallMs ? `, more than the ${ms(stallMs)} that it should be` : '';
    if (seen)
      console.log(`       ${ms(seen.stallMs)}${over}, ${seen.grownMb} MB, ${this.bystander.rounds - rounds} rounds`);
  }

  async #once(form) {
    const { server, port } = this;
    const open = (options) => Attacker.open(port, options);
    const a = await open({ timeout: 40_000 });
    const label = ++this.#names;
    const context = { server, port, a, open, next: () => label, fresh: () => ++this.#names };
    try {
      await form.before?.(context);
      const seen = await this.#watch(() => form.run(context));
      truthy(server.alive(), `the server died:\n${server.logTail()}`);
      truthy(this.bystander.failure === undefined, `another client failed: ${this.bystander.failure}`);
      return seen;
    } finally {
      a.drop();
      await this.#cleanUp();
    }
  }

  /** Access lists that keep everybody out are left behind: the tree is only as small as that. */
  async #cleanUp() {
    const wire = await Wire.open(this.port);
    const names = await childrenOf(wire, '/many');
    for (let from = 0; from < names.length; from += 1000) {
      const parts = names.slice(from, from + 1000).map((name) => [op.delete, body.pathVersion(`/many/${name}`)]);
      await wire.request(op.multi, body.multi(parts));
    }
    await wire.close();
  }

  async end() {
    await this.bystander.stop();
    await this.checks.check('the client that wants nothing special was served to the end', async () => {
      truthy(this.bystander.failure === undefined, this.bystander.failure);
      truthy(this.bystander.rounds > 100, `only ${this.bystander.rounds} rounds`);
    });
  }
}

const ms = (value) => `${Math.round(value)} ms`;

async function childrenOf(wire, path) {
  const reader = await wire.call(op.getChildren, body.pathWatch(path), path);
  return reader.vector((r) => r.text());
}
