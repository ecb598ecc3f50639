// A process that speaks one of the three languages, and does what it is told: one JSON object a line in both directions,
// many requests at a time.

import { createInterface } from 'node:readline';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { equal, show } from '../lib/checks.mjs';
import { paths } from '../lib/install.mjs';
import { killGroup, start } from '../lib/process.mjs';
import { curatorClasspath } from './install.mjs';

const here = dirname(fileURLToPath(import.meta.url));
/** Nothing takes that long; a partner that does not end by itself is ended. */
const lifeMs = 120_000;
const answerMs = 30_000;

const programs = {
  curator: () => [
    'java',
    ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', curatorClasspath(), 'Partner'],
  ],
  kazoo: () => [paths.python, [join(here, 'partner.py')]],
  corral: () => [process.execPath, [join(here, 'partner.mjs')]],
};

function deferred() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}

export class Partner {
  #child;
  #waiting = new Map();
  #ready = deferred();
  #last = 0;
  #stderr = '';
  #gone;

  constructor(language, hosts, sessionTimeoutMs) {
    const [command, args] = programs[language]();
    this.language = language;
    this.#child = start(command, [...args, hosts, String(sessionTimeoutMs)]);
    this.#child.stderr.on('data', (chunk) => (this.#stderr = (this.#stderr + chunk).slice(-2000)));
    this.#child.stdin.on('error', () => {});
    const life = setTimeout(() => killGroup(this.#child, 'SIGKILL'), lifeMs);
    this.#gone = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(error.message));
      this.#child.once('close', (code, signal) => resolve(signal ?? code));
    });
    void this.#gone.then((how) => {
      clearTimeout(life);
      this.#end(new Error(`${language} ended with ${how}: ${this.#stderr}`));
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#hear(line));
    this.ready = this.#ready.promise;
    this.ready.catch(() => {});
  }

  static async start(language, hosts, sessionTimeoutMs = 20_000) {
    const partner = new Partner(language, hosts, sessionTimeoutMs);
    await partner.ready;
    return partner;
  }

  /** Carries out a verb; rejects with what the other side says. */
  do(verb, request = {}) {
    const id = ++this.#last;
    const { promise, resolve, reject } = deferred();
    const timer = setTimeout(() => reject(new Error(`${this.language}: no answer to ${verb}`)), answerMs);
    this.#waiting.set(id, { verb, resolve, reject, timer });
    this.#child.stdin.write(`${JSON.stringify({ id, verb, ...request })}\n`);
    // Whoever is killed answers nothing more, and nobody may be waiting for it.
    promise.catch(() => {});
    return promise;
  }

  async kill() {
    killGroup(this.#child, 'SIGKILL');
    await this.#gone;
  }

  /** Ends in an orderly way, or else by force. */
  async close() {
    this.#child.stdin.end();
    const timer = setTimeout(() => killGroup(this.#child, 'SIGKILL'), 5000);
    await this.#gone;
    clearTimeout(timer);
  }

  #hear(line) {
    const { ready, id, value, error } = JSON.parse(line);
    if (ready === true) return this.#ready.resolve();
    const { verb, resolve, reject, timer } = this.#waiting.get(id);
    this.#waiting.delete(id);
    clearTimeout(timer);
    if (error === undefined) resolve(value ?? null);
    else reject(new Error(`${this.language}: ${verb}: ${error}`));
  }

  #end(error) {
    this.#ready.reject(error);
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#waiting.clear();
  }
}

/** One of each language, by its name. */
export async function startPartners(hosts, sessionTimeoutMs) {
  const all = await Promise.all(Object.keys(programs).map((each) => Partner.start(each, hosts, sessionTimeoutMs)));
  return Object.fromEntries(all.map((partner) => [partner.language, partner]));
}

/** Looks until what it sees is so; ten seconds of that are a failed check. */
export async function becomes(look, expected, what) {
  let found;
  for (let round = 0; round < 400; round++) {
    found = await look();
    if (show(found) === show(expected)) return;
    await sleep(25);
  }
  equal(found, expected, what);
}

/** Waits until so many stand in a line. */
export const inLine = (zk, path, count) =>
  becomes(async () => (await zk.children(path)).children.length, count, `how many stand in ${path}`);
