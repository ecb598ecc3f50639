// Plays a sequence against one target and writes down everything each connection received, in its order.
//
// One step at a time: the next is sent when a ping behind the step has been answered (several requests of one connection
// go out together in a burst). So what a connection has received when its next step begins is the same on every server.

import { Reader, int } from '../lib/jute.mjs';
import { Wire, WireError, frame, op } from '../lib/wire.mjs';
import { codeOf, decode, encode, operations } from './operations.mjs';
import { open, superCredential } from './pools.mjs';

/** For an answer: a busy machine is no difference. */
const patience = 120_000;

/** A connection that keeps replies and events in one list, as they came. */
class Line extends Wire {
  inbox = [];

  message(payload) {
    if (this.pending[this.at]?.kind === 'handshake') return super.message(payload);
    this.inbox.push(payload);
    this.wake?.();
  }

  fail(error) {
    super.fail(error);
    this.wake?.();
  }

  replies() {
    return this.inbox.filter((payload) => payload.readInt32BE(0) !== -1);
  }

  /** Waits until so many replies are there or the connection is closed; false when neither comes. */
  async until(count, ms = patience) {
    const deadline = Date.now() + ms;
    while (!this.dead && this.replies().length < count) {
      const left = deadline - Date.now();
      if (left <= 0) return false;
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return true;
  }
}

export class Player {
  /** Slot -> { line, sessionId, password, entries }. */
  slots = new Map();
  /** Session id -> password, in the order they were opened. */
  sessions = new Map();
  lastZxid = 0n;
  xid = 0;

  /** `ports` are those of the target's members; `level` makes a member catch up before another slot's step. */
  constructor({ ports, level = false }, base) {
    Object.assign(this, { ports, level, base });
  }

  async play(steps) {
    await this.prepare();
    for (const [at, step] of steps.entries()) await this.step(at, step);
    for (const slot of this.slots.values()) await this.settle(slot, steps.length);
    const tree = await this.tree();
    const sessions = [...this.sessions.keys()];
    await this.leave();
    return { lines: [...this.slots].map(([name, { entries }]) => ({ name, entries })), tree, sessions };
  }

  async prepare() {
    const wire = await Wire.open(this.ports[0], { timeout: 30_000 });
    const create = { op: 'create', path: '~', data: 'root', acl: open, flags: 0 };
    await wire.call(op.create, encode(create, this.base), this.base);
    await wire.close();
  }

  /** Ends every session, also those whose connection is gone: nothing is left to expire at a time of its own. */
  async leave() {
    for (const { line } of this.slots.values()) {
      if (line.dead) continue;
      this.sessions.delete(line.sessionId);
      await line.close();
    }
    for (const [sessionId, password] of this.sessions) {
      const wire = await Wire.open(this.ports[0], { sessionId, password, timeout: 30_000 }).catch(() => null);
      await wire?.close();
    }
  }

  slot(name) {
    let slot = this.slots.get(name);
    if (!slot) this.slots.set(name, (slot = { line: null, entries: [], member: name % this.ports.length }));
    return slot;
  }

  async step(at, step) {
    const slot = this.slot(step.s);
    if (step.op === 'connect') return this.connect(at, slot, step);
    if (!slot.line || slot.line.dead) await this.open(at, slot, {});
    if (slot.line.dead) return;
    if (this.level) await this.catchUp(slot);
    if (step.op === 'burst') return this.send(at, slot, step.steps);
    if (operations[step.op].closing) return this.sendClosing(at, slot, step);
    await this.send(at, slot, [step]);
    // What may be read is asked for too: Corral tells nothing of the rest.
    if (step.op.startsWith('setWatches')) await this.send(at, slot, lookedAt(step));
  }

  /** Requests with a ping behind them, in one write; done when the ping is answered. */
  async send(at, slot, steps) {
    const { line } = slot;
    const requests = steps.map((step) => this.request(step));
    line.socket.write(Buffer.concat([...requests.map(({ bytes }) => bytes), ping]));
    const answered = await line.until(requests.length + 1);
    this.note(at, slot, requests, answered);
  }

  /** A request after which the connection may end: nothing is sent behind it. */
  async sendClosing(at, slot, step) {
    const { line } = slot;
    const request = this.request(step);
    line.socket.write(request.bytes);
    const answered = await line.until(1);
    const [reply] = line.replies();
    if (reply && !line.dead && (reply.readInt32BE(12) !== 0 || step.op === 'close')) {
      await Promise.race([line.closed, new Promise((resolve) => setTimeout(resolve, 1000))]);
    }
    this.note(at, slot, [request], answered);
  }

  request(step) {
    const xid = operations[step.op].xid ?? ++this.xid;
    const body = encode(step, this.base, (since) => this.since(since));
    return { step, xid, bytes: frame(int(xid), int(codeOf(step)), body) };
  }

  since(name) {
    return { zero: 0n, last: this.lastZxid, maximum: 2n ** 63n - 1n, negative: -1n }[name] ?? 0n;
  }

  /** Moves what has come in into the slot's record; replies belong to requests by their order. */
  note(at, slot, requests, answered = true) {
    const { line, entries } = slot;
    const waiting = [...requests];
    for (const payload of line.inbox.splice(0)) {
      const reader = new Reader(payload);
      const [xid, zxid, err] = [reader.int(), reader.long(), reader.int()];
      if (xid === -1) {
        entries.push({ at, event: reader.int(), state: reader.int(), path: reader.text(), zxid });
        continue;
      }
      if (zxid > this.lastZxid) this.lastZxid = zxid;
      if (waiting.length === 0 || (xid === -2 && waiting[0].step.op !== 'ping')) continue;
      const request = waiting.shift();
      const { step } = request;
      const known = xid === request.xid || step.xid !== undefined;
      entries.push({ at, op: step.op, step, err, zxid, xid: known ? 'its own' : xid, body: decode(step, reader) });
    }
    if (waiting.length > 0) entries.push({ at, unanswered: waiting.map(({ step }) => step.op) });
    if (!answered) {
      entries.push({ at, silent: true });
      line.drop();
      line.dead = true;
    }
    if (line.dead) entries.push({ at, closed: true });
  }

  async connect(at, slot, { how, turn }) {
    const old = slot.line;
    // What is on its way to the old connection would reach it or not, as it happens.
    if (old && !old.dead) await this.settle(slot, at);
    if (how === 'move') slot.member = (slot.member + turn) % this.ports.length;
    if (how === 'new' && old) {
      if (!old.dead) await old.close();
      return this.open(at, slot, {});
    }
    if (!old) return this.open(at, slot, {});
    const password = how === 'wrong password' ? Buffer.alloc(16, 1) : old.password;
    if (how !== 'wrong password') old.drop();
    await this.open(at, slot, { sessionId: old.sessionId, password });
    if (how === 'wrong password' && !old.dead) old.drop();
  }

  async open(at, slot, session) {
    try {
      const lastZxid = this.ports.length > 1 ? 0n : this.lastZxid;
      slot.line = await Line.open(this.ports[slot.member], { timeout: 30_000, lastZxid, openMs: patience, ...session });
      this.sessions.set(slot.line.sessionId, slot.line.password);
      slot.entries.push({ at, opened: slot.line.timeout, session: slot.line.sessionId });
    } catch (error) {
      slot.entries.push({ at, refused: error instanceof WireError ? error.code : 'closed' });
      slot.line = { dead: true, ...session, drop() {} };
    }
  }

  /** The member has applied all that was decided before, and its events for this connection are here. */
  async catchUp(slot) {
    const { line } = slot;
    const before = line.replies().length;
    line.socket.write(frame(int(2147483647), int(op.sync), encode({ op: 'sync', path: '/' }, this.base)));
    await line.until(before + 1);
    const index = line.inbox.findIndex((payload) => payload.readInt32BE(0) === 2147483647);
    if (index >= 0) line.inbox.splice(index, 1);
  }

  /** Brings in the events that are still on their way. */
  async settle(slot, at) {
    if (!slot.line || slot.line.dead) return;
    if (this.level) await this.catchUp(slot);
    await this.send(at, slot, []);
  }

  /** The folder of the sequence and its quotas, as the super user sees them. */
  async tree() {
    const wire = await Wire.open(this.ports[0], { timeout: 30_000 });
    try {
      await wire.call(op.auth, encode({ op: 'auth', scheme: 'digest', credential: superCredential }, ''));
      await wire.call(op.sync, encode({ op: 'sync', path: '/' }, ''));
      const nodes = [];
      const queue = [this.base, `/zookeeper/quota${this.base}`];
      while (queue.length > 0) await this.look(wire, queue, nodes);
      return nodes.sort((one, other) => (one.path < other.path ? -1 : 1));
    } finally {
      await wire.close();
    }
  }

  async look(wire, queue, nodes) {
    await Promise.all(
      queue.splice(0).map(async (path) => {
        const ask = async (name) => {
          const step = { op: name, path, watch: false };
          const reply = await wire.request(codeOf(step), encode(step, ''));
          return reply.err === 0 ? decode(step, new Reader(reply.body)) : { err: reply.err };
        };
        const [data, acl, kids] = await Promise.all([ask('getData'), ask('getAcl'), ask('getChildren')]);
        nodes.push({ path, ...data, acl: acl.acl });
        for (const kid of kids.names ?? []) queue.push(`${path}/${kid}`);
      }),
    );
  }
}

const lookedAt = ({ dataPaths, existPaths, childPaths }) =>
  [dataPaths, existPaths, childPaths].flatMap((list) =>
    (list ?? []).map((path) => ({ op: 'exists', path, watch: false })),
  );

const ping = frame(int(-2), int(op.ping));
