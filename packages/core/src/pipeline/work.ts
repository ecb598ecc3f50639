// How much has been done since the last turn of the host's loop. One connection can pipeline thousands of expensive requests,
// and many connections can do so at once: when the budget is spent, requests wait for the next turn, so that everybody else
// is heard in between. The unit is one small step, about 20 ns; the core has no clock, so costs are estimates.

/** In units. */
export const costs = {
  /** Any request: its frame, a look-up, an answer. */
  request: 50,
  /** One name in a list of children. */
  child: 5,
  /** One watch that is set, restored or removed. */
  watch: 50,
  /** One part of a multi, prepared and later applied. */
  part: 300,
  /** One identity that a list of permissions is asked about. */
  identity: 5,
  /** One entry of a list of permissions that is told or stored, and one identity that is told. */
  aclEntry: 25,
  /** One node whose path is compared or told. */
  path: 5,
  /** One node that is counted. */
  descendant: 0.25,
  /** One credential: a hash, and a line in the log when it is refused. */
  credential: 500,
} as const;

/** Bytes are counted by this many bits less: 64 are copied for one unit. */
export const bytesShift = 6;

/** About 5 ms. */
const unitsPerTurn = 250_000;
/** What a connection may use in a turn whose budget is spent: others must not wait for its ping because of their own. */
const unitsPerModest = unitsPerTurn / 32;

/** Whose work it is. */
export interface Worker {
  /** Units used of late: halved with every turn. */
  spent: number;
  /** Number of the turn that `spent` is about. */
  spentAt: number;
}

export class Work {
  readonly #askForTurn: () => void;
  #isAsked = false;
  #turn = 0;
  /** Where the slice of the connection that is being served ends. */
  #sliceEnd = Infinity;
  /** Units since the last turn. */
  spent = 0;

  /** `askForTurn`: the budget is being used up, so a turn has to come. */
  constructor(askForTurn: () => void) {
    this.#askForTurn = askForTurn;
  }

  spend(units: number): void {
    this.spent += units;
    // Little work never asks: a turn costs more than it.
    if (this.spent >= unitsPerTurn / 2) this.ask();
  }

  /** Something waits for the next turn. */
  ask(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#askForTurn();
  }

  /** Puts what was spent since it was `before` down to a worker. */
  charge(worker: Worker, before: number): void {
    worker.spent = this.recent(worker) + this.spent - before;
    worker.spentAt = this.#turn;
  }

  recent({ spent, spentAt }: Worker): number {
    return spentAt === this.#turn ? spent : spent / 2 ** Math.min(60, this.#turn - spentAt);
  }

  get isSpent(): boolean {
    return this.spent >= unitsPerTurn;
  }

  /** Serves one of so many that have waited for this turn: what is left of it is for all of them. */
  slice(waiting: number, serve: () => void): void {
    this.#sliceEnd = this.spent + Math.max(unitsPerModest, unitsPerTurn / waiting);
    serve();
    this.#sliceEnd = Infinity;
  }

  /** Whether the requests of this one have to wait for the next turn. */
  mustWait(worker: Worker): boolean {
    if (this.spent >= this.#sliceEnd) return true;
    if (this.spent < unitsPerTurn) return false;
    return this.spent >= 2 * unitsPerTurn || this.recent(worker) > unitsPerModest;
  }

  /** The loop has turned: everybody who had something to say was heard. */
  turn(): void {
    this.spent = 0;
    this.#turn++;
    this.#isAsked = false;
  }
}
