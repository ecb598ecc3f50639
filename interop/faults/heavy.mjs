// The heavy part of the fault test's load: requests as long as jute.maxbuffer allows, transactions as long as their extra
// size allows or a little longer, and sessions with so many ephemeral nodes that the list of them can no longer travel.
// Each client writes one thing at a time, so that it knows exactly what must be there: what was acknowledged, or the one
// write whose answer got lost.

import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../fuzz/random.mjs';
import { Reader, openAcl } from '../lib/jute.mjs';
import { Wire, WireError, body, op } from '../lib/wire.mjs';

export const heavyRoot = '/faults/heavy';

const frameMax = 0xfffff;
const headerBytes = 8;
const answerMs = 8000;
const lastingMs = 40_000;
const silentSessionMs = 12_000;
const batch = 1000;
const badArguments = -8;
const nodeExists = -110;
const expired = -112;

/** A client that comes back with its session, to whichever server answers, until it is stopped. */
class Returning {
  problems = [];
  going = true;
  ready = false;

  constructor(name, places, { random, sessionMs = lastingMs }) {
    Object.assign(this, { name, places, random, sessionMs });
  }

  async run() {
    while (this.going) {
      try {
        await this.attach();
        await this.work();
      } catch (error) {
        this.note(error);
        await sleep(50);
      }
      this.leave();
    }
  }

  /** A connection that ends is no wonder here; an error that a server answers with is. */
  note(error) {
    if (error instanceof WireError && error.code === expired) this.expired();
    else if (error.message !== 'connection closed') this.complain(error.stack);
  }

  complain(what) {
    this.problems.push(`${this.name}: ${what}`);
  }

  expired() {
    this.session = undefined;
    this.complain('its session was ended');
  }

  async attach() {
    const { host, port } = this.random.pick(this.places);
    this.wire = await Wire.open(port, { host, timeout: this.sessionMs, openMs: 3000, ...this.session });
    this.session = { sessionId: this.wire.sessionId, password: this.wire.password, lastZxid: this.session?.lastZxid };
    this.wire.lastZxid = this.session.lastZxid ?? 0n;
    this.pinging = setInterval(() => this.wire.request(op.ping, undefined, -2).catch(() => {}), this.sessionMs / 4);
  }

  leave() {
    clearInterval(this.pinging);
    if (this.wire && this.session) this.session.lastZxid = this.wire.lastZxid;
    this.wire?.drop();
  }

  /** The answer; one that does not come ends the connection. */
  ask(type, record) {
    const { wire } = this;
    const timer = setTimeout(() => wire.drop(), answerMs);
    return wire.request(type, record).finally(() => clearTimeout(timer));
  }

  /** A node that is there already was made by an attempt whose answer got lost. */
  async make(path, data = null, flags = 0) {
    const { err } = await this.ask(op.create, body.create(path, data, flags));
    if (err !== 0 && err !== nodeExists) throw new WireError(err, `create ${path}`);
  }

  stop() {
    this.going = false;
  }
}

/** Writes with numbers: the nodes show which one was the last. `form` says what it writes, see below. */
class BigWriter extends Returning {
  acked = 0;
  isUnknown = false;
  written = 0;

  constructor(form, places, { everyMs, ...options }) {
    super(form.name, places, options);
    Object.assign(this, { form, everyMs });
  }

  async work() {
    for (const credential of this.form.credentials ?? []) await this.ask(op.auth, body.auth('digest', credential));
    if (!this.ready) for (const path of this.form.paths) await this.make(path, Buffer.from(label(0)));
    await this.settle();
    this.ready = true;
    while (this.going) {
      const started = Date.now();
      await this.write();
      await sleep(Math.max(20, this.everyMs - (Date.now() - started)));
    }
  }

  /** The one write that is not known to have happened has, or has not. */
  async settle() {
    await this.ask(op.sync, body.path('/'));
    const found = await Promise.all(this.form.paths.map((path) => this.look(path)));
    this.compare(found);
    this.acked = found[0].step;
    this.isUnknown = false;
  }

  async look(path) {
    const [data, acls] = await Promise.all([
      this.ask(op.getData, body.pathWatch(path)),
      this.form.isAcl ? this.ask(op.getAcl, body.path(path)) : undefined,
    ]);
    if (data.err !== 0) throw new WireError(data.err, `getData ${path}`);
    const reader = readerOf(data);
    const text = reader.bytes().toString('latin1');
    const stat = reader.stat();
    return { path, ...this.form.shown({ text, stat, acl: acls && readerOf(acls).acl() }) };
  }

  /** Every node shows the same write, changed as often as there were writes, and it is one that may be there. */
  compare(found) {
    const [{ step }] = found;
    const torn = found.find((node) => node.step !== step || node.version !== step * (this.form.repeats ?? 1));
    if (torn) this.complain(`${torn.path} shows write ${torn.step} as version ${torn.version}, the first node ${step}`);
    const fits = step === this.acked || (this.isUnknown && step === this.acked + 1);
    if (!fits) this.complain(`write ${step} is there, ${this.acked}${this.isUnknown ? ' or one more' : ''} should be`);
  }

  async write() {
    const step = this.acked + 1;
    this.isUnknown = true;
    const [type, record] = this.form.write(step);
    if (record.length + headerBytes > frameMax) throw new Error(`${record.length} bytes are no legal request`);
    const { err } = await this.ask(type, record);
    if (err !== 0) return this.complain(`write ${step} answered ${err}`);
    this.acked = step;
    this.isUnknown = false;
    this.written += 1;
    if (!this.form.refused) return;
    const refused = await this.ask(...this.form.refused(step));
    if (refused.err !== badArguments) this.complain(`what is too long to travel answered ${refused.err}`);
  }

  /** Against the tree that all servers agree on. */
  verify(node) {
    const found = this.form.paths.map((path) => {
      const { data, acls, stat } = node(path);
      return { path, ...this.form.shown({ text: data, stat, acl: acls }) };
    });
    this.compare(found);
    return this.problems;
  }
}

const readerOf = (reply) => new Reader(reply.body);
const label = (step) => `${step}`.padStart(12, '0');
const filled = (step, length) => Buffer.alloc(length, label(step));
const ofData = ({ text, stat }) => ({ step: Number(text.slice(0, 12)), version: stat.version });
const inRoot = (name, count) => Array.from({ length: count }, (_, at) => `${heavyRoot}/${name}${at}`);
/** The data that makes a request of these other bytes exactly as long as it may be. */
const room = (emptyRecord) => frameMax - headerBytes - emptyRecord.length;

/** One node as large as a node can be. */
function largeNode() {
  const [path] = inRoot('large', 1);
  const length = room(body.setData(path, Buffer.alloc(0)));
  return {
    name: 'large node',
    paths: [path],
    shown: ofData,
    write: (step) => [op.setData, body.setData(path, filled(step, length))],
  };
}

/** Few large parts in a multi. */
function largeParts() {
  const paths = inRoot('bulk', 4);
  const multi = (data) => body.multi(paths.map((path, at) => [op.setData, body.setData(path, data(at))]));
  const each = Math.floor(room(multi(() => Buffer.alloc(0))) / paths.length);
  return {
    name: 'multi with large parts',
    paths,
    shown: ofData,
    write: (step) => [op.multi, multi(() => filled(step, each))],
  };
}

/** As many parts as a multi can have, each of them small. */
function manyParts() {
  const paths = inRoot('part', 20);
  const round = (step) => paths.map((path) => [op.setData, body.setData(path, Buffer.from(label(step)))]);
  const bytes = body.multi(round(0)).length - body.multi([]).length;
  const repeats = Math.floor(room(body.multi([])) / bytes);
  return {
    name: 'multi with many parts',
    paths,
    shown: ofData,
    repeats,
    write: (step) => [op.multi, body.multi(Array.from({ length: repeats }, () => round(step)).flat())],
  };
}

/** An access list as long as a request can say. */
function longAcl() {
  const [path] = inRoot('acl', 1);
  const entry = (step, at) => ({ perms: 1, scheme: 'digest', id: `u${label(step)}-${at}:${'x'.repeat(1000)}` });
  const list = (step, count) => [...openAcl, ...Array.from({ length: count }, (_, at) => entry(step, at + 1000))];
  const one = body.setAcl(path, list(0, 1)).length - body.setAcl(path, list(0, 0)).length;
  const count = Math.floor(room(body.setAcl(path, list(0, 0))) / one);
  return {
    name: 'long ACL',
    paths: [path],
    isAcl: true,
    shown: ({ stat, acl }) => ({ step: Number(acl[1]?.id.slice(1, 13) ?? 0), version: stat.aversion }),
    write: (step) => [op.setAcl, body.setAcl(path, list(step, count))],
  };
}

/** A short request that becomes a long transaction: every `auth` entry stands for all identities of the connection. */
function multipliedAcl() {
  const [mark] = inRoot('auth', 1);
  const acl = [...openAcl, { perms: 31, scheme: 'auth', id: '' }];
  const temporary = (count) => Array.from({ length: count }, (_, at) => `${mark}/n${at}`);
  const creates = (count) => temporary(count).map((path) => [op.create, body.create(path, null, 0, acl)]);
  const deletes = (count) => temporary(count).map((path) => [op.delete, body.pathVersion(path, 0)]);
  const set = (step) => [op.setData, body.setData(mark, Buffer.from(label(step)))];
  return {
    name: 'multiplied ACL',
    paths: [mark],
    shown: ofData,
    credentials: Array.from({ length: 50 }, (_, at) => `user${at}:secret`),
    // 2 MB are the limit; one list is about 2.4 kB.
    write: (step) => [op.multi, body.multi([set(step), ...(step % 2 === 1 ? creates(750) : deletes(750))])],
    refused: (step) => [
      op.multi,
      body.multi([set(step + 1), ...(step % 2 === 1 ? deletes(750) : []), ...creates(950)]),
    ],
  };
}

/**
 * Fills a session with ephemeral nodes and ends it, by closing it or by silence: all of them are gone at once.
 * filling: the session has `made` nodes. ending: it has all, and is being closed. gone: whoever looks must find all or none.
 */
class Hoarder extends Returning {
  rounds = 0;
  made = 0;
  state = 'filling';
  /** Whether somebody has been told that the session is closed. */
  isClosed = false;

  constructor(index, places, { ephemerals, ends, ...options }) {
    super(`hoarder ${index}`, places, options);
    Object.assign(this, { ephemerals, ends, folder: `${heavyRoot}/hoard${index}` });
  }

  /** One with a short timeout may end in a long fault; a close whose answer got lost may have happened. */
  expired() {
    if (this.state === 'filling' && this.ends === 'closing') return super.expired();
    this.session = undefined;
    this.state = 'gone';
  }

  async work() {
    if (!this.ready) await this.make(this.folder);
    this.ready = true;
    if (this.state === 'filling') await this.fill();
    if (this.state === 'ending') await this.end();
    else if (this.state === 'gone') await this.look();
  }

  /** In multis, so that the count says whether one was torn. */
  async fill() {
    const children = await this.children();
    if (!this.isWhole(children)) this.complain(`${children} ephemerals, ${this.made} were made`);
    this.made = children;
    while (this.going && this.made < this.ephemerals) {
      const parts = Array.from({ length: batch }, (_, at) => this.create(this.made + at));
      const { err } = await this.ask(op.multi, body.multi(parts));
      if (err !== 0) return this.complain(`${batch} ephemerals answered ${err}`);
      this.made += batch;
    }
    if (this.made === this.ephemerals) this.state = 'ending';
  }

  create(at) {
    return [op.create, body.create(`${this.folder}/ephemeral-of-round-${this.rounds}-${at}`, null, 1)];
  }

  /** All that were acknowledged, and those of a multi whose answer got lost. */
  isWhole(children) {
    return children === this.made || (children === this.made + batch && this.made < this.ephemerals);
  }

  async end() {
    if (this.ends === 'closing') {
      const { err } = await this.ask(op.close);
      if (err !== 0) return this.complain(`close answered ${err}`);
      this.isClosed = true;
    }
    this.session = undefined;
    this.state = 'gone';
  }

  /** In the session of the next round, at any server. */
  async look() {
    for (;;) {
      const children = await this.children();
      if (children === 0) break;
      if (!this.isWhole(children)) this.complain(`${children} of ${this.made} are left of a session that ends as one`);
      if (this.isClosed) this.complain(`${children} ephemerals are left of a session that is closed`);
      await sleep(250);
    }
    this.rounds += 1;
    Object.assign(this, { state: 'filling', made: 0, isClosed: false });
  }

  async children() {
    await this.ask(op.sync, body.path('/'));
    const reply = await this.ask(op.exists, body.pathWatch(this.folder));
    if (reply.err !== 0) throw new WireError(reply.err, `exists ${this.folder}`);
    return readerOf(reply).stat().numChildren;
  }

  /** Behind `run`: whatever session there is ends, and what it holds with it. */
  async finish() {
    const deadline = Date.now() + 3 * lastingMs;
    while (Date.now() < deadline) {
      try {
        await this.attach();
        if (this.state === 'gone') await this.look();
        if (this.made === 0) return;
        await this.end();
      } catch (error) {
        this.note(error);
        await sleep(100);
      } finally {
        this.leave();
      }
    }
    this.complain('its last session has not ended');
  }

  verify(node) {
    const { numChildren } = node(this.folder).stat;
    if (numChildren > 0) this.complain(`${numChildren} ephemerals are left in the end`);
    return this.problems;
  }
}

const forms = [largeNode, largeParts, manyParts, longAcl, multipliedAcl];

/** All clients of the heavy load. `ephemerals` of each huge session, and how long a big write comes after the last one. */
export function heavyLoad(places, { ephemerals, everyMs, seed }) {
  const options = (at) => ({ random: new Random(seed + 1000 + at) });
  const writers = forms.map((form, at) => new BigWriter(form(), places, { ...options(at), everyMs }));
  const hoarders = [
    new Hoarder(0, places, { ...options(10), ephemerals, ends: 'closing' }),
    new Hoarder(1, places, { ...options(11), ephemerals, ends: 'silence', sessionMs: silentSessionMs }),
  ];
  return new HeavyLoad(writers, hoarders);
}

class HeavyLoad {
  constructor(writers, hoarders) {
    Object.assign(this, { writers, hoarders, all: [...writers, ...hoarders] });
  }

  start() {
    this.running = this.all.map((client) => client.run());
  }

  get ready() {
    return this.all.every(({ ready }) => ready);
  }

  get problems() {
    return this.all.flatMap(({ problems }) => problems);
  }

  /** Ends the huge sessions; the big writers learn what has become of their last write. */
  async end() {
    for (const client of this.all) client.stop();
    await Promise.all(this.running);
    await Promise.all(this.hoarders.map((hoarder) => hoarder.finish()));
    for (const writer of this.writers) {
      await writer.attach();
      await writer.settle();
      writer.leave();
    }
  }

  verify(node) {
    return this.all.flatMap((client) => client.verify(node));
  }

  toString() {
    const written = this.writers.map(({ name, written }) => `${name} ${written}`).join(', ');
    return `heavy writes acknowledged: ${written}; huge sessions ended: ${this.hoarders.map(({ rounds }) => rounds)}`;
  }
}
