// The healthy client of the fuzz campaign: it writes and reads every 100 ms, must never fail or wait long, and at the
// end finds its own subtree exactly as it made it.

import { setTimeout as sleep } from 'node:timers/promises';
import { equal } from '../lib/checks.mjs';
import { openAcl } from '../lib/jute.mjs';
import { Wire, body, op } from '../lib/wire.mjs';

const mine = [
  { perms: 1, scheme: 'world', id: 'anyone' },
  { perms: 31, scheme: 'digest', id: 'super:unused' },
];

export class Control {
  beats = 0;
  slowest = 0;
  failure = null;
  stopped = false;

  static async open(port, superCredential) {
    const control = new Control();
    control.wire = await Wire.open(port, { timeout: 30_000 });
    await control.wire.call(op.auth, body.auth('digest', superCredential), 'super credential');
    await control.plant();
    return control;
  }

  /** Only the super user may change this subtree, so that no damaged frame can do it legitimately. */
  async plant() {
    const make = (path, data) => this.wire.call(op.create, body.create(path, data, 0, mine), path);
    await make('/control', Buffer.from('root'));
    await make('/control/beat', Buffer.from('0'));
    await make('/control/tree', null);
    for (let at = 0; at < 50; at += 1) {
      await make(`/control/tree/n${at}`, Buffer.from(`value ${at}`));
      await make(`/control/tree/n${at}/kid`, Buffer.alloc(0));
    }
    this.before = await this.snapshot();
  }

  async snapshot() {
    const found = [];
    for (let at = 0; at < 50; at += 1) {
      for (const path of [`/control/tree/n${at}`, `/control/tree/n${at}/kid`]) {
        const reader = await this.wire.call(op.getData, body.pathWatch(path), path);
        found.push([path, reader.bytes()?.toString('base64'), reader.stat()]);
      }
    }
    return found;
  }

  async checkTree() {
    equal(await this.snapshot(), this.before, 'control subtree');
  }

  start() {
    this.running = this.beat().catch((error) => {
      this.failure ??= `after ${this.beats} beats: ${error.message}`;
    });
  }

  async beat() {
    while (!this.stopped) {
      const value = Buffer.from(`${this.beats}`);
      const started = Date.now();
      const late = setTimeout(() => (this.failure ??= `beat ${this.beats} took more than 5 s`), 5000);
      await this.wire.call(op.setData, body.setData('/control/beat', value, this.beats));
      const back = await this.wire.call(op.getData, body.pathWatch('/control/beat'));
      clearTimeout(late);
      equal(back.bytes().toString(), value.toString(), 'what was just written');
      this.slowest = Math.max(this.slowest, Date.now() - started);
      this.beats += 1;
      await sleep(100);
    }
  }

  /** Adds to a first failure what was going on when it was noticed. */
  nameFailure(occasion) {
    if (this.failure && !this.failure.includes('during')) this.failure += `, ${occasion}`;
  }

  async stop() {
    this.stopped = true;
    await this.running;
  }

  /** Opens the root again and removes what the campaign has left in the tree, children first; returns how many nodes that were. */
  async cleanUp() {
    let removed = 0;
    await this.wire.call(op.setAcl, body.setAcl('/', openAcl));
    const pass = async (path) => {
      const kids = (await this.wire.call(op.getChildren, body.pathWatch(path), path)).vector((r) => r.text());
      for (const kid of kids) await pass(path === '/' ? `/${kid}` : `${path}/${kid}`).catch(() => {});
      if (/^\/(control|zookeeper)?$/.test(path)) return;
      const reply = await this.wire.request(op.delete, body.pathVersion(path));
      if (reply.err === 0) removed += 1;
    };
    const top = (await this.wire.call(op.getChildren, body.pathWatch('/'))).vector((r) => r.text());
    for (const name of top) if (name !== 'control' && name !== 'zookeeper') await pass(`/${name}`).catch(() => {});
    for (const name of await this.children('/zookeeper/quota')) await pass(`/zookeeper/quota/${name}`).catch(() => {});
    return removed;
  }

  async children(path) {
    return (await this.wire.call(op.getChildren, body.pathWatch(path), path)).vector((r) => r.text());
  }
}
