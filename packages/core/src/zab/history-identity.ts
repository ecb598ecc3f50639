// Which history this server has. Epochs and zxids order the events of one history; between two they say nothing: a member
// with the old data of an ensemble that was begun anew has higher numbers than the new one, and would be taken for the one
// that knows most. So every history has a number of its own, drawn by a leader that finds none, kept in the file `historyId`
// beside the epochs, and told with every promise. Servers of two histories never follow each other.
//
// The number has to survive as what a quorum has accepted does, or an ensemble could draw two: it goes with the
// acknowledgement of the history (below zero: accepted), and counts for good once a quorum of those that keep it is there
// (above zero). A leader takes the accepted number with the highest epoch, like a value in any agreement by quorums.
// ZooKeeper's servers keep none, and count neither for nor against it.

import type { LearnerLink } from './learner-link.ts';
import type { HistoryNumber, Zab } from './zab.ts';

/** Numbers are drawn below this, so that they can travel where zxids do. */
const numbers = 2 ** 40;

const whatToDo =
  'Two ensembles were mixed up, or this one was begun anew or restored while a member was away. On the server whose data ' +
  'is not wanted any more: stop it, move the directory version-2 away, and start it again';

/** What a packet about the history says besides its number. */
export const historySays = { accept: 0, counts: 1, refused: 2 } as const;

export class HistoryIdentity implements HistoryNumber {
  readonly #zab: Zab;
  readonly #random: () => number;
  /** 0: none. Below zero: accepted. Above: a quorum has it. */
  #id: number;
  /** Voters with another history, and its number, as this server has heard while it was to lead. */
  readonly #others = new Map<number, number>();

  constructor(zab: Zab, id: number, random: () => number) {
    this.#zab = zab;
    this.#id = id;
    this.#random = random;
  }

  /** As it is kept in the file and told with a promise. */
  get told(): number {
    return this.#id;
  }

  get number(): number {
    return Math.abs(this.#id);
  }

  get counts(): boolean {
    return this.#id > 0;
  }

  /**
   * Whether a server that tells this number has another history. What was accepted and never counted gives way to what
   * counts, except in a leader that has chosen it: it has heard a quorum by then.
   */
  contradicts(told: number, isChosen = false): boolean {
    return told > 0 && told !== this.number && (this.counts || (isChosen && this.#id !== 0));
  }

  // Leading.

  /** The quorum that has promised the epoch is complete: its number is found or drawn, and kept before `then`. */
  choose(promised: readonly LearnerLink[], then: () => void): void {
    const { epochs, quorums, options } = this.#zab;
    const keeping = promised.filter(({ historyId }) => historyId !== undefined);
    const counting = [this.#id, ...keeping.map(({ historyId }) => historyId!)].find((id) => id > 0);
    const accepted = [
      { id: this.#id, epoch: epochs.current },
      ...keeping.map((learner) => ({ id: learner.historyId!, epoch: learner.currentEpoch })),
    ].filter(({ id }) => id < 0);
    const newest = accepted.sort((a, b) => b.epoch - a.epoch)[0]?.id ?? 0;
    const isQuorum = quorums.isQuorum((sid) => sid === options.sid || keeping.some((learner) => learner.sid === sid));
    const drawn = isQuorum ? -Math.floor(1 + this.#random() * (numbers - 1)) : 0;
    const chosen = counting ?? (newest === 0 ? drawn : newest);
    this.accept(Math.abs(chosen), then);
  }

  /** A quorum of those that keep the number has the history. */
  count(): void {
    this.keep(this.number);
  }

  /** A learner has another history. Returns whether a majority of the voters has that one, so that this server must not lead. */
  refused(sid: number, told: number, isServing: boolean): boolean {
    const { quorums } = this.#zab;
    const isVoter = quorums.isVoter(sid);
    const facts = { sid, history: told.toString(16), own: this.number.toString(16) };
    this.#tell(`server ${sid} HAS ANOTHER HISTORY than this one, and is kept out.`, facts);
    if (isServing || !isVoter) return false;
    this.#others.set(sid, told);
    if (!quorums.isQuorum((voter) => this.#others.get(voter) === told)) return false;
    this.#giveUpVote('A MAJORITY OF THE VOTERS HAS ANOTHER HISTORY than this server, which has no vote among them.');
    return true;
  }

  // Learning.

  /** Keeps a number that a leader has announced, before its history is acknowledged. */
  accept(number: number, then: () => void): void {
    if (number === 0 || number === this.number) return then();
    this.#id = -number;
    this.#zab.writeEpoch('historyId', this.#id, then);
  }

  /** The leader's history counts, which this server has. */
  keep(number: number): void {
    if (number === 0 || number === this.#id) return;
    this.#id = number;
    this.#zab.writeEpoch('historyId', number, () => undefined);
  }

  /** The leader has another history. `isEstablished`: a quorum has that one, as the leader says. */
  keptOut(leader: number, number: number, isEstablished: boolean): void {
    const facts = { leader, history: number.toString(16), own: this.number.toString(16) };
    if (isEstablished)
      this.#giveUpVote('THE HISTORY OF THIS SERVER IS NOT THE ONE OF ITS ENSEMBLE: it has no vote there.', facts);
    else this.#tell('the server that was elected HAS ANOTHER HISTORY than this one.', facts);
    this.#zab.resign('the leader has another history', this.#zab.options.initLimitMs);
  }

  #giveUpVote(what: string, facts: Readonly<Record<string, string | number>> = {}): void {
    this.#zab.isUnknown = true;
    this.#tell(what, facts);
  }

  /** Both sides come to it again and again. */
  #tell(what: string, facts: Readonly<Record<string, string | number>>): void {
    this.#zab.repeated.tell(this.#zab.now, what, 'error', `${what} ${whatToDo}`, facts);
  }
}
