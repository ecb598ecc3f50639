// One attacking client: connects, sends a batch of damaged frames in one write, waits until the server has dealt with
// them (or has closed), and starts again. A frame counts only when the server answered it or closed because of it.

import { connect } from 'node:net';
import { Reader, int } from '../lib/jute.mjs';
import { body, connectRequest, frame, op } from '../lib/wire.mjs';
import { damagedBody, damagedFraming, damagedHandshake } from './mutate.mjs';

const batch = 40;

/** The last frame of a batch, under a request number no damaged frame uses: its answer says that all were read. */
const lastXid = 0x5eed0001;
const last = frame(int(lastXid), int(op.sync), body.path('/'));

export class Attacker {
  session = null;
  stats = { frames: 0, handshakes: 0, connections: 0, refused: 0, silent: 0, accepted: 0, early: 0 };

  constructor({ port, random, seeds, protectedSession }) {
    Object.assign(this, { port, random, seeds, protectedSession });
  }

  async run(enough) {
    while (!enough()) {
      this.stats.connections += 1;
      if (this.random.chance(0.12)) await this.attackHandshake();
      else await this.attackSession();
    }
  }

  async attackHandshake() {
    const start = damagedHandshake(this.random, this.seeds, this.session);
    // Knocking the control session off by its id is a known property of the protocol, not what is tested here.
    if (start.length >= 28 && start.readBigInt64BE(20) === this.protectedSession) return;
    const rest = this.random.chance(0.5) ? [damagedBody(this.random, this.seeds)] : [];
    const result = await this.exchange(Buffer.concat([start, ...rest]), { waitMs: 15 });
    this.stats.handshakes += 1;
    if (result.closed) this.stats.refused += 1;
  }

  async attackSession() {
    const old = this.session;
    const hello = connectRequest({ timeout: 1000, ...(old && { sessionId: old.id, password: old.password }) });
    const frames = [];
    const count = 1 + this.random.below(batch);
    while (frames.length < count) frames.push(damagedBody(this.random, this.seeds));
    const broken = this.random.chance(0.15);
    frames.push(broken ? damagedFraming(this.random, this.seeds) : last);
    const result = await this.exchange(Buffer.concat([hello, ...frames]), {
      waitMs: broken ? 15 : 4000,
      session: true,
    });
    if (result.done) this.stats.frames += count;
    else this.stats.frames += Math.min(frames.length, result.replies + 1);
    if (!result.done && !result.closed && !result.expired && !broken) this.stats.silent += 1;
    if (result.expired) this.session = null;
  }

  /** Sends everything, reads until the last answer, the close or the end of patience; then drops the connection hard. */
  exchange(bytes, { waitMs, session = false }) {
    return new Promise((resolve) => {
      const socket = connect({ port: this.port, host: '127.0.0.1' });
      const state = {
        replies: 0,
        done: false,
        closed: false,
        expired: false,
        buffer: Buffer.alloc(0),
        greeted: !session,
      };
      const finish = () => {
        clearTimeout(timer);
        socket.resetAndDestroy();
        resolve(state);
      };
      const timer = setTimeout(finish, waitMs + (session ? 30 : 0));
      socket.on('error', () => {});
      socket.on('close', () => {
        state.closed = true;
        finish();
      });
      socket.on('data', (chunk) => {
        this.read(state, chunk);
        if (state.done || state.expired) finish();
      });
      socket.write(bytes);
    });
  }

  read(state, chunk) {
    let buffer = state.buffer.length > 0 ? Buffer.concat([state.buffer, chunk]) : chunk;
    while (buffer.length >= 4) {
      const length = buffer.readInt32BE(0);
      if (length < 0 || length > 8_000_000 || buffer.length < 4 + length) break;
      this.message(state, buffer.subarray(4, 4 + length));
      buffer = buffer.subarray(4 + length);
    }
    state.buffer = buffer;
  }

  message(state, payload) {
    if (!state.greeted && payload.length < 36) {
      this.stats.early += 1; // an answer that overtook the answer to the handshake
      return;
    }
    if (!state.greeted) {
      const reader = new Reader(payload, 4);
      state.expired = reader.int() <= 0;
      state.greeted = true;
      this.session = { id: reader.long(), password: Buffer.from(reader.bytes()) };
      return;
    }
    const xid = payload.length >= 4 ? payload.readInt32BE(0) : 0;
    if (xid === lastXid) state.done = true;
    if (xid === -1) return;
    state.replies += 1;
    if (payload.length >= 16 && payload.readInt32BE(12) === 0) this.stats.accepted += 1;
  }
}
