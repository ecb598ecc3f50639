// A checker that cannot fail shows nothing: each is shown a history that breaks its rule and no other before it.

import { describe, expect, it } from 'vitest';
import { StagedHistory, zxid } from '../testing/staged-history.ts';
import { formatEnsembleConfig, openAcl } from '@corral/protocol';
import type { EnsembleConfig, SessionId, Zxid } from '@corral/protocol';
import type { RestoredState } from '@corral/core';
import { memberOf } from '../cluster.ts';
import { plainKnobs } from '../knobs.ts';
import { memberKind } from '../member-machine.ts';
import { checkAnswer } from './answers.ts';
import { checkHistories, checkMultis } from './clients.ts';
import * as configs from './configs.ts';
import { checkEphemerals } from './sessions.ts';
import type { ClientOp, Done } from '../clients.ts';
import * as epochs from './epochs.ts';
import * as proposals from './proposals.ts';
import * as state from './state.ts';

type Case = readonly [invariant: number, what: string, happens: (h: StagedHistory) => void];

function run(happens: Case[2]): StagedHistory {
  const history = new StagedHistory();
  happens(history);
  return history;
}

/** Epoch 1 led by server 1, with two transactions decided. */
function begin(h: StagedHistory): void {
  h.lead(1);
  h.write(1, zxid(1, 1));
  h.write(1, zxid(1, 2));
}

describe('a history as it should be', () => {
  it('breaks no rule', () => {
    const h = run((each) => {
      begin(each);
      each.lead(2, 2, [1, 3]);
      each.write(2, zxid(2, 1));
    });
    expect(h.ghost.violation).toBeUndefined();
    expect(h.ghost.decided.map((txn) => txn.zxid)).toEqual([zxid(1, 1), zxid(1, 2), zxid(2, 1)]);
  });
});

const elections: readonly Case[] = [
  [3, 'two leaders are promised one epoch by majorities', (h) => {
    h.discover(1, 1, [2]);
    h.writeEpoch(3, 'acceptedEpoch', 1);
    epochs.announced(h.ghost, h.view(3), 1);
    h.view(2).promised = 0;
    epochs.promised(h.ghost, h.view(2), 3, 1, 0, 0);
  }],
  [3, 'a leader begins without a majority', (h) => {
    h.discover(1, 1, [2]);
    epochs.establish(h.ghost, h.attempt(1, 1));
  }],
  [3, 'two leaders begin in one epoch', (h) => {
    h.lead(1, 1, [2]);
    h.writeEpoch(3, 'acceptedEpoch', 1);
    h.writeEpoch(3, 'currentEpoch', 1);
    epochs.announced(h.ghost, h.view(3), 1);
    epochs.hasHistory(h.ghost, h.view(2), 3, 1);
    epochs.establish(h.ghost, h.attempt(1, 3));
  }],
  [4, 'an epoch is announced before it is on disk', (h) => epochs.announced(h.ghost, h.view(1), 1)],
  [4, 'an epoch is claimed that is not on disk', (h) => epochs.introduced(h.ghost, h.view(1), 1)],
  [4, 'an epoch is promised before it is on disk', (h) => epochs.promised(h.ghost, h.view(2), 1, 1, 0, 0)],
  [4, 'an epoch is promised twice', (h) => {
    h.discover(1, 1, [2]);
    epochs.promised(h.ghost, h.view(2), 1, 1, 0, 0);
  }],
  [5, 'the current epoch is above the accepted one', (h) => {
    h.writeEpoch(1, 'currentEpoch', 1);
    epochs.checkEpochFiles(h.ghost, h.view(1));
  }],
  [5, 'a promise names another current epoch than the disk', (h) => {
    h.writeEpoch(2, 'acceptedEpoch', 1);
    epochs.promised(h.ghost, h.view(2), 1, 1, 7, 0);
  }],
  [5, 'an epoch file goes back', (h) => {
    h.writeEpoch(1, 'acceptedEpoch', 2);
    h.watch.started(1, 0);
    h.writeEpoch(1, 'acceptedEpoch', 1);
    h.watch.afterEvent();
  }],
  [6, 'the epoch is on disk without its history', (h) => {
    h.lead(1, 1, [2]);
    h.write(1, zxid(1, 1), [1, 2]);
    h.discover(2, 1, [2, 3]);
    epochs.currentEpochChanged(h.ghost, h.view(3), 2);
  }],
  [7, 'a history is acknowledged before the epoch is on disk', (h) => {
    h.discover(1, 1, [2]);
    epochs.hasHistory(h.ghost, h.view(2), 1, 1);
  }],
  [7, 'a history is acknowledged that is not there', (h) => {
    h.lead(1, 1, [2]);
    h.write(1, zxid(1, 1), [1, 2]);
    h.discover(2, 1, [2, 3]);
    h.writeEpoch(3, 'currentEpoch', 2);
    epochs.hasHistory(h.ghost, h.view(3), 1, 2);
  }],
  [15, 'a leader begins without something decided', (h) => {
    h.lead(1, 1, [2]);
    h.write(1, zxid(1, 1), [1, 2]);
    h.discover(2, 3, [2]);
    for (const sid of [2, 3]) h.writeEpoch(sid, 'currentEpoch', 2);
    epochs.hasHistory(h.ghost, h.view(2), 3, 2);
    epochs.establish(h.ghost, h.attempt(2, 3));
  }],
  [18, 'a vote names more than the disk has', (h) => epochs.voted(h.ghost, h.view(1), 1, zxid(1, 1), 0)],
  [18, 'a vote names less than the disk has', (h) => {
    begin(h);
    epochs.voted(h.ghost, h.view(1), 1, zxid(1, 1), 1);
  }],
  [18, 'a vote names an epoch that is not on disk', (h) => epochs.voted(h.ghost, h.view(1), 1, 0, 3)],
  [24, 'a server that has lost its disk votes', (h) => {
    begin(h);
    h.disks.get(3)!.wipe();
    h.watch.wiped(3);
    epochs.voted(h.ghost, h.view(3), 1, 0, 0);
  }],
]; // prettier-ignore

const broadcasts: readonly Case[] = [
  [1, 'a zxid has two contents', (h) => {
    begin(h);
    h.propose(1, zxid(1, 2), 'other');
  }],
  [2, 'a counter is left out', (h) => {
    begin(h);
    h.propose(1, zxid(1, 4));
  }],
  [2, 'a counter is too high', (h) => {
    h.ghost.counterMax = 1;
    begin(h);
  }],
  [8, 'what is acknowledged is not on disk', (h) => {
    h.lead(1);
    h.propose(1, zxid(1, 1));
    proposals.acknowledged(h.ghost, h.view(2), zxid(1, 1));
  }],
  [8, 'what comes before what is acknowledged is not on disk', (h) => {
    h.lead(1);
    for (const counter of [1, 2]) h.propose(1, zxid(1, counter));
    h.log([1], zxid(1, 1));
    h.ghost.servers.get(2)!.history.added = undefined;
    h.log([2], zxid(1, 2));
    proposals.acknowledged(h.ghost, h.view(2), zxid(1, 2));
  }],
  [8, 'what was never proposed is acknowledged', (h) => proposals.acknowledged(h.ghost, h.view(2), zxid(1, 1))],
  [8, 'something is sent before what it rests on is done', (h) => h.watch.brokenFence(1, 5, 4)],
  [9, 'something is decided that one disk has', (h) => {
    h.lead(1);
    h.propose(1, zxid(1, 1));
    h.log([1], zxid(1, 1));
    proposals.committed(h.ghost, h.attempt(1, 1), zxid(1, 1));
  }],
  [9, 'something is decided before what it follows', (h) => {
    h.lead(1);
    for (const counter of [1, 2]) h.propose(1, zxid(1, counter));
    for (const counter of [1, 2]) h.log([1, 2, 3], zxid(1, counter));
    proposals.committed(h.ghost, h.attempt(1, 1), zxid(1, 2));
  }],
  [9, 'something is decided that nobody proposed', (h) => {
    h.lead(1);
    proposals.committed(h.ghost, h.attempt(1, 1), zxid(1, 1));
  }],
  [11, 'a log has something that nobody proposed', (h) => h.log([1], zxid(1, 1))],
  [11, 'something is logged that no leader has proposed', (h) => {
    proposals.proposed(h.ghost, 2, h.txn(zxid(1, 1)), h.payload(zxid(1, 1)), 'logged');
  }],
  [17, 'a log has a hole', (h) => {
    h.lead(1);
    for (const counter of [1, 2, 3]) h.propose(1, zxid(1, counter));
    h.log([2], zxid(1, 1));
    h.log([2], zxid(1, 3));
  }],
]; // prettier-ignore

const states: readonly Case[] = [
  [10, 'a server applies what is not decided', (h) => {
    begin(h);
    h.propose(1, zxid(1, 3));
    h.view(2).servesOn = 1;
    state.applied(h.ghost, h.view(2), zxid(1, 3), 1n);
  }],
  [12, 'a server goes back', (h) => {
    begin(h);
    h.view(2).servesOn = 1;
    state.applied(h.ghost, h.view(2), zxid(1, 2), 2n);
    state.applied(h.ghost, h.view(2), zxid(1, 1), 1n);
  }],
  [16, 'what is decided is on too few disks', (h) => {
    begin(h);
    for (const sid of [2, 3]) h.disks.get(sid)!.wipe();
    h.view(2).history.shrunk = h.view(3).history.shrunk = undefined;
    state.checkDurability(h.ghost);
  }],
  [17, 'a server starts with less than its disk has', (h) => {
    begin(h);
    state.checkStart(h.ghost, h.view(1), zxid(1, 1));
  }],
  [19, 'something decided is gone from a disk', (h) => {
    begin(h);
    h.loseLog(3, '/data/log.100000001');
    void h.view(3).history.last;
  }],
  [19, 'a snapshot is left behind a cut', (h) => {
    h.files(3).writeDurably('/data/snapshot.100000002', new Uint8Array(4));
    h.watch.truncatedTo(3, zxid(1, 1));
  }],
  [19, 'what was cut off can come back', (h) => {
    h.lead(1);
    h.propose(1, zxid(1, 1));
    h.log([3], zxid(1, 1));
    h.disks.get(3)!.truncate('/data/log.100000001', 20);
    h.watch.truncatedTo(3, zxid(1, 1));
  }],
  [20, 'a snapshot holds what is not decided', (h) => {
    begin(h);
    state.snapshotTaken(h.ghost, h.view(1), zxid(1, 3), undefined);
  }],
  [20, 'a snapshot holds another tree', (h) => {
    begin(h);
    h.view(2).servesOn = 1;
    state.applied(h.ghost, h.view(2), zxid(1, 2), 2n);
    state.snapshotTaken(h.ghost, h.view(1), zxid(1, 2), 3n);
  }],
  [20, 'a restart would find another tree', (h) => {
    begin(h);
    state.applied(h.ghost, h.view(2), zxid(1, 2), 2n);
    state.checkRestart(h.ghost, 1, zxid(1, 2), 3n);
  }],
  [21, 'a snapshot cannot be read', (h) => state.unreadable(h.ghost, h.view(1), zxid(1, 1), 'it is empty')],
  [21, 'the log does not go on where the snapshot ends', (h) => {
    begin(h);
    h.write(1, zxid(1, 3), [1, 2]);
    h.ghost.servers.get(3)!.history.added = h.ghost.servers.get(3)!.history.shrunk = undefined;
    h.loseLog(3, '/data/log.100000001');
    h.log([3], zxid(1, 3));
    state.checkRestorable(h.ghost, h.view(3));
  }],
  [22, 'two servers have different trees', (h) => {
    begin(h);
    for (const sid of [2, 3]) {
      h.view(sid).servesOn = sid;
      state.applied(h.ghost, h.view(sid), zxid(1, 2), BigInt(sid));
    }
  }],
  [22, 'two servers have different sessions', (h) => {
    for (const sid of [2, 3]) checkEphemerals(h.ghost, sid, stateOf({ sessions: [1, sid], ephemeralOf: 1 }));
  }],
  [34, 'an ephemeral has no session', (h) => {
    checkEphemerals(h.ghost, 2, stateOf({ sessions: [1], ephemeralOf: 2 }));
  }],
]; // prettier-ignore

const configurations: readonly Case[] = [
  [23, 'a new configuration is decided without a majority of it', (h) => {
    begin(h);
    h.ghost.pendingConfigs.set(zxid(1, 3), configOf(zxid(1, 3), [1, 2, 4, 5]));
    h.write(1, zxid(1, 3));
  }],
  [23, 'a leader brings a configuration that no majority of it has', (h) => {
    h.discover(1, 1, [2]);
    h.attempt(1, 1).config = configOf(zxid(1, 0), [1, 4, 5]);
    for (const sid of [1, 2]) h.writeEpoch(sid, 'currentEpoch', 1);
    epochs.hasHistory(h.ghost, h.view(2), 1, 1);
    epochs.establish(h.ghost, h.attempt(1, 1));
  }],
  [23, 'a server has a configuration in force that is not decided', (h) => {
    begin(h);
    configs.activated(h.ghost, h.view(2), configOf(zxid(1, 3), [1, 2]));
  }],
  [23, 'a server goes back to an older configuration', (h) => {
    h.ghost.configure(configOf(zxid(1, 2), [1, 2, 3]));
    for (const counter of [2, 1]) configs.activated(h.ghost, h.view(2), configOf(zxid(1, counter), [1, 2, 3]));
  }],
  [23, 'a member has another configuration in the end', (h) => {
    h.ghost.configure(configOf(zxid(1, 2), [1, 2, 3]));
    const old = formatEnsembleConfig(configOf(zxid(1, 1), [1, 2, 3]));
    configs.checkConfigs(h.ghost, [{ sid: 2, inMemory: old, onDisk: old }]);
  }],
  [23, 'a member has another configuration on disk than in memory', (h) => {
    const config = configOf(zxid(1, 2), [1, 2, 3]);
    h.ghost.configure(config);
    configs.checkConfigs(h.ghost, [{ sid: 2, inMemory: formatEnsembleConfig(config), onDisk: 'no file' }]);
  }],
]; // prettier-ignore

function configOf(version: number, voters: readonly number[]): EnsembleConfig {
  return { version: version as Zxid, members: new Map(voters.map((sid) => [sid, memberOf(sid, 'participant')])) };
}

/** A state at 1.2 with these sessions, one of which has an ephemeral. */
function stateOf(what: { readonly sessions: readonly number[]; readonly ephemeralOf: number }): RestoredState {
  const target = memberKind.emptyState(1, plainKnobs);
  target.tree.addSystemNodes();
  for (const id of what.sessions) target.session(BigInt(id) as SessionId, 4000);
  const header = { clientId: BigInt(what.ephemeralOf) as SessionId, cxid: 1, zxid: zxid(1, 2) as Zxid, time: 0 };
  const create = {
    kind: 'create',
    code: 1,
    path: '/e',
    data: null,
    acl: openAcl,
    ephemeral: true,
    parentCversion: 1,
    ttlMs: 0,
  } as const;
  target.tree.apply(header, create);
  target.tree.lastZxid = header.zxid;
  return target;
}

describe('rules of elections', () => {
  it.each(elections)('%i is broken when %s', (invariant, _what, happens) => {
    expect(run(happens).broken).toBe(invariant);
  });
});

describe('rules of the broadcast', () => {
  it.each(broadcasts)('%i is broken when %s', (invariant, _what, happens) => {
    expect(run(happens).broken).toBe(invariant);
  });
});

describe('rules of the state', () => {
  it.each(states)('%i is broken when %s', (invariant, _what, happens) => {
    expect(run(happens).broken).toBe(invariant);
  });
});

describe('rules of configurations', () => {
  it.each(configurations)('%i is broken when %s', (invariant, _what, happens) => {
    expect(run(happens).broken).toBe(invariant);
  });
});

it('what a deposed leader proposes is no configuration to come', () => {
  const h = run((each) => {
    begin(each);
    each.lead(2, 2, [3]);
    each.propose(1, zxid(1, 3), configOf(zxid(1, 3), [1, 4, 5]));
    each.write(2, zxid(2, 1), [2, 3]);
  });
  expect(h.ghost.proposals.has(zxid(1, 3))).toBe(true);
  expect(h.broken).toBeUndefined();
});

it('the configuration of a leader is decided when a quorum has its history, whether or not it says so', () => {
  const config = configOf(zxid(1, 0), [1, 2, 3]);
  const startedBy = (followers: readonly number[]): StagedHistory =>
    run((h) => {
      h.discover(1, 1, [2, 3]);
      h.attempt(1, 1).config = config;
      for (const sid of [1, ...followers]) h.writeEpoch(sid, 'currentEpoch', 1);
      for (const sid of followers) epochs.hasHistory(h.ghost, h.view(sid), 1, 1);
      configs.activated(h.ghost, h.view(2), config);
    });
  expect(startedBy([2]).broken).toBeUndefined();
  expect(startedBy([2]).ghost.config).toBe(config);
  expect(startedBy([]).broken).toBe(23);
});

it('a configuration is decided when majorities have it on disk, whether or not anybody heard a COMMIT', () => {
  const config = configOf(zxid(1, 3), [1, 2, 3]);
  const onDisksOf = (sids: readonly number[]): StagedHistory =>
    run((h) => {
      begin(h);
      h.propose(1, zxid(1, 3), config);
      h.log(sids, zxid(1, 3), config);
      configs.activated(h.ghost, h.view(1), config);
    });
  expect(onDisksOf([1, 2]).broken).toBeUndefined();
  expect(onDisksOf([1, 2]).ghost.config).toEqual(config);
  expect(onDisksOf([1]).broken).toBe(9);
});

describe('rules of answers as they come', () => {
  const brokenBy = (xid: number, z: number): number | undefined => {
    const h = run(begin);
    checkAnswer(h.ghost, 1, { xid: 4, seen: zxid(1, 2) }, { xid, zxid: z });
    return h.broken;
  };

  it('27 is broken when another request is answered than the first that waits', () => {
    expect(brokenBy(4, zxid(1, 2))).toBeUndefined();
    expect(brokenBy(5, zxid(1, 2))).toBe(27);
  });

  it('28 is broken when an answer comes from before what the client has seen', () => {
    expect(brokenBy(4, zxid(1, 1))).toBe(28);
  });
});

describe('rules of what clients were told', () => {
  const done = (op: ClientOp, at: number, facts: Partial<Done>): Done => {
    return { client: 1, session: 1n, op, calledAt: at, answeredAt: at + 1, outcome: 'ok', error: 0, zxid: 0, ...facts };
  };
  const set = (at: number, z: number): Done => done({ kind: 'set', path: '/a', value: 'x' }, at, { zxid: z });
  const get = (at: number, facts: Partial<Done>): Done => done({ kind: 'get', path: '/a' }, at, facts);
  const brokenBy = (...history: Done[]): number | undefined => {
    const h = run(begin);
    checkHistories(h.ghost, [history]);
    return h.broken;
  };

  it('holds for writes in order and a read of the last of them', () => {
    const read = get(5, { zxid: zxid(1, 2), value: 'x', mzxid: zxid(1, 2) });
    expect(brokenBy(set(1, zxid(1, 1)), set(3, zxid(1, 2)), read)).toBeUndefined();
  });

  it('25 is broken when a later write has an earlier zxid', () => {
    expect(brokenBy(set(1, zxid(1, 2)), set(3, zxid(1, 1)))).toBe(25);
  });

  it('16 is broken when a write was answered that is not decided', () => {
    expect(brokenBy(set(1, zxid(1, 9)))).toBe(16);
  });

  it('29 is broken when a read shows what was not written, or not decided', () => {
    expect(brokenBy(get(1, { zxid: zxid(1, 2), value: 'y', mzxid: zxid(1, 2) }))).toBe(29);
    expect(brokenBy(get(1, { zxid: zxid(1, 2), value: 'x', mzxid: zxid(1, 7) }))).toBe(29);
  });

  it('30 is broken when a read behind a sync misses an earlier write', () => {
    const sync = done({ kind: 'sync', path: '/a' }, 3, { zxid: zxid(1, 1) });
    const read = get(5, { zxid: zxid(1, 1), value: 'x', mzxid: zxid(1, 1) });
    expect(brokenBy({ ...set(1, zxid(1, 2)), session: 2n }, sync, read)).toBe(30);
  });

  it('37 is broken when a number is given twice', () => {
    const op = { kind: 'create', path: '/s-', value: 'x', sequential: true } as const;
    const create = (at: number, z: number): Done => done(op, at, { zxid: z, created: '/s-0000000001' });
    expect(brokenBy(create(1, zxid(1, 1)), create(3, zxid(1, 2)))).toBe(37);
  });

  it('26 is broken when half of a multi is there', () => {
    const h = run(begin);
    const multi = done({ kind: 'multi', path: '/m', value: 'x' }, 1, { outcome: 'unknown' });
    checkMultis(h.ghost, [multi], (path) => (path === '/m' ? 'x' : null));
    expect(h.broken).toBe(26);
  });
});
