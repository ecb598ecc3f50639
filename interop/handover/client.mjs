// One client of the hand-over test: it has one request under way at a time, and when its connection is cut it goes on with
// its session at the next server, as client libraries do.

import { setTimeout as sleep } from 'node:timers/promises';
import { Wire, WireError, body, op } from '../lib/wire.mjs';

const sessionMs = 20_000;
const answerMs = 15_000;
const expired = -112;
const noNode = -101;
/** A ping has an id of its own. */
const pingXid = -2;
const pauses = { writer: 5, reader: 5, idle: 1000 };

export class HandoverClient {
  going = true;
  isLost = false;
  /** Of a writer: the last value that it asked for, and the last that was acknowledged. */
  asked = 0;
  acknowledged = 0;
  answered = 0;
  failed = 0;
  cuts = 0;
  longestMs = 0;
  lastAt = performance.now();

  /** `ports`: the server to begin with, and those to go on with. */
  constructor(kind, ports, path) {
    Object.assign(this, { kind, ports, path });
    this.ready = new Promise((resolve) => (this.isReady = resolve));
    this.ended = this.run();
  }

  /** Counts from now on. */
  forget() {
    Object.assign(this, { answered: 0, failed: 0, cuts: 0, longestMs: 0, lastAt: performance.now() });
  }

  async run() {
    for (let at = 0; this.going && !this.isLost; at += 1) {
      try {
        await this.connect(this.ports[at % this.ports.length]);
        while (this.going) {
          await this.once();
          await sleep(pauses[this.kind]);
        }
        await this.wire.close();
      } catch (error) {
        if (!this.going) return;
        if (error instanceof WireError && error.code === expired) this.isLost = true;
        await sleep(20);
      }
    }
  }

  async connect(port) {
    const { sessionId, password } = this.wire ?? this.session ?? {};
    if (sessionId !== undefined) this.session = { sessionId, password };
    this.wire = undefined;
    const wire = await Wire.open(port, { timeout: sessionMs, openMs: 2000, ...this.session });
    void wire.closed.then(() => this.going && (this.cuts += 1));
    this.wire = wire;
  }

  async once() {
    const { wire } = this;
    if (wire.dead) throw new Error('the connection was cut between two requests');
    const timer = setTimeout(() => wire.drop(), answerMs);
    try {
      await this.request(wire);
      this.answered += 1;
    } catch (error) {
      this.failed += 1;
      throw error;
    } finally {
      clearTimeout(timer);
    }
    const now = performance.now();
    this.longestMs = Math.max(this.longestMs, now - this.lastAt);
    this.lastAt = now;
    this.isReady();
  }

  async request(wire) {
    if (this.kind === 'idle') return void (await wire.request(op.ping, undefined, pingXid));
    if (this.kind === 'reader') return void (await wire.call(op.getChildren, body.pathWatch('/handover')));
    const value = (this.asked += 1);
    const data = Buffer.from(String(value));
    const { err } = await wire.request(op.setData, body.setData(this.path, data));
    if (err === noNode) await wire.call(op.create, body.create(this.path, data));
    else if (err !== 0) throw new WireError(err, 'setData');
    this.acknowledged = value;
  }

  async stop() {
    this.going = false;
    await this.ended;
  }

  abort() {
    this.going = false;
    this.wire?.drop();
  }
}
