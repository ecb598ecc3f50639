// The three steps of majority agreement, remembered for a while: who proposed a transaction, which servers accepted it
// and when, when it was decided. Kept as ranges, since all three come in batches.

import type { Zxid } from '@corral/protocol';

export type Step = 'proposed' | 'accepted' | 'decided';

interface Event {
  readonly step: Step;
  readonly sid: number;
  readonly from: Zxid;
  readonly to: Zxid;
  readonly wall: number;
  readonly now: number;
}

/** One decision as an operator asks for it. Times are wall clock ms; `afterMs` counts from the proposal. */
export interface Decision {
  readonly zxid: Zxid;
  readonly proposed: { readonly by: number; readonly at: number } | undefined;
  readonly accepted: readonly { readonly by: number; readonly at: number; readonly afterMs: number | undefined }[];
  readonly decided: { readonly at: number; readonly afterMs: number | undefined } | undefined;
}

const eventsKept = 4096;

export class DecisionTrace {
  readonly #events: Event[] = [];
  #next = 0;

  /** All transactions in (after, to] took a step at one moment. */
  add(step: Step, sid: number, after: Zxid, to: Zxid, now: number, wall: number): void {
    if (to <= after) return;
    const event: Event = { step, sid, from: after, to, wall, now };
    if (this.#events.length < eventsKept) this.#events.push(event);
    else this.#events[this.#next] = event;
    this.#next = (this.#next + 1) % eventsKept;
  }

  /** What is still remembered of one transaction; undefined when nothing is. */
  find(zxid: Zxid): Decision | undefined {
    const events = this.#events.filter(({ from, to }) => from < zxid && zxid <= to);
    if (events.length === 0) return undefined;
    const proposed = events.find(({ step }) => step === 'proposed');
    const since = (now: number): number | undefined =>
      proposed === undefined ? undefined : Math.round((now - proposed.now) * 1000) / 1000;
    const decided = events.find(({ step }) => step === 'decided');
    return {
      zxid,
      proposed: proposed && { by: proposed.sid, at: proposed.wall },
      accepted: events
        .filter(({ step }) => step === 'accepted')
        .sort((a, b) => a.now - b.now)
        .map(({ sid, wall, now }) => ({ by: sid, at: wall, afterMs: since(now) })),
      decided: decided && { at: decided.wall, afterMs: since(decided.now) },
    };
  }
}
