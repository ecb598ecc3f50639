// Foreign clients that go on writing in the background, each in a process of its own: kazoo and the Java client. They
// say what was acknowledged; what they say is held against the tree of every server.

import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { apacheClasspath } from '../apache.mjs';
import { equal, truthy } from '../lib/checks.mjs';
import { installPython, paths, store } from '../lib/install.mjs';
import { killGroup, run, start } from '../lib/process.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const classes = join(store, 'java-writer');

export async function installWriters() {
  await installPython();
  mkdirSync(classes, { recursive: true });
  const source = join(here, 'Writer.java');
  await run('javac', ['-proc:none', '-nowarn', '-d', classes, '-cp', apacheClasspath(), source]);
}

const programs = {
  kazoo: [paths.python, [join(here, 'writer.py')]],
  java: ['java', ['-Xmx128m', '-XX:TieredStopAtLevel=1', '-cp', `${apacheClasspath()}:${classes}`, 'Writer']],
};

export class Writer {
  acked = 0;
  trouble = [];
  words = [];
  heard = () => {};

  constructor(name, hosts, { delayMs = 2, program = programs[name] } = {}) {
    this.name = name;
    const [command, args] = program;
    this.child = start(command, [...args, hosts, name, `${delayMs}`], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.stdin.on('error', () => {});
    this.stderr = '';
    this.child.stderr.on('data', (chunk) => (this.stderr = (this.stderr + chunk).slice(-1500)));
    createInterface({ input: this.child.stdout }).on('line', (line) => this.hear(line));
  }

  hear(line) {
    const [word, number] = line.split(' ');
    if (word === 'ack') this.acked = Number(number);
    else if (word === 'lost' || word === 'failed') this.trouble.push(line);
    else if (word === 'session') this.session = BigInt(`0x${number}`);
    this.words.push(word);
    this.heard();
  }

  /** Waits for a word that has not been waited for yet. */
  async until(word, timeoutMs = 30_000) {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const at = this.words.indexOf(word);
      if (at >= 0) return void this.words.splice(0, at + 1);
      if (this.child.exitCode !== null || Date.now() > deadline) break;
      await sleep(10);
    }
    throw new Error(`${this.name} did not say ${word}; ${this.trouble.join(', ')} ${this.stderr}`);
  }

  async pause() {
    this.words = [];
    this.child.stdin.write('pause\n');
    await this.until('paused');
  }

  resume() {
    this.child.stdin.write('resume\n');
  }

  /** Waits until this many more writes have been acknowledged. */
  async progress(count, timeoutMs = 30_000) {
    const goal = this.acked + count;
    const deadline = Date.now() + timeoutMs;
    while (this.acked < goal) {
      if (this.trouble.length > 0 || Date.now() > deadline) {
        throw new Error(`${this.name} stands at ${this.acked} of ${goal}; ${this.trouble.join(', ')} ${this.stderr}`);
      }
      await sleep(10);
    }
  }

  async stop() {
    this.child.stdin.write('stop\n');
    await this.until('done').finally(() => killGroup(this.child, 'SIGKILL'));
  }

  /** Everything acknowledged stands in this tree, at most the write in flight beside it, and the session is the first. */
  verify(tree) {
    equal(this.trouble, [], `${this.name} said`);
    const read = (node) => {
      const text = tree.get(`/writers/${this.name}/${node}`);
      truthy(text !== undefined, `${this.name}: ${node} is missing`);
      const [, data, , stat] = JSON.parse(text);
      return { data: Buffer.from(data ?? '', 'base64').toString(), stat };
    };
    for (let number = 1; number <= this.acked; number += 1) {
      const { data, stat } = read(`n${number}`);
      equal([data, stat.version], [`${number}`, 0], `${this.name} n${number}`);
      if (number === 1) continue;
      truthy(
        BigInt(stat.czxid) > BigInt(read(`n${number - 1}`).stat.czxid),
        `${this.name}: n${number} is out of order`,
      );
    }
    const { data, stat } = read('value');
    truthy(stat.version >= this.acked && stat.version <= this.acked + 1, `${this.name} value ${data} v${stat.version}`);
    equal(data, `${stat.version}`, `${this.name} value`);
    equal(BigInt(read('alive').stat.ephemeralOwner), this.session, `${this.name}: owner of its ephemeral`);
  }
}
