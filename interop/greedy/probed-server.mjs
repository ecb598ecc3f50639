// A server with the loop probe inside, and what can be asked about it from outside: how long its loop stood still, and how
// far its memory rose.

import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Server } from '../lib/server.mjs';

const megabyte = 1 << 20;
/** What the probe's reference work takes on the machine that the bounds were found on, in milliseconds. */
const referenceMs = 25;

/** Puts the probe into a server that is not started yet, and asks it. */
export class Probe {
  /** How much slower this machine is than the one the bounds were found on; at least 1. */
  slowness = 1;

  constructor(server) {
    this.server = server;
    const command = server.command.bind(server);
    server.command = (config) => {
      const probe = new URL('loop-probe.mjs', import.meta.url);
      probe.searchParams.set('socket', this.socket);
      const [node, args] = command(config);
      return [node, ['--import', probe.href, ...args]];
    };
  }

  get socket() {
    return join(this.server.dir, 'probe');
  }

  async calibrate() {
    const { referenceMs: here } = await this.ask('calibrate');
    this.slowness = Math.max(1, here / referenceMs);
    await this.ask('report');
  }

  /** Runs work; returns the longest stand-still in milliseconds and the highest rise of memory in megabytes. */
  async watch(work) {
    await this.ask('report');
    writeFileSync(`/proc/${this.server.pid}/clear_refs`, '5'); // the highest mark begins anew
    const before = this.memory('VmRSS');
    await work();
    const { longestMs } = await this.ask('report');
    return { stallMs: longestMs / this.slowness, grownMb: Math.max(0, this.memory('VmHWM') - before) };
  }

  memory(field) {
    const status = readFileSync(`/proc/${this.server.pid}/status`, 'utf8');
    return Math.round((Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)[1]) * 1024) / megabyte);
  }

  ask(command) {
    return new Promise((resolve, reject) => {
      const socket = connect(this.socket);
      let answer = '';
      socket.setTimeout(120_000, () => socket.destroy(new Error('the probe does not answer')));
      socket.on('data', (chunk) => (answer += chunk));
      socket.once('error', reject);
      socket.once('end', () => resolve(JSON.parse(answer)));
      socket.write(command);
    });
  }
}

export class ProbedServer extends Server {
  probe = new Probe(this);
}
