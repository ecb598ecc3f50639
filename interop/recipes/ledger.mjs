// Proof that a recipe kept the others out: files that nothing else protects. Who is inside makes the folder `inside`, which
// works for one only, adds one to `number` in two steps and writes into `log` who it was and the zxid that made its node.
// Readers look whether somebody writes; who shares counts who is there. Partner.java and partner.py do the same.

import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const permits = 2;

export class Ledger {
  constructor(dir) {
    this.dir = dir;
  }

  static fresh() {
    const ledger = new Ledger(mkdtempSync(join(tmpdir(), 'corral-ledger-')));
    mkdirSync(ledger.#file('sharing'));
    writeFileSync(ledger.#file('number'), '0');
    writeFileSync(ledger.#file('log'), '');
    return ledger;
  }

  async enter(recipe, who, czxid) {
    if (recipe.endsWith('reader')) await this.#read();
    else if (recipe === 'semaphore') await this.#share();
    else await this.#write();
    appendFileSync(this.#file('log'), `${who} ${czxid}\n`);
  }

  get number() {
    return Number(readFileSync(this.#file('number'), 'utf8'));
  }

  /** Who was inside, in this order; the zxid is 0 for those who do not know it. */
  get entries() {
    const lines = readFileSync(this.#file('log'), 'utf8').trim().split('\n');
    return lines.map((line) => line.split(' ')).map(([who, czxid]) => ({ who, czxid: BigInt(czxid) }));
  }

  remove() {
    rmSync(this.dir, { recursive: true });
  }

  async #write() {
    mkdirSync(this.#file('inside'));
    const { number } = this;
    await sleep(1);
    writeFileSync(this.#file('number'), String(number + 1));
    rmdirSync(this.#file('inside'));
  }

  async #read() {
    const before = this.number;
    await sleep(5);
    if (existsSync(this.#file('inside')) || this.number !== before) throw new Error('a writer is inside');
  }

  async #share() {
    const mine = this.#file(join('sharing', randomUUID()));
    mkdirSync(mine);
    await sleep(5);
    const sharing = readdirSync(this.#file('sharing')).length;
    if (sharing > permits) throw new Error(`${sharing} are inside`);
    rmdirSync(mine);
  }

  #file(name) {
    return join(this.dir, name);
  }
}
