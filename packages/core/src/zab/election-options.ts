// What an election is given by its owner: who the others are, how long to wait, and what to do with its outcome.

import type { Ballot, EnsembleConfig, Zxid } from '@corral/protocol';
import type { EnsembleNote } from '../effects.ts';
import type { Proof } from './heard-configs.ts';
import type { Quorums } from './quorum.ts';
import type { Vote } from './vote.ts';

/** A notification to be sent. */
export type OwnNotification = Ballot & { readonly config: string };

/** How far a history reaches. */
export interface Reach {
  /** -1: this server may have lost what it acknowledged. */
  readonly zxid: Zxid;
  readonly peerEpoch: number;
}

export interface ElectionOptions {
  readonly sid: number;
  /** What a server that no configuration names would like to be. */
  readonly peerType: 'participant' | 'observer';
  /** First and longest wait for a notification before the vote is repeated. */
  readonly minMs: number;
  readonly maxMs: number;
  /** How long a vote that has a quorum waits for a better one. */
  readonly finalizeMs: number;
  readonly quorums: () => Quorums;
  /** This server's log to its end, decided or not. Undefined: it is empty and may have lost what it acknowledged. */
  readonly ownVote: () => Reach | undefined;
  readonly send: (to: number, notification: OwnNotification) => void;
  readonly isConnected: (sid: number) => boolean;
  readonly decided: (vote: Vote) => void;
  /** Whether it is certain that what `sid` says comes from that member; may find out for the next time. */
  readonly proof?: (sid: number) => Proof;
  /** A newer configuration was heard of; returns whether it is in force now. */
  readonly newerConfig: (config: EnsembleConfig) => boolean;
  /** All voters are empty, so this server has lost nothing: it is unknown no more. */
  readonly newEnsemble?: () => void;
  readonly note: (level: EnsembleNote['level'], message: string, facts?: EnsembleNote['facts']) => void;
}
