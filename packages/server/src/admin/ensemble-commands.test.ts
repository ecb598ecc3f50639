// What the AdminServer says of a member in each role; keys and words as ZooKeeper 3.9.5 gives them.

import { describe, expect, it } from 'vitest';
import { parseEnsembleConfig } from '@corral/protocol';
import * as commands from './ensemble-commands.ts';
import type { EnsembleFacts, ServerFacts } from './facts.ts';
import * as text from './four-letter-text.ts';
import { monitorLines } from './metrics-text.ts';
import { fakeFacts } from './testing/fake-facts.ts';

const config = parseEnsembleConfig(
  [
    'server.1=zk1:2888:3888:participant;0.0.0.0:2181',
    'server.2=[::1]:2888:3888:participant;[::1]:2181',
    'server.3=zk3:2888:3888:observer;0.0.0.0:2181',
    'version=100000000',
  ].join('\n'),
);
const observer = {
  sid: 3,
  address: '10.0.0.3:51000',
  isObserver: true,
  isSynced: true,
  sync: 'SNAP',
  connectedAt: 1000,
  lastZxid: 0x100000004,
  queuedBytes: 12,
};

function member(changes: Partial<EnsembleFacts>, mode: 'leader' | 'follower' | 'looking'): ServerFacts {
  const ensemble: EnsembleFacts = {
    sid: 2,
    config,
    isVoter: true,
    state: 'leading',
    phase: 'broadcast',
    leader: 2,
    acceptedEpoch: 1,
    currentEpoch: 1,
    learners: [observer, { ...observer, sid: 1, isObserver: false, sync: 'DIFF' }],
    decision: (zxid) =>
      zxid === 0x100000002
        ? {
            zxid: zxid as never,
            proposed: { by: 2, at: 10 },
            accepted: [{ by: 1, at: 12, afterMs: 2 }],
            decided: undefined,
          }
        : undefined,
    ...changes,
  };
  return fakeFacts([], { ensemble: () => ensemble, mode: () => mode, lastZxid: () => 0x100000004 });
}

const leading = member({}, 'leader');
const following = member({ state: 'following', leader: 1, learners: [] }, 'follower');
const looking = member({ state: 'looking', phase: 'election', leader: undefined, learners: [] }, 'looking');

describe('of a member', () => {
  it('the leader is named, with its address, by everybody who has one', () => {
    expect(commands.leader(leading)).toEqual({ is_leader: true, leader_id: 2, leader_ip: '::1' });
    expect(commands.leader(following)).toEqual({ is_leader: false, leader_id: 1, leader_ip: 'zk1' });
    expect(commands.leader(looking)).toEqual({ error: 'server is not initialized' });
  });

  it('voting_view shows those that vote and nobody else', () => {
    const view = commands.votingView(following)['current_config'] as ReadonlyMap<string, unknown>;
    expect([...view.keys()]).toEqual(['1', '2']);
    expect(view.get('2')).toEqual({
      server_addresses: ['[::1]:2888'],
      election_addresses: ['[::1]:3888'],
      client_address: '[::1]:2181',
      learner_type: 'participant',
    });
  });

  it('zabstate tells the phase, the vote and the epochs, also while nobody leads', () => {
    expect(commands.zabState(leading)).toMatchObject({ is_leader: true, voting: true, zabstate: 'broadcast' });
    expect(commands.zabState(leading)).toMatchObject({ zab_epoch: 1, zab_counter: 4, leader_id: 2, current_epoch: 1 });
    expect(commands.zabState(looking)).toMatchObject({ is_leader: false, zabstate: 'election', leader_id: -1 });
    expect(commands.zabState(leading)['quorum_address']).toMatchObject({ one: '[::1]:2888', all_ports: [2888] });
  });

  it('observers and learners are those of the leader', () => {
    expect(commands.observers(leading)).toMatchObject({ synced_observers: 1, observers: [{ sid: 3 }] });
    expect(commands.observers(following)).toEqual({ synced_observers: 0, observers: [] });
    expect(commands.learners(leading)).toMatchObject({
      learners: [
        { sid: 3, type: 'observer', synchronised_by: 'SNAP', last_zxid: '0x100000004', queued_bytes: 12 },
        { sid: 1, type: 'follower', synchronised_by: 'DIFF' },
      ],
    });
  });

  it('a decision has its three phases, and what is not known is null', () => {
    expect(commands.decision(leading, { zxid: '0x100000002' })).toEqual({
      zxid: '0x100000002',
      asked_server: 2,
      prepare: { proposed_by: 2, at: 10 },
      accept: [{ accepted_by: 1, at: 12, after_ms: 2 }],
      decide: null,
    });
    expect(commands.decision(leading, { zxid: '0x1' })['error']).toContain('nothing is remembered of 0x1');
    expect(commands.decision(leading, { zxid: '17' })['error']).toContain('hexadecimal');
    expect(commands.decision(fakeFacts(), { zxid: '0x1' })['error']).toContain('standalone');
  });
});

describe('words of a member', () => {
  it('conf goes on with the membership', () => {
    const lines = text.conf(following).join('');
    expect(lines).toMatch(/electionAlg=3\nelectionPort=3888\nquorumPort=2888\npeerType=0\nmembership: \nserver\.1=/);
    expect(lines.endsWith('version=100000000')).toBe(true);
  });

  it('dump shows when sessions end only where that is decided', () => {
    expect([...text.dump(leading)].join('')).toContain('Session Sets (2)/(2):');
    expect([...text.dump(following)].join('')).toContain('Global Sessions(2):\n0x100001b484f0003\n');
  });

  it('mntr names state and phase', () => {
    expect([...monitorLines(following)].slice(1, 3)).toEqual([
      'zk_server_state\tfollower\n',
      'zk_peer_state\tfollowing - broadcast\n',
    ]);
  });
});
