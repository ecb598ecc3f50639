// What a member does about a state that is not its leader's. Replicas that have applied the same transactions have trees with
// the same digest; where that is not so, one of them answers its clients wrongly, and no vote can be given on such a state.
//
// A learner that differs stops serving, tells its leader, and takes the leader's state instead of its own, which is kept
// aside. A leader from which a majority of the voters differ is the odd one itself: it gives up its vote and its state,
// which those that differed from it hear, and they elect another. What differs again right after it was replaced is not
// cured by replacing it: then this is only said and counted, as ZooKeeper's servers do.

import { formatZxid, zxidNone } from '@corral/protocol';
import type { Notification, Zxid } from '@corral/protocol';
import type { DifferenceReports, Zab } from './zab.ts';

/** A state that was replaced this recently and differs again is left as it is, ms. */
const againMs = 10 * 60_000;
/** A difference that stays is told this often, ms. */
const tellEveryMs = 60_000;

const lookThere = 'the state that was replaced lies in a directory `differing-...` beside the snapshots';

type Place = Pick<Zab, 'note' | 'isUnknown' | 'replacement' | 'quorums' | 'now'>;

export class Differences implements DifferenceReports {
  readonly #zab: Place;
  /** The leader whose state is not this server's. */
  #leader: number | undefined;
  #foundAt = -Infinity;
  #toldAt = -Infinity;
  /** Voters that have differed from this server while it led, and have not taken its state since. */
  readonly #against = new Set<number>();
  /** What is replaced next is kept aside: somebody may want to know what was different. */
  mustKeep = false;

  constructor(zab: Place) {
    this.#zab = zab;
  }

  /** Learning: the tree here has another digest behind `zxid`. Returns whether this server must stop serving. */
  found(leader: number, zxid: Zxid): boolean {
    const { now } = this.#zab;
    const facts = { leader, zxid: formatZxid(zxid) };
    if (now - this.#foundAt < againMs) {
      const what = "THE DATA OF THIS SERVER DIFFERS AGAIN from its leader's, though it was replaced by it";
      if (now - this.#toldAt < tellEveryMs) return false;
      this.#toldAt = now;
      this.#zab.note('error', what, facts);
      return false;
    }
    this.#foundAt = now;
    this.#giveUp(leader);
    const what =
      "THE DATA OF THIS SERVER DIFFERS from its leader's (the digests of the trees differ): it stops serving and takes the leader's data";
    this.#zab.note('error', `${what}; ${lookThere}. Compare the two before you delete it`, facts);
    return true;
  }

  /** Leading: this voter says that it differs. Returns whether a majority has said so: then it is this server that does. */
  reported(voter: number): boolean {
    const voters = this.#against.add(voter);
    if (!this.#zab.quorums.isQuorum((sid) => voters.has(sid))) return false;
    this.#giveUp(undefined);
    const what = 'A MAJORITY OF THE VOTERS HAS OTHER DATA than this leader, which gives up its own and its vote';
    this.#zab.note('error', `${what}; ${lookThere}`, { voters: [...voters].join() });
    return true;
  }

  /** The leader's history and the one here are different ones, as the leader has found. */
  told(leader: number, zxid: Zxid): void {
    this.mustKeep = true;
    const what = "THE HISTORY OF THIS SERVER IS NOT ITS LEADER'S: it takes the leader's";
    this.#zab.note('error', `${what}; ${lookThere}`, { leader, zxid: formatZxid(zxid) });
  }

  /** Leading: this learner has taken the state from here. */
  agreed(learner: number): void {
    this.#against.delete(learner);
  }

  /** A leader has given this server its state. */
  replaced(): void {
    this.#against.clear();
    this.#leader = undefined;
    this.mustKeep = false;
  }

  /**
   * Looking: the leader from which this server differed says that it has no vote any more, as it was the odd one. Returns
   * whether this server's own state counts again.
   */
  heard(from: number, { state, zxid }: Notification): boolean {
    if (from !== this.#leader || state !== 'looking' || zxid !== zxidNone) return false;
    this.#leader = undefined;
    this.#zab.isUnknown = this.#zab.replacement.isDue = this.mustKeep = false;
    this.#zab.note('warn', 'the leader from which this server differed has given up its data: this server votes again');
    return true;
  }

  #giveUp(leader: number | undefined): void {
    this.#leader = leader;
    this.#zab.isUnknown = this.#zab.replacement.isDue = this.mustKeep = true;
  }
}
