// A server with the loop probe inside, and what can be asked about it from outside: how long its loop stood still, and how
// far its memory rose.

import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Server } from '../lib/server.mjs';

const megabyte = 1 << 20;
/** What the probe's reference work takes on the machine that the bounds were found on, in milliseconds. */
const referenceMs = 25;

export class ProbedServer extends Server {
  /** How much slower this machine is than the one the bounds were found on; at least 1. */
  slowness = 1;

  get probeSocket() {
    return join(this.dir, 'probe');
  }

  command(config) {
    const [node, args] = super.command(config);
    const probe = new URL('loop-probe.mjs', import.meta.url);
    probe.searchParams.set('socket', this.probeSocket);
    return [node, ['--import', probe.href, ...args]];
  }

  async calibrate() {
    const { referenceMs: here } = await this.askProbe('calibrate');
    this.slowness = Math.max(1, here / referenceMs);
    await this.askProbe('report');
  }

  /** Runs work; returns the longest stand-still in milliseconds and the highest rise of memory in megabytes. */
  async watch(work) {
    await this.askProbe('report');
    writeFileSync(`/proc/${this.pid}/clear_refs`, '5'); // the highest mark begins anew
    const before = this.memory('VmRSS');
    await work();
    const { longestMs } = await this.askProbe('report');
    return { stallMs: longestMs, grownMb: Math.max(0, this.memory('VmHWM') - before) };
  }

  memory(field) {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Math.round((Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)[1]) * 1024) / megabyte);
  }

  askProbe(command) {
    return new Promise((resolve, reject) => {
      const socket = connect(this.probeSocket);
      let answer = '';
      socket.setTimeout(120_000, () => socket.destroy(new Error('the probe does not answer')));
      socket.on('data', (chunk) => (answer += chunk));
      socket.once('error', reject);
      socket.once('end', () => resolve(JSON.parse(answer)));
      socket.write(command);
    });
  }
}
