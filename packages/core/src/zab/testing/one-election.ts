// One election by itself: the test says what it hears, and reads in words what it sends.

import type { ElectionState, EnsembleConfig, Notification, Zxid } from '@corral/protocol';
import { Election } from '../election.ts';
import type { OwnNotification } from '../election-options.ts';
import type { Proof } from '../heard-configs.ts';
import { Quorums } from '../quorum.ts';
import type { Vote } from '../vote.ts';
import { configOf } from './election-world.ts';

export interface Setting {
  readonly sid?: number;
  readonly config?: EnsembleConfig;
  /** Undefined: unknown. */
  readonly zxid?: number | undefined;
  readonly connected?: readonly number[];
  readonly peerType?: 'participant' | 'observer';
}

/** One election, with what it sends in words: `to: state leader/zxid round`. */
export function open(setting: Setting = {}) {
  const { sid = 1, config = configOf(3), connected = [1, 2, 3], peerType = 'participant' } = setting;
  const own: { zxid: number | undefined; epoch: number } = { zxid: 'zxid' in setting ? setting.zxid : 100, epoch: 1 };
  const sent: [number, OwnNotification][] = [];
  const state = { quorums: new Quorums(config), newEnsembles: 0, proofs: new Map<number, Proof>() };
  const decided: Vote[] = [];
  const notes: string[] = [];
  const election = new Election({
    sid,
    peerType,
    minMs: 200,
    maxMs: 60_000,
    finalizeMs: 200,
    quorums: () => state.quorums,
    ownVote: () => (own.zxid === undefined ? undefined : { zxid: own.zxid as Zxid, peerEpoch: own.epoch }),
    send: (to, notification) => void sent.push([to, notification]),
    isConnected: (other) => connected.includes(other),
    decided: (vote) => void decided.push(vote),
    proof: (other) => state.proofs.get(other) ?? 'none',
    newerConfig: (newer) => {
      state.quorums = new Quorums(newer);
      return true;
    },
    newEnsemble: () => {
      state.newEnsembles++;
      own.zxid = 0;
      own.epoch = 0;
    },
    note: (_, message) => void notes.push(message),
  });
  const take = (): string[] =>
    sent
      .splice(0)
      .map(([to, { state: s, leader, zxid, round }]) => `${to}: ${s} ${leader ?? '-'}/${zxid ?? '-'} ${round}`);
  return { election, sent, take, decided, notes, state, own };
}

export const says = (state: ElectionState, leader: number, zxid: number, round = 1, peerEpoch = 1): Notification => {
  return { state, leader, zxid: zxid as Zxid, round, peerEpoch, version: 2, config: undefined };
};
export const looks = (leader: number, zxid = 100, round = 1, peerEpoch = 1): Notification =>
  says('looking', leader, zxid, round, peerEpoch);
