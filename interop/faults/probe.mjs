// One quiet connection per server, with one small write under way at a time: it measures from when on writes are accepted.
// Behind each write it asks for everything decided so far (sync) and reads the node that the load writes to: nothing that
// was acknowledged anywhere before may be missing there, whichever server it is.

import { setTimeout as sleep } from 'node:timers/promises';
import { Wire, WireError, body, op } from '../lib/wire.mjs';

const answerMs = 2000;

export class Probes {
  going = true;
  waiting = [];
  problems = [];
  /** Reads that were held against the load. */
  reads = 0;

  /** `floor` says which version of the shared node has been acknowledged; undefined when a sync promises nothing. */
  constructor(places, { floor, everyMs = 25 } = {}) {
    Object.assign(this, { floor, everyMs });
    this.ends = places.map((place, at) => this.run(place, `/faults/probe${at}`));
  }

  async run(place, path) {
    let session;
    while (this.going) {
      let wire;
      try {
        wire = await Wire.open(place.port, { host: place.host, timeout: 40_000, openMs: 1000, ...session });
        session = { sessionId: wire.sessionId, password: wire.password };
        while (this.going) {
          await this.once(wire, path);
          if (this.floor) await this.read(wire, place.host);
          await sleep(this.everyMs);
        }
        await wire.close();
      } catch (error) {
        if (error instanceof WireError && error.code !== -112) this.problems.push(`${place.host}: ${error.message}`);
        if (error.code === -112) session = undefined;
        wire?.drop();
        await sleep(this.everyMs);
      }
    }
  }

  async once(wire, path) {
    const sent = performance.now();
    const { err } = await inTime(wire, wire.request(op.setData, body.setData(path, Buffer.from('x'))));
    if (err === -101) await wire.call(op.create, body.create(path, Buffer.from('x')));
    else if (err !== 0) throw new WireError(err, 'setData');
    const waiting = this.waiting.filter(({ since }) => sent >= since);
    this.waiting = this.waiting.filter(({ since }) => sent < since);
    for (const { since, resolve } of waiting) resolve(performance.now() - since);
  }

  /** What was acknowledged before the sync was sent has to be there. */
  async read(wire, host) {
    const floor = this.floor();
    const synced = wire.call(op.sync, body.path('/faults/shared'), 'sync');
    const reply = await inTime(wire, Promise.all([synced, wire.call(op.exists, body.pathWatch('/faults/shared'))]));
    const { version } = reply[1].stat();
    if (version < floor) this.problems.push(`${host} read version ${version} after ${floor} had been acknowledged`);
    this.reads += 1;
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

/** The answer; one that does not come ends the connection. */
function inTime(wire, answer) {
  const timer = setTimeout(() => wire.drop(), answerMs);
  return answer.finally(() => clearTimeout(timer));
}
