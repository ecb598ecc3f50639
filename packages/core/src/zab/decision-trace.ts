// The three steps of majority agreement, remembered for a while: who proposed a transaction, which servers accepted it
// and when, when it was decided. Kept as ranges, since all three come in batches.

import { epochOf, zxidOf } from '@corral/protocol';
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

/** Batches of proposals whose moment is kept for measuring what comes after. */
const proposalsKept = 1024;

export class DecisionTrace {
  readonly #events: Event[] = [];
  #next = 0;
  /** When each batch was proposed, ascending. */
  readonly #proposals: { readonly to: Zxid; readonly now: number }[] = [];
  /** Set by the host: hears how long after its proposal the last transaction of each batch took a step. */
  observe: ((step: 'accepted' | 'decided', sid: number, ms: number) => void) | undefined;

  /** All transactions in (after, to] took a step at one moment. */
  add(step: Step, sid: number, after: Zxid, to: Zxid, now: number, wall: number): void {
    if (to <= after) return;
    // An epoch begins at 0: nothing lies between the end of the last one and there.
    const from = Math.max(after, zxidOf(epochOf(to), 0)) as Zxid;
    const event: Event = { step, sid, from, to, wall, now };
    if (this.#events.length < eventsKept) this.#events.push(event);
    else this.#events[this.#next] = event;
    this.#next = (this.#next + 1) % eventsKept;
    if (step === 'proposed') this.#remember(to, now);
    else if (this.observe !== undefined) this.#measure(step, sid, to, now);
  }

  #remember(to: Zxid, now: number): void {
    this.#proposals.push({ to, now });
    if (this.#proposals.length >= 2 * proposalsKept) this.#proposals.splice(0, proposalsKept);
  }

  #measure(step: 'accepted' | 'decided', sid: number, to: Zxid, now: number): void {
    // Most acknowledgements are about one of the latest batches.
    let proposed: { readonly to: Zxid; readonly now: number } | undefined;
    for (let i = this.#proposals.length - 1; i >= 0 && this.#proposals[i].to >= to; i--) proposed = this.#proposals[i];
    if (proposed !== undefined) this.observe?.(step, sid, now - proposed.now);
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
