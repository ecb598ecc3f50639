// Talks to an interactive program (zkCli, cli_mt) as a person would: type a line, wait for the words that must follow.

import { setTimeout as sleep } from 'node:timers/promises';
import { start, stop } from './process.mjs';

export class Dialogue {
  text = '';

  constructor(command, args, options = {}) {
    this.child = start(command, args, options);
    const listen = (chunk) => (this.text += chunk);
    this.child.stdout.on('data', listen);
    this.child.stderr.on('data', listen);
    this.child.stdin.on('error', () => {});
    this.child.once('error', (error) => (this.text += error.message));
  }

  /** Types a line and waits until every pattern shows up in what is printed after it. Returns that text. */
  async say(line, ...patterns) {
    this.text = '';
    if (line !== null) this.child.stdin.write(`${line}\n`);
    for (const pattern of patterns) await this.hear(pattern, line);
    return this.text;
  }

  async hear(pattern, line, timeoutMs = 20_000) {
    const deadline = Date.now() + timeoutMs;
    while (!pattern.test(this.text)) {
      if (Date.now() > deadline || this.child.exitCode !== null) {
        throw new Error(`'${line}' should have shown ${pattern}, but said: ${this.text.slice(-600)}`);
      }
      await sleep(5);
    }
  }

  async end(signal = 'SIGTERM') {
    await stop(this.child, signal);
  }
}
