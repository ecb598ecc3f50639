// One mode's share of a run: hands out numbered sequences, plays several at a time, and shrinks what fails.

import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Random } from '../fuzz/random.mjs';
import { compare } from './compare.mjs';
import { generate } from './generate.mjs';
import { describe } from './report.mjs';
import { shrink } from './shrink.mjs';

const regressions = join(dirname(fileURLToPath(import.meta.url)), 'regressions');
/** Differences after which a run gives up: the rest would mostly be the same again. */
const enough = 10;

export class Campaign {
  next = 0;
  found = 0;
  counts = {};
  /** What a mode does not send. */
  rewrite = (steps) => steps;

  constructor({ mode, checks, seed, sequences, until, lanes }) {
    Object.assign(this, { mode, checks, seed, sequences, until, lanes });
    this.random = new Random(seed);
  }

  more() {
    return this.next < this.sequences && this.found < enough && Date.now() < this.until;
  }

  /** Every sequence that once failed, before anything else. */
  async regressions(targets) {
    for (const name of readdirSync(regressions).sort()) {
      if (!name.endsWith('.json')) continue;
      const { steps } = JSON.parse(readFileSync(join(regressions, name), 'utf8'));
      await this.one(targets, { seed: 'regression', index: name.replace('.json', ''), steps });
    }
  }

  /** Up to so many sequences, several at a time. */
  async play(targets, count) {
    const end = Math.min(this.next + count, this.sequences);
    const lane = async () => {
      while (this.next < end && this.more()) {
        this.next += 1;
        await this.one(targets, generate(this.seed, this.next - 1));
      }
    };
    const before = this.found;
    await Promise.all(Array.from({ length: this.lanes }, lane));
    const name = `${this.mode}: sequences to ${this.next} are answered alike`;
    if (this.found === before) this.checks.record(name, true);
  }

  async one(targets, whole) {
    const sequence = { ...whole, steps: this.rewrite(whole.steps) };
    const difference = await compare(targets, sequence.steps, this.counts);
    if (!difference) return;
    this.found += 1;
    const dead = targets.find((target) => !target.alive());
    if (dead) return this.tell(sequence, { ...difference, second: `${difference.second}\n${dead.tail()}` });
    const steps = await shrink(sequence.steps, async (candidate) => (await compare(targets, candidate)) !== null);
    const last = (await compare(targets, steps)) ?? { ...difference, what: `${difference.what}, not every time,` };
    this.tell({ ...sequence, steps }, last);
  }

  tell(sequence, difference) {
    const name = `${this.mode}: sequence ${sequence.seed}:${sequence.index}`;
    this.checks.record(name, false, difference.what);
    console.log(describe({ ...sequence, mode: this.mode }, difference));
  }

  check(name, body) {
    return this.checks.check(`${this.mode}: ${name} (after ${this.next})`, async () => {
      try {
        await body();
      } catch (error) {
        this.found += 1;
        throw error;
      }
    });
  }

  async end(targets) {
    for (const target of targets) {
      if (!target.alive()) this.checks.record(`${this.mode}: ${target.name} is alive`, false, target.tail());
      await target.close({ keep: this.found > 0 });
    }
    const { sequences = 0, entries = 0, ...reasons } = this.counts;
    console.log(`       ${this.mode}: ${sequences} sequences, ${entries} answers, events and nodes compared`);
    for (const [reason, count] of Object.entries(reasons)) console.log(`       accepted ${count} times: ${reason}`);
  }
}
