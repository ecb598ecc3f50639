// The servers of the fault test: members of one ensemble, each at its own place in the network. The last one keeps its
// data on a small file system of its own, which can be full.

import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Ensemble } from '../ensemble/ensemble.mjs';
import { Member } from '../ensemble/member.mjs';
import { run } from '../lib/process.mjs';

const settings = { initLimit: 10, syncLimit: 4, preAllocSize: 256, 'admin.enableServer': false, clientPort: 2181 };
const roomy = '4g';

class Placed extends Member {
  /** Set while somebody means to stop it: an end at any other time is noted. */
  stopping = false;
  ends = [];

  constructor(kind, dir, sid, network) {
    super(kind, dir, { sid, settings: { ...settings, clientPortAddress: network.address(sid) } });
    this.network = network;
    this.address = network.address(sid);
    this.port = settings.clientPort;
  }

  command(config) {
    const [command, args] = super.command(config);
    const [ip, place] = this.network.at(this.sid);
    return [ip, [...place, command, ...args]];
  }

  launch() {
    super.launch();
    this.stopping = false;
    this.child.once('exit', (code, signal) => {
      if (!this.stopping) this.ends.push(signal ?? `exit code ${code}`);
    });
  }

  async stop(signal) {
    this.stopping = true;
    await super.stop(signal);
  }
}

export class Cluster extends Ensemble {
  static async at(network, kind) {
    const dir = mkdtempSync(join(tmpdir(), 'corral-faults-'));
    const members = [];
    for (const sid of network.ids) {
      const own = join(dir, `${sid}`);
      mkdirSync(join(own, 'data'), { recursive: true });
      if (sid === network.ids.length) {
        await run('mount', ['-t', 'tmpfs', '-o', `size=${roomy}`, 'tmpfs', join(own, 'data')]);
      }
      members.push(new Placed(kind, own, sid, network));
    }
    const lines = members.map(({ sid, address }) => `server.${sid}=${address}:2888:3888:participant`);
    for (const member of members) member.setLines(lines);
    return Object.assign(new Cluster(dir, members), { network });
  }

  get hosts() {
    return this.members.map(({ address, port }) => `${address}:${port}`);
  }

  get last() {
    return this.members.at(-1);
  }

  others(member) {
    return this.members.filter((each) => each !== member);
  }

  /** From now on the last server can write nothing more. What it writes between the two commands makes the second fail. */
  async fillDisk() {
    const data = this.last.dataDir;
    for (let tries = 0; ; tries += 1) {
      const used = Number((await run('df', ['--output=used', '-B1', data])).trim().split('\n').at(-1));
      try {
        return await run('mount', ['-o', `remount,size=${Math.max(used, 4096)}`, data]);
      } catch (error) {
        if (tries >= 50) throw error;
      }
    }
  }

  async freeDisk() {
    await run('mount', ['-o', `remount,size=${roomy}`, this.last.dataDir]);
  }

  /** Waits until all serve, one of them as leader. */
  async whole(timeoutMs = 60_000) {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const modes = await Promise.all(this.members.map((member) => (member.running ? member.mode() : null)));
      if (modes.every((mode) => mode !== null) && modes.filter((mode) => mode === 'leader').length === 1) return;
      if (Date.now() > deadline) throw new Error(`not whole again after ${timeoutMs} ms: ${modes.join(', ')}`);
      await sleep(50);
    }
  }

  async close(options) {
    await this.stop('SIGKILL');
    if (!options.keep) await run('umount', [this.last.dataDir]);
    else await run('cp', ['-a', this.last.dataDir, join(this.last.dir, 'data-copy')], { allowFailure: true });
    await super.close(options);
  }
}
