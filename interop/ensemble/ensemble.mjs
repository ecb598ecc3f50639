// Several members on this machine, in a temporary directory: started, found their leader of, stopped in any order.

import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../lib/server.mjs';
import { ensurePeers } from './apache.mjs';
import { Member } from './member.mjs';

const built = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'packages/cli/dist/main.js');

export class Ensemble {
  constructor(dir, members) {
    this.dir = dir;
    this.members = members;
  }

  /**
   * Prepares members 1, 2, ... of these kinds without starting any; those from `observersFrom` on are observers. With
   * `portInLine` clients' ports stand in the server lines, otherwise in `clientPort` as in older configurations.
   */
  static async prepare(kinds, { observersFrom = Infinity, portInLine = false, settings = {} } = {}) {
    if (kinds.some((kind) => kind !== 'corral')) await ensurePeers();
    if (kinds.includes('corral') && !existsSync(built))
      throw new Error('Corral is not built: run `npm run build` first');
    const dir = mkdtempSync(join(tmpdir(), 'corral-ensemble-'));
    const members = [];
    const lines = [];
    for (const [at, kind] of kinds.entries()) {
      const sid = at + 1;
      const role = sid >= observersFrom ? 'observer' : 'participant';
      const own = join(dir, `${sid}`);
      mkdirSync(own);
      const member = new Member(kind, own, { sid, role, settings });
      member.port = await freePort();
      member.adminPort = await freePort();
      member.ports = { leader: await freePort(), election: await freePort() };
      const ports = `${member.ports.leader}:${member.ports.election}:${role}`;
      lines.push(`server.${sid}=127.0.0.1:${ports}${portInLine ? `;127.0.0.1:${member.port}` : ''}`);
      if (portInLine) member.settings = { ...member.settings, clientPort: undefined, clientPortAddress: undefined };
      members.push(member);
    }
    for (const member of members) member.setLines(lines);
    return new Ensemble(dir, members);
  }

  member(sid) {
    return this.members[sid - 1];
  }

  get running() {
    return this.members.filter((member) => member.running);
  }

  /** Starts these members at once and waits until each serves. */
  async start(...sids) {
    const wanted = sids.length === 0 ? this.members : sids.map((sid) => this.member(sid));
    for (const member of wanted) member.launch();
    await Promise.all(wanted.map((member) => member.ready()));
  }

  async stop(signal, ...sids) {
    const wanted = sids.length === 0 ? this.running : sids.map((sid) => this.member(sid));
    await Promise.all(wanted.map((member) => member.stop(signal)));
  }

  /** The member that leads; waits for one. */
  async leader(timeoutMs = 30_000) {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      for (const member of this.running) if ((await member.mode()) === 'leader') return member;
      if (Date.now() > deadline) throw new Error(`no leader among ${this.running.map(({ sid }) => sid)}`);
      await sleep(50);
    }
  }

  async close({ keep = false } = {}) {
    for (const member of this.running) member.thaw();
    await this.stop('SIGKILL');
    if (keep) console.log(`       (data and logs are left in ${this.dir})`);
    else rmSync(this.dir, { recursive: true, force: true });
  }
}
