// One load connection of the fault test: it writes at a steady pace, keeps one session through every fault, and goes to
// another server whenever its own is gone or silent. Each time it is back it compares its corner of the tree with what
// was acknowledged: all of that, plus some first part of what was in flight, and nothing else.

import { setTimeout as sleep } from 'node:timers/promises';
import { Corner } from '../kill/model.mjs';
import { readFolder } from '../kill/verify.mjs';
import { Wire, WireError, body, op } from '../lib/wire.mjs';

const window = 32;
const tickMs = 20;
const silentMs = 2000;
const keep = 60;
const counters = 8;
const sessionMs = 40_000;

export class Rover {
  step = 0;
  acked = 0;
  moves = 0;
  problems = [];
  /** Acknowledged writes of the shared node: { sent, answered, version, mzxid }. */
  shared = [];
  sharedUnknown = 0;
  /** Names of sequential nodes given out, with what is in them. */
  sequential = new Map();
  going = true;

  constructor(index, places, { random, perSecond }) {
    Object.assign(this, { index, places, random, perTick: (perSecond * tickMs) / 1000 });
    this.corner = new Corner(`/faults/c${index}`);
  }

  /** Runs until `stop`; every return of a connection is checked. */
  async run() {
    while (this.going) {
      try {
        await this.attach();
        await this.settle();
        if (!this.ready) this.ready = true;
        await this.work();
      } catch (error) {
        // The server went away under it; what is wrong with the data is in `problems`.
        this.note(error);
        if (error.code === -112) this.session = undefined;
        await sleep(30);
      }
      this.wire?.drop();
    }
  }

  /** A connection that ends is no wonder here; an error that a server answers with is. */
  note(error) {
    if (error instanceof WireError) this.problems.push(`client ${this.index}: ${error.message}`);
    else if (error.message !== 'connection closed') this.problems.push(`client ${this.index}: ${error.stack}`);
  }

  async attach() {
    const { host, port } = this.random.pick(this.places);
    const last = this.session;
    this.wire = await Wire.open(port, { host, timeout: sessionMs, openMs: 1500, ...last });
    this.moves += 1;
    if (last && this.wire.sessionId !== last.sessionId) this.problems.push(`client ${this.index}: another session`);
    this.session = { sessionId: this.wire.sessionId, password: this.wire.password, lastZxid: last?.lastZxid ?? 0n };
    this.wire.lastZxid = this.session.lastZxid;
  }

  /** Brings the bookkeeping up to what the server has kept. */
  async settle() {
    await within(silentMs * 2, this.wire, async () => {
      await this.wire.call(op.sync, body.path('/'));
      if (!this.prepared) await this.prepare();
      const actual = await readFolder(this.wire, this.corner.root);
      const settled = this.corner.settle(actual);
      if (typeof settled === 'string') this.problems.push(`client ${this.index}: ${settled}`);
      if (actual.get('alive')?.owner !== this.session.sessionId) {
        this.problems.push(`client ${this.index}: its ephemeral belongs to ${actual.get('alive')?.owner}`);
      }
    });
    const names = [...this.corner.nodes.keys()].filter((name) => name.startsWith('n'));
    this.created = names.sort((a, b) => a.slice(1) - b.slice(1));
    this.versions = Array.from({ length: counters }, (_, at) => this.corner.nodes.get(`v${at}`)?.version ?? 0);
  }

  async prepare() {
    const make = async (name, data, flags) => {
      const path = name === '' ? this.corner.root : `${this.corner.root}/${name}`;
      const { err } = await this.wire.request(op.create, body.create(path, data, flags));
      if (err !== 0 && err !== -110) throw new WireError(err, `create ${path}`);
      if (name !== '') this.corner.nodes.set(name, { data: data.toString(), version: 0 });
    };
    await make('', null);
    await make('alive', Buffer.from('alive'), 1);
    for (let at = 0; at < counters; at += 1) await make(`v${at}`, Buffer.from('0'));
    this.prepared = true;
  }

  /** Sends at its pace until the connection ends or no answer comes any more. */
  async work() {
    let outstanding = 0;
    let credit = 0;
    let heard = Date.now();
    const done = () => {
      outstanding -= 1;
      heard = Date.now();
    };
    while (this.going && !this.wire.dead) {
      if (outstanding === 0) heard = Date.now();
      else if (Date.now() - heard > silentMs) break;
      credit = Math.min(credit + this.perTick, window);
      for (; credit >= 1 && outstanding < window; credit -= 1) {
        outstanding += 1;
        this.send(this.step++).then(done, (error) => this.note(error));
      }
      await sleep(tickMs);
    }
    while (!this.going && outstanding > 0 && !this.wire.dead && Date.now() - heard < silentMs) await sleep(5);
    this.session.lastZxid = this.wire.lastZxid;
  }

  send(step) {
    if (step % 20 === 7) return this.bump();
    if (step % 100 === 33) return this.append(step);
    const kinds = [this.create, this.set, this.set, this.multi, this.remove, this.look];
    return kinds[step % kinds.length].call(this, step);
  }

  async own(type, record, effects) {
    this.corner.sent(effects);
    const { err } = await this.wire.request(type, record);
    if (err !== 0) return void this.problems.push(`client ${this.index}: a write answered ${err}`);
    this.corner.acknowledge();
    this.acked += 1;
  }

  create(step) {
    this.created.push(`n${step}`);
    const record = body.create(`${this.corner.root}/n${step}`, Buffer.from(`${step}`));
    return this.own(op.create, record, [[`n${step}`, `${step}`]]);
  }

  set(step) {
    const at = step % counters;
    const record = body.setData(`${this.corner.root}/v${at}`, Buffer.from(`${step}`), this.versions[at]++);
    return this.own(op.setData, record, [[`v${at}`, `${step}`]]);
  }

  remove(step) {
    if (this.created.length <= keep) return this.set(step);
    const name = this.created.shift();
    return this.own(op.delete, body.pathVersion(`${this.corner.root}/${name}`, 0), [[name, null]]);
  }

  /** Two sets and a create: all or nothing. */
  multi(step) {
    const { root } = this.corner;
    const data = Buffer.from(`${step}`);
    const [one, other] = [step % counters, (step + 1) % counters];
    this.created.push(`n${step}`);
    const parts = [
      [op.setData, body.setData(`${root}/v${one}`, data, this.versions[one]++)],
      [op.create, body.create(`${root}/n${step}`, data)],
      [op.setData, body.setData(`${root}/v${other}`, data, this.versions[other]++)],
    ];
    return this.own(op.multi, body.multi(parts), [
      [`v${one}`, `${step}`],
      [`n${step}`, `${step}`],
      [`v${other}`, `${step}`],
    ]);
  }

  /** A session reads its own writes, in the order of its requests. */
  async look(step) {
    const at = step % counters;
    const expected = this.versions[at];
    const reply = await this.wire.call(op.getData, body.pathWatch(`${this.corner.root}/v${at}`));
    reply.bytes();
    const { version } = reply.stat();
    if (version !== expected) this.problems.push(`client ${this.index}: read v${at} ${version}, wrote ${expected}`);
  }

  async bump() {
    const sent = performance.now();
    this.sharedUnknown += 1;
    const reply = await this.wire.call(op.setData, body.setData('/faults/shared', Buffer.from(`${this.index}`)));
    const { version, mzxid } = reply.stat();
    this.sharedUnknown -= 1;
    this.shared.push({ sent, answered: performance.now(), version, mzxid });
  }

  async append(step) {
    const label = `${this.index}:${step}`;
    const reply = await this.wire.call(op.create, body.create('/faults/seq/s-', Buffer.from(label), 2));
    const path = reply.text();
    if (this.sequential.has(path)) this.problems.push(`${path} was given out twice`);
    this.sequential.set(path, label);
  }

  stop() {
    this.going = false;
  }

  /** Keeps the session alive, and does nothing else, until the connection is dropped. */
  hold() {
    const timer = setInterval(() => this.wire.request(op.ping, Buffer.alloc(0), -2).catch(() => {}), sessionMs / 8);
    void this.wire.closed.then(() => clearInterval(timer));
  }
}

/** Drops the connection when the work takes too long, which ends the work. */
async function within(milliseconds, wire, work) {
  const timer = setTimeout(() => wire.drop(), milliseconds);
  try {
    await work();
  } finally {
    clearTimeout(timer);
  }
}
