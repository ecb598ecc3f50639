// A candidate joins a running ensemble of Apache servers, as follower and as observer, and is brought up to date in each
// way there is: by DIFF (from the leader's memory and from its log), by SNAP and by TRUNC.

import { equal } from '../lib/checks.mjs';
import { Wire, WireError, body, op } from '../lib/wire.mjs';
import { Ensemble } from './ensemble.mjs';
import { allServe, leaveProposal, syncedBy, write, writeKinds } from './steps.mjs';
import { sameTree } from './tree.mjs';

/** More than the 500 transactions that a leader keeps in memory. */
const beyondWindow = 1200;

export async function joins({ checks, name, candidate, peer }) {
  const ensemble = await Ensemble.prepare([peer, peer, candidate, candidate], { observersFrom: 4 });
  const failedBefore = checks.failed;
  const steps = new Joining(ensemble, checks, `${name}: ${candidate} joins`, candidate);
  try {
    await ensemble.start(1, 2);
    await writeKinds(ensemble.member(1));
    await write(ensemble.member(1), 60);
    await steps.asLearner(3, 'follower');
    await steps.asLearner(4, 'observer');
    await steps.truncated();
  } finally {
    await ensemble.close({ keep: checks.failed > failedBefore });
  }
}

class Joining {
  constructor(ensemble, checks, name, candidate) {
    Object.assign(this, { ensemble, checks, name, candidate });
  }

  async asLearner(sid, role) {
    const member = this.ensemble.member(sid);
    await this.join(member, `as ${role} by SNAP, with nothing`, 'SNAP');
    await this.checks.check(`${this.name}: is ${role}`, async () => equal(await member.mode(), role));
    await this.rejoin(member, `as ${role} by DIFF`, 'DIFF', { signal: 'SIGTERM', missed: 120 });
    await this.rejoin(member, `as ${role} by DIFF, killed before`, 'DIFF', { signal: 'SIGKILL', missed: 120 });
    await this.rejoin(member, `as ${role} by DIFF from the log`, 'DIFF', { signal: 'SIGTERM', missed: beyondWindow });
    await this.rejoin(member, `as ${role} by SNAP, its data lost`, 'SNAP', {
      signal: 'SIGKILL',
      missed: 60,
      wipe: true,
    });
  }

  async rejoin(member, what, expected, { signal, missed, wipe = false }) {
    await member.stop(signal);
    await write(this.ensemble.member(1), missed);
    if (wipe) member.wipe();
    await this.join(member, what, expected);
  }

  async join(member, what, expected) {
    await this.checks.check(`${this.name} ${what}`, async () => {
      const leader = await this.ensemble.leader();
      const mark = leader.logText(0).length;
      await member.start();
      equal(syncedBy(member, leader, mark), expected, 'brought up to date by');
      await sameTree(this.ensemble.running);
      await allServe(this.ensemble.running);
    });
  }

  /** The candidate led, logged a proposal that nobody else has, and comes back under a leader that knows nothing of it. */
  async truncated() {
    const { ensemble, checks } = this;
    const candidate = ensemble.member(3);
    let path;
    const left = await checks.check(`${this.name}: leads and is cut off with a proposal`, async () => {
      await ensemble.stop('SIGTERM');
      await ensemble.start(1, 3);
      equal((await ensemble.leader()).sid, 3, 'leader');
      await ensemble.start(2);
      await write(candidate, 40);
      path = await leaveProposal(candidate, [ensemble.member(1), ensemble.member(2)]);
      await ensemble.start(1, 2);
    });
    if (!left) return;
    await this.join(candidate, 'as follower by TRUNC', 'TRUNC');
    await checks.check(`${this.name}: the proposal is gone`, () => gone(candidate, path));
    await this.rejoin(candidate, 'as follower by DIFF after TRUNC', 'DIFF', { signal: 'SIGKILL', missed: 40 });
  }
}

export async function gone(member, path) {
  const wire = await Wire.open(member.port);
  const reply = await wire.request(op.exists, body.pathWatch(path));
  await wire.close();
  if (reply.err !== -101) throw new WireError(reply.err, `exists ${path}`);
}
