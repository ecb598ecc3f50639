// Measures from when on writes are accepted: one connection per server, each with one small write under way at a time.

import { setTimeout as sleep } from 'node:timers/promises';
import { Wire, body, op } from '../lib/wire.mjs';

const everyMs = 25;
const answerMs = 2000;

export class Probes {
  going = true;
  waiting = [];

  constructor(hosts) {
    this.ends = hosts.map((host, at) => this.run(host, `/faults/probe${at}`));
  }

  async run(host, path) {
    let session;
    while (this.going) {
      let wire;
      try {
        wire = await Wire.open(2181, { host, timeout: 40_000, openMs: 1000, ...session });
        session = { sessionId: wire.sessionId, password: wire.password };
        while (this.going) {
          await this.once(wire, path);
          await sleep(everyMs);
        }
        await wire.close();
      } catch (error) {
        if (error.code === -112) session = undefined;
        wire?.drop();
        await sleep(everyMs);
      }
    }
  }

  async once(wire, path) {
    const sent = performance.now();
    const timer = setTimeout(() => wire.drop(), answerMs);
    const { err } = await wire
      .request(op.setData, body.setData(path, Buffer.from('x')))
      .finally(() => clearTimeout(timer));
    if (err === -101) await wire.call(op.create, body.create(path, Buffer.from('x')));
    else if (err !== 0) throw new Error(`setData answered ${err}`);
    const waiting = this.waiting.filter(({ since }) => sent >= since);
    this.waiting = this.waiting.filter(({ since }) => sent < since);
    for (const { since, resolve } of waiting) resolve(performance.now() - since);
  }

  /** Milliseconds from now until a write that is sent from now on has been accepted. */
  accepted(timeoutMs) {
    const since = performance.now();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no write accepted for ${timeoutMs} ms`)), timeoutMs);
      this.waiting.push({
        since,
        resolve: (milliseconds) => {
          clearTimeout(timer);
          resolve(Math.round(milliseconds));
        },
      });
    });
  }

  async stop() {
    this.going = false;
    await Promise.all(this.ends);
  }
}
