// What the contenders report, and what must be true of it.

import { equal, truthy } from '../../interop/lib/checks.mjs';

const byZxid = (a, b) => (a.zxid < b.zxid ? -1 : a.zxid > b.zxid ? 1 : 0);

export class Books {
  complaints = [];
  /** Guarded writes of holders and leaders: token, transaction. */
  writes = { lock: [], election: [] };
  /** How often the deletion of a node woke somebody up. */
  wakeUps = new Map();
  put = new Set();
  putInDoubt = new Set();
  acknowledged = new Map();
  ackInDoubt = new Set();
  /** Double barriers: for each group and party, whether it stands between its arrival and its leaving. */
  inside = new Map();
  rounds = 0;
  tooEarly = [];

  constructor(parties) {
    this.parties = parties;
  }

  complain(text) {
    this.complaints.push(text);
  }

  enter(message) {
    switch (message.kind) {
      case 'write':
        return void this.writes[message.of].push({ token: message.token, zxid: message.zxid });
      case 'woken':
        return void this.wakeUps.set(message.path, (this.wakeUps.get(message.path) ?? 0) + 1);
      case 'put':
        return void (message.isSure ? this.put : this.putInDoubt).add(message.job);
      case 'acked':
        return void this.acknowledged.set(message.job, (this.acknowledged.get(message.job) ?? 0) + 1);
      case 'ack in doubt':
        return void this.ackInDoubt.add(message.job);
      case 'barrier':
        return this.#barrier(message);
      case 'complaint':
        return this.complain(message.text);
    }
  }

  /** `times` are of one clock: all processes are on this machine. Messages of two processes may arrive in either order. */
  #barrier({ group, party, arrived, entered, left }) {
    const stays = this.inside.get(group) ?? [];
    stays.push({ party, arrived, entered, left });
    this.inside.set(group, stays);
  }

  summary() {
    const { lock, election } = this.writes;
    const rounds = [...this.inside.values()].flat().filter(({ entered }) => entered !== null).length;
    const counts = {
      'guarded writes of holders': lock.length,
      'terms of office': new Set(election.map(({ token }) => token)).size,
      'acknowledged jobs': this.acknowledged.size,
      'passed barriers': rounds,
      'wake-ups': this.wakeUps.size,
    };
    return {
      counts,
      text: Object.entries(counts)
        .map(([what, count]) => `${count} ${what}`)
        .join(', '),
    };
  }

  checks() {
    return {
      'lock: guarded writes come in the order of the tokens: never two holders, first come first served': () =>
        this.#inOrder('lock'),
      'election: guarded writes come in the order of the terms: never two leaders': () => this.#inOrder('election'),
      'lock and election: a node that goes wakes at most one': () => {
        const many = [...this.wakeUps].filter(([, count]) => count > 1);
        equal(many, [], 'nodes that woke several');
      },
      'queue: nothing is acknowledged twice': () => {
        const twice = [...this.acknowledged].filter(([, count]) => count > 1);
        equal(twice, [], 'jobs that were acknowledged twice');
      },
      'double barrier: nobody passes before everybody has come': () => this.#checkBarriers(),
    };
  }

  #inOrder(of) {
    const writes = this.writes[of].toSorted(byZxid);
    for (let at = 1; at < writes.length; at++) {
      const [before, after] = [writes[at - 1], writes[at]];
      truthy(before.token <= after.token, `token ${after.token} wrote at ${after.zxid} after ${before.token}`);
    }
  }

  #checkBarriers() {
    for (const [group, stays] of this.inside) {
      for (const { party, entered } of stays) {
        if (entered === null) continue;
        const there = new Set(
          stays.filter(({ arrived, left }) => arrived <= entered && entered <= left).map((stay) => stay.party),
        );
        truthy(there.size === this.parties, `party ${party} of group ${group} passed with ${[...there]} there`);
      }
    }
  }

  checkNothingIsLost() {
    const lost = [...this.put].filter((job) => !this.acknowledged.has(job) && !this.ackInDoubt.has(job));
    equal(lost, [], 'jobs that are lost');
    const unknown = [...this.acknowledged.keys()].filter((job) => !this.put.has(job) && !this.putInDoubt.has(job));
    equal(unknown, [], 'jobs from nowhere');
  }
}
