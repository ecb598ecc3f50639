// Telling a new ensemble from one that lost its memory. A server with an empty data directory cannot know whether it
// ever acknowledged anything, so it votes for nobody (zxid -1). Only when every voter says that it is empty too is there
// nothing that could be lost, and all may begin at zero.
//
// Each server finds out for itself, at its own moment. That is safe: a voter that was empty after this server started
// holds nothing this server could have acknowledged before; whatever it accepts later, it accepts without this server,
// which is then no more than a voter that has fallen behind. What can be lost is the promise of an epoch that nobody got to
// lead yet, by a disk that is replaced during the very first election.

import { zxidNone, zxidZero } from '@corral/protocol';
import type { Notification } from '@corral/protocol';

export class EmptyVoters {
  readonly #empty = new Set<number>();
  /** Their next message may be one that was kept from an earlier life of the connection. */
  readonly #mayRepeat = new Set<number>();

  /** A connection came up. ZooKeeper then repeats its last message, however old; no more than one. */
  connected(sid: number): void {
    this.#mayRepeat.add(sid);
  }

  heard(from: number, notification: Notification): void {
    if (this.#mayRepeat.delete(from)) return;
    if (isEmpty(notification)) this.#empty.add(from);
    else this.#empty.delete(from);
  }

  /** Those that have not said, `self` aside, that they are empty. */
  missing(voters: readonly number[], self: number): number[] {
    return voters.filter((sid) => sid !== self && !this.#empty.has(sid));
  }
}

/** A vote is never below what the voter has itself: one for nothing comes from a server that has nothing. */
const isEmpty = ({ state, zxid, peerEpoch }: Notification): boolean =>
  state === 'looking' &&
  ((zxid === zxidNone && peerEpoch !== undefined && peerEpoch <= 0) || (zxid === zxidZero && peerEpoch === 0));

/** What an operator should know of a server without a vote. */
export function whyItWaits(hasLostData: boolean, missing: readonly number[]): string {
  if (hasLostData) {
    const lost = 'this server has lost its history, or a part of it, and has no vote until it has that of a leader';
    return `${lost}: it waits for one`;
  }
  const others = missing.length === 0 ? '' : `, or for voter ${missing.join(', ')} to say that it is empty too`;
  return (
    `this server has no data, and no vote until it has some: it waits for a leader${others}. To begin a new ensemble ` +
    'without waiting, stop it, put an empty file `initialize` into its data directory, and start it again'
  );
}
