// A live ensemble of three Apache servers is replaced one by one, each on its own data directory and ports, and then put
// back, while kazoo and the Java client go on writing in one session each.

import { Ensemble } from './ensemble.mjs';
import { writeKinds } from './steps.mjs';
import { sameTree } from './tree.mjs';
import { Writer, installWriters } from './writers.mjs';

/** Acknowledged writes of every writer between two stages. */
const between = 60;

export async function rolling({ checks, name, candidate, peer }) {
  await installWriters();
  const ensemble = await Ensemble.prepare([peer, peer, peer], { portInLine: true });
  const failedBefore = checks.failed;
  const stages = new Rolling(ensemble, checks, `${name}: rolling`);
  try {
    await ensemble.start();
    await writeKinds(ensemble.member(1));
    await stages.begin();
    await stages.check(`3 x ${peer}`);
    for (const [from, to] of [
      [peer, candidate],
      [candidate, peer],
    ]) {
      for (let moved = 1; moved <= 3; moved += 1) await stages.move(from, to, moved);
    }
    await stages.end();
  } finally {
    for (const { child } of stages.writers) child.kill('SIGKILL');
    await ensemble.close({ keep: checks.failed > failedBefore });
  }
}

class Rolling {
  writers = [];
  longest = 0;

  constructor(ensemble, checks, name) {
    Object.assign(this, { ensemble, checks, name });
  }

  async begin() {
    const hosts = this.ensemble.members.map(({ connectString }) => connectString).join(',');
    this.writers = ['kazoo', 'java'].map((name) => new Writer(name, hosts));
    for (const writer of this.writers) await writer.until('session');
    for (const writer of this.writers) writer.heard = this.gapWatch();
    // As in a real move, what the servers have is not all in memory any more.
    for (const writer of this.writers) await writer.progress(between);
  }

  /** Notes the longest time between two acknowledged writes. */
  gapWatch() {
    let last = Date.now();
    return () => {
      const now = Date.now();
      if (!this.paused) this.longest = Math.max(this.longest, now - last);
      last = now;
    };
  }

  /** Followers first, the leader last, as the guide says. */
  async move(from, to, moved) {
    const waiting = this.ensemble.members.filter(({ kind, moving }) => kind === from && moving !== to);
    const leader = await this.ensemble.leader();
    const member = waiting.find((each) => each !== leader) ?? leader;
    const was = member === leader ? 'leader' : 'follower';
    member.moving = to;
    await this.checks.check(`${this.name}: ${moved} of 3 ${from} -> ${to}, server ${member.sid}, ${was}`, async () => {
      await member.stop('SIGTERM');
      await member.become(to);
      for (const writer of this.writers) await writer.progress(between);
    });
    await this.check(this.ensemble.members.map(({ kind }) => kind).join(' + '));
  }

  async check(what) {
    await this.checks.check(`${this.name}: ${what}: same tree everywhere, nothing acknowledged is lost`, async () => {
      this.paused = true;
      for (const writer of this.writers) await writer.pause();
      const tree = await sameTree(this.ensemble.members);
      for (const writer of this.writers) writer.verify(tree);
      for (const writer of this.writers) writer.resume();
      for (const writer of this.writers) await writer.progress(1);
      this.paused = false;
    });
  }

  async end() {
    await this.checks.check(`${this.name}: the clients end well in their first session`, async () => {
      for (const writer of this.writers) await writer.stop();
      const tree = await sameTree(this.ensemble.members);
      for (const writer of this.writers) writer.verify(tree);
    });
    const counts = this.writers.map(({ name, acked }) => `${name} ${acked}`).join(', ');
    console.log(`       (acknowledged writes: ${counts}; longest time without one ${this.longest} ms)`);
  }
}
