// One load connection of the kill test: a pipelined mix of creates, versioned sets, deletes, multis, sequential creates
// and unconditional sets on a znode everybody shares. Every answer is checked at once; what has not been answered when
// the server dies stays noted as in flight.

import { Wire, body, op } from '../lib/wire.mjs';
import { Corner } from './model.mjs';

const window = 100;
const counters = 16;
const keep = 150;

export class Loader {
  step = 0;
  errors = [];
  shared = { acked: 0, inFlight: 0 };
  sequential = { acked: new Map(), inFlight: new Set() };
  running = false;

  constructor(port, index) {
    this.port = port;
    this.index = index;
    this.corner = new Corner(`/kill/c${index}`);
  }

  /** Opens the session the first time and re-attaches it afterwards, with the newest zxid it has seen. */
  async connect() {
    const last = this.wire;
    const options = { timeout: 40_000 };
    if (last) Object.assign(options, { sessionId: last.sessionId, password: last.password, lastZxid: last.lastZxid });
    this.wire = await Wire.open(this.port, options);
    if (last) this.wire.lastZxid = last.lastZxid;
    return last ? this.wire.sessionId === last.sessionId : true;
  }

  async prepare() {
    await this.wire.call(op.create, body.create(this.corner.root, null));
    await this.wire.call(op.create, body.create(`${this.corner.root}/alive`, Buffer.from('alive'), 1));
    this.corner.nodes.set('alive', { data: 'alive', version: 0 });
    for (let at = 0; at < counters; at += 1) {
      await this.wire.call(op.create, body.create(`${this.corner.root}/v${at}`, Buffer.from('0')));
      this.corner.nodes.set(`v${at}`, { data: '0', version: 0 });
    }
    this.versions = new Array(counters).fill(0);
  }

  /** Fills the window and keeps it full until the connection dies. */
  run(round) {
    this.round = round;
    this.running = true;
    this.outstanding = 0;
    this.fill();
    return this.wire.closed.then(() => (this.running = false));
  }

  fill() {
    if (!this.running) return;
    this.wire.socket.cork();
    while (this.outstanding < window) {
      this.outstanding += 1;
      this.send(this.step++);
    }
    this.wire.socket.uncork();
  }

  send(step) {
    const kinds = [this.create, this.set, this.set, this.remove, this.multi, this.append, this.bump, this.create];
    kinds[step % kinds.length].call(this, step);
  }

  /** Sends a write to the own corner and notes what it does there. */
  own(type, record, effects) {
    this.corner.sent(effects);
    this.answer(this.wire.request(type, record), () => this.corner.acknowledge());
  }

  answer(reply, acknowledged) {
    reply.then(
      (got) => {
        if (got.err === 0) acknowledged(got);
        else this.errors.push(`client ${this.index}: a write answered ${got.err}`);
        this.outstanding -= 1;
        if (this.outstanding <= window / 2) this.fill();
      },
      () => {},
    );
  }

  create(step) {
    const name = `n${step}`;
    this.own(op.create, body.create(`${this.corner.root}/${name}`, Buffer.from(`${step}`)), [[name, `${step}`]]);
    this.created = [...(this.created ?? []), name];
  }

  set(step) {
    const at = step % counters;
    const record = body.setData(`${this.corner.root}/v${at}`, Buffer.from(`${step}`), this.versions[at]++);
    this.own(op.setData, record, [[`v${at}`, `${step}`]]);
  }

  remove(step) {
    if (this.created.length <= keep) this.set(step);
    else {
      const name = this.created.shift();
      this.own(op.delete, body.pathVersion(`${this.corner.root}/${name}`, 0), [[name, null]]);
    }
  }

  /** Creates two znodes, sets a counter and deletes one of an earlier multi: all or nothing. */
  multi(step) {
    const { root } = this.corner;
    const at = step % counters;
    const data = Buffer.from(`${step}`);
    const parts = [
      [op.create, body.create(`${root}/ma${step}`, data)],
      [op.setData, body.setData(`${root}/v${at}`, data, this.versions[at]++)],
      [op.create, body.create(`${root}/mb${step}`, data)],
    ];
    const effects = [
      [`ma${step}`, `${step}`],
      [`v${at}`, `${step}`],
      [`mb${step}`, `${step}`],
    ];
    this.pairs = [...(this.pairs ?? []), step];
    if (this.pairs.length > keep) {
      const old = this.pairs.shift();
      parts.push([op.delete, body.pathVersion(`${root}/ma${old}`)], [op.delete, body.pathVersion(`${root}/mb${old}`)]);
      effects.push([`ma${old}`, null], [`mb${old}`, null]);
    }
    this.own(op.multi, body.multi(parts), effects);
  }

  append(step) {
    const label = `${this.index}:${step}`;
    this.sequential.inFlight.add(label);
    const record = body.create(`/kill/seq${this.round}/s-`, Buffer.from(label), 2);
    this.answer(this.wire.request(op.create, record), (got) => {
      const name = got.body.toString('utf8', 4);
      if (this.sequential.acked.has(name)) this.errors.push(`${name} was given out twice`);
      this.sequential.acked.set(name, label);
      this.sequential.inFlight.delete(label);
    });
  }

  bump() {
    this.shared.inFlight += 1;
    this.answer(this.wire.request(op.setData, body.setData('/kill/shared', Buffer.from('x'))), () => {
      this.shared.inFlight -= 1;
      this.shared.acked += 1;
    });
  }

  /** After a crash: own bookkeeping goes on from what the server has kept. */
  resume() {
    const names = [...this.corner.nodes.keys()];
    const numbers = (prefix) =>
      names
        .filter((name) => name.startsWith(prefix))
        .map((name) => Number(name.slice(prefix.length)))
        .sort((a, b) => a - b);
    this.created = numbers('n').map((number) => `n${number}`);
    this.pairs = numbers('ma');
    this.versions = Array.from({ length: counters }, (_, at) => this.corner.nodes.get(`v${at}`)?.version ?? 0);
    this.sequential.inFlight.clear();
    this.shared = { acked: 0, inFlight: 0 };
  }

  get acked() {
    return this.corner.acked + this.shared.acked + this.sequential.acked.size;
  }
}
