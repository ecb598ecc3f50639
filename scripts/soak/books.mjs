// What the contenders report, and what must be true of it.

import { equal, truthy } from '../../interop/lib/checks.mjs';
import { permits } from './sharing.mjs';

const byZxid = (a, b) => (a.zxid < b.zxid ? -1 : a.zxid > b.zxid ? 1 : 0);

/** What a writer weighs: more than all readers together. */
const alone = 1e6;

/** Where the most is held at once, of stays from one transaction to another, both included. */
function mostAtOnce(stays, weightOf) {
  const steps = stays.flatMap((stay) => [
    { at: stay.from, isEnd: false, weight: weightOf(stay) },
    { at: stay.to, isEnd: true, weight: -weightOf(stay) },
  ]);
  steps.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : a.isEnd - b.isEnd));
  let [now, most, at] = [0, 0, null];
  for (const step of steps) {
    now += step.weight;
    if (now > most) [most, at] = [now, step.at];
  }
  return { most, at };
}

// Times at double barriers are of one clock, as all processes are on this machine; a guarded write happened somewhere
// between its two. Messages of two processes may arrive in either order.

/** Until when the node of this stay may have been there: after a failure, until the party certainly has another one. */
function endOf({ party, arrived, left }, stays) {
  if (left !== null) return left;
  const later = stays.filter((stay) => stay.party === party && stay.arrived > arrived && stay.proofs.length > 0);
  return Math.min(...later.map(({ proofs }) => proofs[0].to));
}

function checkPassing(stays, parties, group) {
  const all = stays.map((stay) => ({ ...stay, end: endOf(stay, stays) }));
  for (const { party, proofs } of all) {
    for (const { from, to } of proofs) {
      const there = new Set(all.filter(({ arrived, end }) => arrived <= to && from <= end).map((stay) => stay.party));
      truthy(there.size === parties, `party ${party} of group ${group} passed with ${[...there]} there at ${to}`);
    }
  }
}

function checkLeaving(stays, parties, group) {
  for (const { party, proofs } of stays) {
    if (proofs.length < 2) continue;
    const [{ to: from }, { from: to }] = proofs;
    const early = stays.find(({ left }) => left !== null && from < left && left < to);
    truthy(early === undefined, `party ${early?.party} of group ${group} left when ${party} was inside`);
  }
}

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
  /** Double barriers: for each group, from when to when each party was there, and when it proved that. */
  inside = new Map();
  /** Of what several may hold: the transactions between which a holder certainly had it. */
  stays = { semaphore: [], rwLock: [] };
  /** What the counter was after each addition. */
  counted = [];
  countsInDoubt = 0;
  configChanges = 0;
  /** What each contender saw of the configuration, in that order. */
  configSeen = new Map();

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
      case 'stay':
        return void this.stays[message.of].push(message);
      case 'counted':
        return void this.counted.push(message.after);
      case 'count in doubt':
        return void this.countsInDoubt++;
      case 'end':
        return;
      case 'config changed':
        return void this.configChanges++;
      case 'config seen':
        return void this.configSeen.set(message.id, message.seen);
      case 'complaint':
        return this.complain(message.text);
    }
  }

  #barrier({ group, ...stay }) {
    const stays = this.inside.get(group) ?? [];
    stays.push(stay);
    this.inside.set(group, stays);
  }

  summary() {
    const { lock, election } = this.writes;
    const rounds = [...this.inside.values()].flat().filter(({ proofs }) => proofs.length > 0).length;
    const counts = {
      'guarded writes of holders': lock.length,
      'terms of office': new Set(election.map(({ token }) => token)).size,
      'acknowledged jobs': this.acknowledged.size,
      'passed barriers': rounds,
      'wake-ups': this.wakeUps.size,
      'stays with permits': this.stays.semaphore.length,
      'stays of readers': this.stays.rwLock.filter(({ weight }) => weight === 'reader').length,
      'stays of writers': this.stays.rwLock.filter(({ weight }) => weight === 'writer').length,
      'most readers at once': mostAtOnce(this.stays.rwLock, () => 1).most,
      additions: this.counted.length,
      'changes of the configuration': this.configChanges,
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
      'double barrier: nobody passes before everybody has come': () => this.#eachBarrier(checkPassing),
      'double barrier: nobody leaves before everybody is done': () => this.#eachBarrier(checkLeaving),
      'semaphore: never more permits are out than there are': () => {
        const { most, at } = mostAtOnce(this.stays.semaphore, ({ weight }) => weight);
        truthy(most <= permits, `${most} permits of ${permits} are out at ${at}`);
        truthy(most === permits, `never more than ${most} permits of ${permits} were out: nothing was tried`);
      },
      'read/write lock: a writer is alone, readers are not': () => {
        const { most, at } = mostAtOnce(this.stays.rwLock, ({ weight }) => (weight === 'writer' ? alone : 1));
        truthy(most <= alone, `a writer is not alone at ${at}`);
      },
      'configuration: versions only go up, no change is lost, and the last word reaches everybody': () => {
        for (const [id, seen] of this.configSeen) this.#checkConfig(id, seen);
      },
    };
  }

  /** Every change adds one to the value, as it does to the version. */
  #checkConfig(id, seen) {
    truthy(seen.at(-1)?.isLast === true, `contender ${id} did not hear the last word`);
    for (const [at, { n, version }] of seen.entries()) {
      truthy(version >= n, `contender ${id} saw ${n} at version ${version}`);
      truthy(at === 0 || n > seen[at - 1].n, `contender ${id} saw ${n} after ${seen[at - 1]?.n}`);
    }
  }

  /** Every addition counts once; those in doubt may have happened. */
  checkCounter(value) {
    const { length } = this.counted;
    equal(new Set(this.counted).size, length, 'different numbers');
    truthy(length <= value && value <= length + this.countsInDoubt, `${length} additions make ${value}`);
  }

  #inOrder(of) {
    const writes = this.writes[of].toSorted(byZxid);
    for (let at = 1; at < writes.length; at++) {
      const [before, after] = [writes[at - 1], writes[at]];
      truthy(before.token <= after.token, `token ${after.token} wrote at ${after.zxid} after ${before.token}`);
    }
  }

  #eachBarrier(check) {
    for (const [group, stays] of this.inside) check(stays, this.parties, group);
  }

  checkNothingIsLost() {
    const lost = [...this.put].filter((job) => !this.acknowledged.has(job) && !this.ackInDoubt.has(job));
    equal(lost, [], 'jobs that are lost');
    const unknown = [...this.acknowledged.keys()].filter((job) => !this.put.has(job) && !this.putInDoubt.has(job));
    equal(unknown, [], 'jobs from nowhere');
  }
}
