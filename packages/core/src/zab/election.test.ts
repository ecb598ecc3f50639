import { formatEnsembleConfig, parseEnsembleConfig, zxidNone } from '@corral/protocol';
import type { EnsembleConfig, Notification } from '@corral/protocol';
import { expect, test } from 'vitest';
import { Quorums } from './quorum.ts';
import { configOf, memberLine } from './testing/election-world.ts';
import { looks, open, says } from './testing/one-election.ts';

test('a looking server votes for itself and tells all other voters', () => {
  const { election, take, sent } = open({ config: configOf(3, 1) });
  election.look(0);
  expect(sent[0][1].config).toBe(formatEnsembleConfig(configOf(3, 1)));
  expect(take()).toEqual(['2: looking 1/100 1', '3: looking 1/100 1']);
  expect(election.deadline).toBe(200);
});

test('a better vote is taken over and told to all; a worse one is answered', () => {
  const { election, take } = open({ sid: 2 });
  election.look(0);
  take();
  election.receive(1, looks(1), 1);
  expect(take()).toEqual(['1: looking 2/100 1']);
  election.receive(3, looks(3), 1);
  expect(take()).toEqual(['1: looking 3/100 1', '3: looking 3/100 1']);
  election.receive(3, looks(3), 1);
  expect(take()).toEqual([]);
});

test('a vote with a quorum waits for a better one, and only so long', () => {
  const { election, decided } = open({ sid: 3 });
  election.look(0);
  election.receive(1, looks(3), 10);
  expect(election.deadline).toBe(210);
  election.receive(1, looks(3), 150);
  election.tick(209);
  expect(decided).toEqual([]);
  election.tick(210);
  expect(decided).toEqual([{ leader: 3, zxid: 100, round: 1, peerEpoch: 1 }]);
  expect([election.isLooking, election.deadline]).toEqual([false, Infinity]);
});

test('a vote of all voters is decided at once', () => {
  const { election, decided } = open({ sid: 3 });
  election.look(0);
  election.receive(1, looks(3), 10);
  election.receive(2, looks(3), 10);
  expect(decided).toHaveLength(1);
});

test('when a leader is lost, a voter that is not connected is not waited for; the candidate itself is', () => {
  const { election, decided } = open({ sid: 1, config: configOf(5), connected: [2, 3, 4] });
  election.look(0);
  for (const sid of [2, 3, 4, 5]) election.receive(sid, looks(5), 0);
  election.settled('following', 5);
  election.established(2);
  election.left();
  decided.length = 0;
  election.look(1000);
  for (const sid of [2, 3]) election.receive(sid, looks(4, 100, 2), 1001);
  expect(decided).toEqual([]);
  election.receive(4, looks(4, 100, 2), 1001);
  expect(decided).toHaveLength(1);
  // It came to nothing: from now on everybody waits.
  election.look(1100);
  for (const sid of [2, 3, 4]) election.receive(sid, looks(4, 100, 3), 1101);
  expect(decided).toHaveLength(1);
  election.tick(1301);
  expect(decided).toHaveLength(2);
});

test('a higher round starts the count again from the own first vote', () => {
  const { election, take, decided } = open({ sid: 2 });
  election.look(0);
  election.receive(3, looks(3, 200), 0);
  take();
  election.receive(1, looks(1, 100, 7), 1);
  expect([election.round, take()]).toEqual([7, ['1: looking 2/100 7', '3: looking 2/100 7']]);
  election.receive(3, looks(3, 200, 6), 2);
  expect(take()).toEqual(['3: looking 2/100 7']);
  election.tick(1000);
  expect(decided).toEqual([]);
});

test('a vote for somebody, or by somebody, whom no configuration names is ignored, with one note for each sender', () => {
  const { election, notes, decided } = open();
  election.look(0);
  for (const now of [1, 2, 3]) {
    election.receive(2, looks(7, 900), now);
    election.receive(9, looks(9, 900), now);
  }
  expect(notes).toEqual([
    'server 2 votes for server 7, which is no voter here: the server lines of the two may differ',
    'server 9 is in no configuration here: the server lines of the two may differ',
  ]);
  expect(decided).toEqual([]);
});

test('an absurd round is ignored, with one note', () => {
  const { election, take, notes } = open();
  election.look(0);
  take();
  for (const round of [1 + 2 ** 32 + 1, 2 ** 53 - 1]) election.receive(3, looks(3, 100, round), 1);
  expect([election.round, take(), notes.length]).toEqual([1, [], 1]);
  election.receive(3, looks(3, 100, 2 ** 32), 1);
  expect(election.round).toBe(2 ** 32);
});

test('who has won tells the voters that did not vote for it', () => {
  const { election, take } = open({ sid: 3, config: configOf(4) });
  election.look(0);
  for (const sid of [1, 2]) election.receive(sid, looks(3), 1);
  take();
  election.tick(1000);
  expect(take()).toEqual(['4: leading 3/100 1']);
});

test('who hears a leader for the first time asks its followers soon, once', () => {
  const { election, take } = open();
  election.look(0);
  while (election.deadline < 10_000) election.tick(election.deadline);
  take();
  const now = election.deadline - 1;
  election.receive(3, says('leading', 3, 200), now);
  expect(election.deadline).toBe(now + 200);
  election.tick(now + 200);
  expect(take()).toEqual(['2: looking 1/100 1', '3: looking 1/100 1']);
  election.receive(3, says('leading', 3, 200), now + 201);
  expect(election.deadline).toBe(now + 601);
});

test('silence repeats the vote, ever more rarely', () => {
  const { election, take } = open();
  election.look(0);
  take();
  const asked: number[] = [];
  while (asked.length < 11) {
    const { deadline } = election;
    election.tick(deadline);
    if (take().length === 2) asked.push(deadline);
  }
  expect(asked.slice(0, 4)).toEqual([200, 600, 1400, 3000]);
  expect(asked[10] - asked[9]).toBe(60_000);
});

test('a connection that comes up gets the vote of now, and the wait is short again', () => {
  const { election, take } = open();
  election.look(0);
  for (let i = 0; i < 6; i++) election.tick(election.deadline);
  take();
  const { deadline } = election;
  election.connected(2, deadline - 5000);
  expect([take(), election.deadline]).toEqual([['2: looking 1/100 1'], deadline - 4800]);
  election.connected(77, 0);
  expect(take()).toEqual([]);
});

test('votes of and for servers that may not vote do not count', () => {
  const { election, decided } = open({ sid: 1, config: configOf(3, 2) });
  election.look(0);
  election.receive(4, looks(1), 0);
  election.receive(5, looks(1), 0);
  election.receive(2, looks(4, 999), 0);
  election.receive(77, looks(1), 0);
  election.tick(5000);
  expect(decided).toEqual([]);
});

test('a server without a vote is answered in every state', () => {
  const { election, take } = open({ sid: 1, config: configOf(3, 1) });
  election.receive(4, looks(3), 0);
  expect(take()).toEqual([]);
  election.look(0);
  take();
  election.receive(4, looks(3), 0);
  election.receive(4, looks(3), 10);
  election.receive(99, looks(3), 10);
  expect(take()).toEqual(['4: looking 1/100 1', '99: looking 1/100 1']);
  election.settled('leading', 1);
  election.receive(4, looks(3), 11);
  expect(take()).toEqual(['4: leading 1/100 -1']);
});

test('a server with a leader answers those that look, with the epoch once it is established', () => {
  const { election, sent, take } = open({ sid: 1 });
  election.look(0);
  election.receive(2, looks(3), 0);
  election.receive(3, looks(3), 0);
  election.settled('following', 3);
  take();
  election.receive(2, looks(2, 100, 9), 1);
  election.receive(3, says('leading', 3, 100), 1);
  expect(take()).toEqual(['2: following 3/100 1']);
  election.established(8);
  expect(sent.map(([to, { peerEpoch }]) => [to, peerEpoch])).toEqual([[2, 8]]);
  take();
  election.receive(2, looks(2, 100, 9), 1);
  expect(sent.map(([to, { peerEpoch }]) => [to, peerEpoch])).toEqual([[2, 8]]);
  election.left();
  take();
  election.receive(2, looks(2, 100, 9), 1);
  expect(take()).toEqual([]);
});

test('a quorum that has a leader is joined, but only when the leader says that it leads', () => {
  const { election, decided } = open({ sid: 1, config: configOf(5) });
  election.look(0);
  for (const sid of [2, 3, 4]) election.receive(sid, says('following', 5, 300, 6, 4), 1);
  expect(decided).toEqual([]);
  election.receive(5, says('leading', 5, 250, 5, 4), 1);
  expect(decided).toEqual([{ leader: 5, zxid: 250, round: 5, peerEpoch: 4 }]);
  expect(election.round).toBe(5);
});

test('members in different epochs are not counted together', () => {
  const { election, decided } = open({ sid: 1 });
  election.look(0);
  election.receive(2, says('following', 3, 100, 1, 4), 1);
  election.receive(3, says('leading', 3, 100, 1, 5), 1);
  expect(decided).toEqual([]);
  election.receive(2, says('following', 3, 100, 9, 5), 1);
  expect(decided).toMatchObject([{ leader: 3, peerEpoch: 5 }]);
});

test('those that follow this server make it lead, in its own round only', () => {
  const { election, decided } = open({ sid: 1 });
  election.look(0);
  for (const sid of [2, 3]) election.receive(sid, says('following', 1, 100, 3), 1);
  expect(decided).toEqual([]);
  for (const sid of [2, 3]) election.receive(sid, says('following', 1, 100, 1), 1);
  expect(decided).toMatchObject([{ leader: 1 }]);
});

test('an observer has no vote, says so, and follows whom the voters elect', () => {
  const { election, take, decided } = open({ sid: 4, config: configOf(3, 1), connected: [1, 2, 3, 4] });
  election.look(0);
  expect(take()).toEqual(['1: looking -/- 1', '2: looking -/- 1', '3: looking -/- 1']);
  election.receive(1, looks(3), 1);
  election.receive(2, looks(3), 1);
  expect(decided).toEqual([]);
  election.tick(201);
  expect(decided).toMatchObject([{ leader: 3 }]);
});

test('a server that would like to join says how far its history reaches, but proposes nobody', () => {
  const { election, take } = open({ sid: 9 });
  election.look(0);
  expect(take()[0]).toBe('1: looking -/100 1');
});

test('a server that may have lost what it acknowledged takes no part, and follows', () => {
  const { election, take, decided } = open({ sid: 2, zxid: undefined });
  election.look(0);
  expect(take()).toEqual(['1: looking 2/-1 1', '3: looking 2/-1 1']);
  election.receive(3, looks(3), 1);
  expect(take()).toEqual([]);
  election.tick(199);
  expect(decided).toEqual([]);
  election.receive(1, looks(3), 199);
  election.tick(399);
  expect(decided).toMatchObject([{ leader: 3 }]);
});

test('nobody who lost its memory becomes leader because others still follow it', () => {
  const { election, decided } = open({ sid: 3, zxid: undefined });
  election.look(0);
  for (const sid of [1, 2]) election.receive(sid, looks(3, 100), 1);
  for (const sid of [1, 2]) election.receive(sid, says('following', 3, 100), 1);
  election.tick(10_000);
  expect(decided).toEqual([]);
});

test('a server without a memory is passed over by the others, who tell it their vote', () => {
  const { election, take, decided } = open({ sid: 1, config: configOf(2) });
  election.look(0);
  take();
  election.receive(2, looks(2, zxidNone), 1);
  expect(take()).toEqual(['2: looking 1/100 1']);
  election.tick(5000);
  expect(decided).toEqual([]);
});

test('a new ensemble begins when all voters are empty, however each of them says so', () => {
  const { election, take, state } = open({ sid: 1, zxid: undefined });
  election.look(0);
  take();
  election.receive(2, looks(2, zxidNone, 1, 0), 1);
  expect([state.newEnsembles, take()]).toEqual([0, []]);
  election.receive(3, looks(3, 0, 1, 0), 1);
  expect([state.newEnsembles, take()]).toEqual([1, ['2: looking 3/0 1', '3: looking 3/0 1']]);
});

test('an empty server says whom it waits for, and how a new ensemble begins without them', () => {
  const { election, notes } = open({ sid: 1, zxid: undefined });
  election.look(0);
  election.receive(2, looks(2, zxidNone, 1, 0), 1);
  for (let now = 0; now < 20_000; now += 50) election.tick(now);
  expect(notes).toHaveLength(1);
  expect(notes[0]).toMatch(/waits for a leader, or for voter 3 to say that it is empty too.*`initialize`/);
});

test('a server that has lost its history waits for a leader, and is not told to begin a new ensemble', () => {
  const { election, notes, own } = open({ sid: 1, zxid: undefined });
  own.zxid = zxidNone;
  election.look(0);
  for (let now = 0; now < 20_000; now += 50) election.tick(now);
  expect(notes).toEqual([expect.stringMatching(/has lost its history.* waits for one$/)]);
});

test('what may be a repeated old message is no proof that a voter is empty', () => {
  const { election, state } = open({ sid: 1, zxid: undefined });
  election.look(0);
  for (const sid of [2, 3]) {
    election.connected(sid, 0);
    election.receive(sid, looks(3, 0, 1, 0), 1);
  }
  expect(state.newEnsembles).toBe(0);
  election.receive(2, looks(3, 0, 1, 0), 2);
  election.receive(3, says('leading', 3, 500, 1, 4), 2);
  expect(state.newEnsembles).toBe(0);
});

test('a voter with damaged data is not empty', () => {
  const { election, state, own } = open({ sid: 1, zxid: undefined });
  election.look(0);
  for (const sid of [2, 3]) election.receive(sid, looks(sid, zxidNone, 1, 4), 1);
  expect(state.newEnsembles).toBe(0);
  own.zxid = zxidNone;
  election.look(1);
  for (const sid of [2, 3]) election.receive(sid, looks(sid, zxidNone, 1, 0), 1);
  expect(state.newEnsembles).toBe(0);
});

test('candidates known by hearsay are ignored after two winners that could not be reached', () => {
  const { election, take } = open({ sid: 1, config: configOf(5) });
  election.didNotLead(5, false, 0, 0);
  election.look(4000);
  take();
  election.receive(4, looks(5), 4000);
  expect(take()).toHaveLength(4);
  election.didNotLead(5, false, 0, 4000);
  election.look(10_000);
  take();
  election.receive(4, looks(5, 100, 2), 10_000);
  expect(take()).toEqual([]);
  election.receive(5, looks(5, 100, 2), 10_000);
  expect(take()[0]).toBe('2: looking 5/100 2');
  election.settled('following', 5);
  election.established(2);
  election.look(11_000);
  take();
  election.receive(4, looks(5, 100, 3), 11_000);
  expect(take()[0]).toBe('2: looking 5/100 3');
});

test('a winner that is heard and could not be reached gets no vote for a while', () => {
  const { election, take, decided } = open({ sid: 1 });
  election.didNotLead(3, false, 0, 0);
  election.look(0);
  take();
  election.receive(3, looks(3, 900), 10);
  expect(take()).toEqual([]);
  election.receive(2, looks(2), 20);
  expect(take()).toEqual(['2: looking 2/100 1', '3: looking 2/100 1']);
  election.tick(220);
  expect(decided).toMatchObject([{ leader: 2 }]);
  // It may be the only one that can lead: then the others wait no longer than this.
  election.look(1000);
  take();
  election.receive(3, looks(3, 900, 2), 3000);
  expect(take()[0]).toBe('2: looking 3/900 2');
});

test('a winner that did not lead twice is passed over for a while, so that a majority can do without it', () => {
  const { election, take } = open({ sid: 4, config: configOf(5) });
  election.didNotLead(5, true, 0, 0);
  election.look(0);
  take();
  election.receive(5, looks(5), 0);
  expect(take()[0]).toBe('1: looking 5/100 1');
  election.didNotLead(5, true, 0, 0);
  election.look(1);
  take();
  election.receive(5, looks(5, 100, 2), 1);
  expect(take().filter((line) => line.includes('looking 5/'))).toEqual([]);
  election.receive(5, looks(5, 100, 2), 1 + 60_000);
  expect(take()[0]).toBe('1: looking 5/100 2');
});

test('a server that leads again and again without this one is passed over too', () => {
  const { election, take } = open({ sid: 4, config: configOf(5) });
  election.look(0);
  for (const round of [1, 2]) {
    election.receive(5, looks(5, 100, round), round);
    election.receive(5, says('leading', 5, 100, round), round);
  }
  take();
  election.receive(5, looks(5, 100, 3), 3);
  expect(take().filter((line) => line.includes('looking 5/'))).toEqual([]);
});

test('a reconfiguration that names a leader is told without an election', () => {
  const { election, take } = open({ sid: 1 });
  election.settled('following', 2);
  election.receive(3, looks(3), 0);
  expect(take()).toEqual(['3: following 2/100 -1']);
});

const withConfig = (config: EnsembleConfig, leader = 2): Notification => {
  return { ...looks(leader), config: formatEnsembleConfig(config) };
};

test('a looking server takes a newer configuration from a member and starts again', () => {
  const { election, state, take } = open({ sid: 1, config: configOf(3, 0, 5) });
  state.proofs.set(2, 'dialled');
  election.look(0);
  take();
  election.receive(2, withConfig(configOf(4, 0, 4)), 1);
  expect(state.quorums.committed.version).toBe(5);
  election.receive(2, withConfig(configOf(4, 0, 6)), 1);
  expect([state.quorums.committed.version, election.round, take().length]).toEqual([6, 2, 2 + 3]);
  election.receive(2, withConfig(configOf(4, 0, 7)), 1);
  expect([state.quorums.committed.version, election.round]).toEqual([7, 2]);
  election.settled('following', 2);
  election.receive(3, withConfig(configOf(3, 0, 8)), 1);
  expect(state.quorums.committed.version).toBe(7);
});

test('a voter to come, whose round is ahead because it names nobody, comes back to that of the others', () => {
  const { election, state, decided, take } = open({ sid: 4, config: configOf(2) });
  state.quorums = new Quorums(configOf(2), configOf(4, 0, 9));
  for (let round = 1; round <= 3; round++) election.look(round);
  take();
  election.receive(1, looks(2, 100, 2), 5);
  expect([election.round, take()]).toEqual([2, ['1: looking 2/100 2', '2: looking 2/100 2', '3: looking 2/100 2']]);
  election.receive(2, looks(2, 100, 1), 6);
  expect([election.round, take()]).toEqual([2, ['2: looking 2/100 2']]);
  election.receive(2, looks(2, 100, 2), 7);
  election.tick(1000);
  expect(decided).toEqual([{ leader: 2, zxid: 100, round: 2, peerEpoch: 1 }]);
});

test('who is to vote and has not heard of it comes back to the round of the others as well, and follows whom they elect', () => {
  const { election, decided } = open({ sid: 4, config: configOf(2), peerType: 'participant' });
  for (let round = 1; round <= 3; round++) election.look(round);
  for (const sid of [1, 2]) election.receive(sid, looks(2, 100, 2), 5);
  election.tick(1000);
  expect(decided).toEqual([{ leader: 2, zxid: 100, round: 2, peerEpoch: 1 }]);
});

test('strangers change no configuration, nor does whoever only says that it is a member', () => {
  const { election, state } = open({ sid: 1, config: configOf(3, 0, 5) });
  const moved = parseEnsembleConfig([1, 7, 8].map((sid) => memberLine(sid)).join('\n') + '\nversion=6');
  election.look(0);
  for (const sid of [66, 7, 7, 8]) election.receive(sid, withConfig(moved), 1);
  for (const sid of [2, 2, 3, 2]) election.receive(sid, withConfig(moved), 1);
  expect(state.quorums.committed.version).toBe(5);
});

test('a quorum of the old configuration, or of the new one, is believed when the members among it are there', () => {
  for (const says of [
    [2, 3],
    [2, 7, 8],
  ]) {
    // prettier-ignore
    const { election, state } = open({ sid: 1, config: configOf(3, 0, 5) });
    const moved = parseEnsembleConfig([1, 2, 7, 8].map((sid) => memberLine(sid)).join('\n') + '\nversion=6');
    for (const sid of says) if (sid < 4) state.proofs.set(sid, 'reached');
    election.look(0);
    const versions = says.map((sid) => {
      election.receive(sid, withConfig(moved), 1);
      return state.quorums.committed.version;
    });
    expect(versions).toEqual(says.map((_, i) => (i + 1 === says.length ? 6 : 5)));
  }
});

test('whoever has heard what is newer and then what is not is counted no more', () => {
  const { election, state } = open({ sid: 1, config: configOf(3, 0, 5) });
  for (const sid of [2, 3]) state.proofs.set(sid, 'reached');
  election.look(0);
  election.receive(2, withConfig(configOf(4, 0, 6)), 1);
  election.receive(2, withConfig(configOf(3, 0, 5)), 1);
  election.receive(3, withConfig(configOf(4, 0, 6)), 1);
  expect(state.quorums.committed.version).toBe(5);
});

test('a configuration that cannot be read is noted once, and the vote counts', () => {
  const { election, take, notes } = open();
  election.look(0);
  take();
  for (let i = 0; i < 3; i++) election.receive(2, { ...looks(2), config: 'server.1=nonsense' }, 1);
  expect([notes.length, take().length]).toEqual([1, 2]);
});
