// The client that wants nothing special while others are greedy: it reads and writes a node of its own, and every answer has
// to be right. How long it waits is not judged here: see loop-probe.mjs.

import { setTimeout as sleep } from 'node:timers/promises';
import { Wire, body, op } from '../lib/wire.mjs';

const path = '/bystander';

export class Bystander {
  rounds = 0;
  failure;
  #isStopped = false;

  static async open(port) {
    const bystander = new Bystander();
    bystander.wire = await Wire.open(port, { timeout: 30_000 });
    await bystander.wire.request(op.create, body.create(path, Buffer.from('0')));
    bystander.running = bystander.#run().catch((error) => (bystander.failure = error.message));
    return bystander;
  }

  async #run() {
    while (!this.#isStopped) {
      const value = `${this.rounds}`;
      await this.wire.call(op.setData, body.setData(path, Buffer.from(value)));
      const found = (await this.wire.call(op.getData, body.pathWatch(path))).bytes().toString();
      if (found !== value) throw new Error(`wrote ${value} and read ${found}`);
      this.rounds++;
      await sleep(5);
    }
  }

  async stop() {
    this.#isStopped = true;
    await this.running;
    await this.wire.close();
  }
}
