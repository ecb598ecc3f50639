// One greedy client: many requests with one write, answers counted and thrown away, or not read at all.

import { bool, int, long, text, vector } from '../lib/jute.mjs';
import { Wire, body, frame, op } from '../lib/wire.mjs';

/** Most bytes of one frame, with room for its header. */
export const frameBytes = 1_000_000;

export class Attacker extends Wire {
  /** Sends so many requests with one write; resolves with the last answer when all have come. */
  async burst(count, type, record) {
    const answers = [];
    const frames = [];
    for (let at = 0; at < count; at++) {
      const xid = type === op.ping ? -2 : type === op.auth ? -4 : ++this.xid;
      frames.push(frame(int(xid), int(type), typeof record === 'function' ? record(at) : record));
      answers.push(new Promise((resolve, reject) => this.pending.push({ resolve, reject, kind: type })));
    }
    this.socket.write(Buffer.concat(frames));
    return (await Promise.all(answers)).at(-1);
  }

  /** A multi of so many parts. */
  multi(count, type, record) {
    return this.request(op.multi, body.multi(Array.from({ length: count }, (_, at) => [type, record(at)])));
  }

  /** Makes so many nodes below a parent that is there. */
  async plant(count, path, flags = 0, data = null) {
    const perMulti = 5000;
    for (let from = 0; from < count; from += perMulti) {
      const size = Math.min(perMulti, count - from);
      const reply = await this.multi(size, op.create, (at) => body.create(path(from + at), data, flags));
      if (reply.err !== 0) throw new Error(`planting ${path(from)}: ${reply.err}`);
    }
  }

  /** Restores watches: paths by kind, in the order of the wire. */
  restore(lists, since = 1n << 40n) {
    const type = lists.length > 3 ? op.setWatches2 : op.setWatches;
    return this.request(type, Buffer.concat([long(since), ...lists.map((list) => vector(list.map(text)))]), -8);
  }

  /** A multiRead of so many parts. */
  multiRead(count, type, path) {
    const part = Buffer.concat([int(type), bool(false), int(-1), body.pathWatch(path)]);
    const parts = Array.from({ length: count }, () => part);
    return this.request(op.multiRead, Buffer.concat([...parts, int(-1), bool(true), int(-1)]));
  }

  async prove(count) {
    return this.burst(count, op.auth, (at) => body.auth('digest', `user${at}:secret`));
  }
}

/** An ACL of so many entries that nobody is in. */
export const strangers = (count) =>
  Array.from({ length: count }, (_, at) => ({ perms: 31, scheme: 'digest', id: `u${at}:hhhhhh` }));

export const everybody = { perms: 31, scheme: 'world', id: 'anyone' };
