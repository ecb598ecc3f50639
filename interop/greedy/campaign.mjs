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

export class Campaign {
  #names = 0;

  constructor(server, checks) {
    this.server = server;
    this.checks = checks;
    this.port = server.port;
  }

  async begin() {
    await furnish(this.port);
    await this.server.calibrate();
    this.bystander = await Bystander.open(this.port);
  }

  /** One form, by a client of its own. */
  async form(name, form) {
    const { server, port } = this;
    const { stallMs = bounds.stallMs, grownMb = bounds.grownMb } = form;
    const open = (options) => Attacker.open(port, options);
    const a = await open({ timeout: 40_000 });
    const next = () => ++this.#names;
    const label = ++this.#names;
    const context = { server, port, a, open, next: () => label, fresh: next };
    const rounds = this.bystander.rounds;
    let seen;
    await this.checks.check(`${name}: ${form.what}`, async () => {
      await form.before?.(context);
      seen = await server.watch(() => form.run(context));
      truthy(server.alive(), `the server died:\n${server.logTail()}`);
      truthy(this.bystander.failure === undefined, `another client failed: ${this.bystander.failure}`);
      const allowed = stallMs * server.slowness;
      truthy(seen.stallMs <= allowed, `the loop stood still for ${ms(seen.stallMs)}, ${ms(allowed)} are allowed`);
      truthy(seen.grownMb <= grownMb, `memory rose by ${seen.grownMb} MB, ${grownMb} MB are allowed`);
    });
    if (seen) console.log(`       ${ms(seen.stallMs)}, ${seen.grownMb} MB, ${this.bystander.rounds - rounds} rounds`);
    a.drop();
    await this.#cleanUp();
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
