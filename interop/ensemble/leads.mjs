// A candidate leads two Apache servers: writes through all three, and Apache learners that come back to it by DIFF, by
// SNAP and by TRUNC.

import { equal } from '../lib/checks.mjs';
import { Ensemble } from './ensemble.mjs';
import { gone } from './joins.mjs';
import { allServe, leaveProposal, syncedBy, write, writeKinds } from './steps.mjs';
import { sameTree } from './tree.mjs';

/** Transactions that a leader keeps in memory, and more than that. */
const [memoryWindow, beyondWindow] = [500, 1200];

export async function leads({ checks, name, candidate, peer }) {
  const ensemble = await Ensemble.prepare([peer, peer, candidate, peer], {
    observersFrom: 4,
    portInLine: true,
    settings: { commitLogCount: memoryWindow },
  });
  const failedBefore = checks.failed;
  const steps = new Leading(ensemble, checks, `${name}: ${candidate} leads`);
  try {
    if (!(await steps.begin())) return;
    await steps.back(1, 'a follower back by DIFF', 'DIFF', { missed: 120 });
    // What is not in memory any more Apache reads from its log; Corral sends the state.
    const fromDisk = candidate === 'corral' ? 'SNAP' : 'DIFF';
    await steps.back(2, `a follower that missed more than is in memory back by ${fromDisk}`, fromDisk, {
      missed: beyondWindow,
    });
    await steps.back(1, 'a follower back by SNAP', 'SNAP', { missed: 60, wipe: true });
    await steps.observer();
    await steps.truncates();
  } finally {
    await ensemble.close({ keep: checks.failed > failedBefore });
  }
}

class Leading {
  constructor(ensemble, checks, name) {
    Object.assign(this, { ensemble, checks, name });
  }

  begin() {
    return this.checks.check(`${this.name} two followers from the beginning`, async () => {
      // One voter is not there yet, so an empty Corral server has to be told that it belongs to a new ensemble.
      this.ensemble.member(3).isNew();
      await this.ensemble.start(1, 3);
      equal((await this.ensemble.leader()).sid, 3, 'leader');
      await this.ensemble.start(2);
      await writeKinds(this.ensemble.member(1));
      for (const member of this.ensemble.running) await write(member, 100);
      await this.settled();
    });
  }

  async settled() {
    await sameTree(this.ensemble.running);
    await allServe(this.ensemble.running);
    equal((await this.ensemble.leader()).sid, 3, 'leader');
  }

  /** Kills a learner, writes, and brings it back. */
  async back(sid, what, expected, { missed, wipe = false }) {
    const member = this.ensemble.member(sid);
    await this.checks.check(`${this.name} ${what}`, async () => {
      await member.stop('SIGKILL');
      await write(this.ensemble.member(3), missed);
      if (wipe) member.wipe();
      await this.joined(member, expected);
    });
  }

  async joined(member, expected) {
    const leader = this.ensemble.member(3);
    const mark = leader.logText(0).length;
    await member.start();
    equal(syncedBy(member, leader, mark), expected, 'brought up to date by');
    await this.settled();
  }

  async observer() {
    const observer = this.ensemble.member(4);
    await this.checks.check(`${this.name} an observer, by SNAP`, async () => {
      await this.joined(observer, 'SNAP');
      equal(await observer.mode(), 'observer');
    });
    await this.back(4, 'an observer back by DIFF', 'DIFF', { missed: 120 });
  }

  /** An Apache server led, logged a proposal that nobody else has, and comes back under the candidate. */
  async truncates() {
    const { ensemble, checks } = this;
    let path;
    const left = await checks.check(`${this.name} again after an Apache leader was cut off`, async () => {
      await ensemble.stop('SIGTERM');
      await ensemble.start(1, 2);
      equal((await ensemble.leader()).sid, 2, 'leader');
      await ensemble.start(3);
      await write(ensemble.member(1), 40);
      path = await leaveProposal(ensemble.member(2), [ensemble.member(1), ensemble.member(3)]);
      await ensemble.start(1, 3);
      equal((await ensemble.leader()).sid, 3, 'leader');
    });
    if (!left) return;
    await checks.check(`${this.name} a follower back by TRUNC`, async () => {
      await this.joined(ensemble.member(2), 'TRUNC');
      await gone(ensemble.member(2), path);
    });
  }
}
