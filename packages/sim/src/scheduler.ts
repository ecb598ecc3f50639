// Who comes first. Every effect asks here how long it takes; the answers decide the order of everything. Several ways of
// answering find different mistakes: pure chance, fixed priorities that change a few times (PCT), and a calm world in
// which a few single things are late.

import type { Random } from './random.ts';

/** What takes time: bytes on the network, a step of a disk, a turn of the event loop. */
export type Activity = 'network' | 'disk' | 'turn' | 'client';

export interface Scheduler {
  readonly name: string;
  /** Milliseconds until an effect of this actor (a link, a disk) happens. */
  delay(actor: number, activity: Activity): number;
}

/** The actor that a link is: bytes from one place to another. */
export const linkActor = (from: number, to: number): number => 1000 + ((from & 0xff) << 8) + (to & 0xff);

/** Every effect takes one millisecond: for scenarios, where order is part of the script. */
export const steadyScheduler: Scheduler = {
  name: 'steady',
  delay: (_actor, activity) => (activity === 'turn' ? 0 : 1),
};

export function uniformScheduler(random: Random, maxMs: number): Scheduler {
  return {
    name: 'uniform',
    delay: (_actor, activity) => (activity === 'turn' ? random.below(2) : random.below(maxMs + 1)),
  };
}

/** Actors have priorities, a low one makes slow by a whole order of magnitude; now and then one is drawn anew. */
export function priorityScheduler(random: Random, maxMs: number, changes: number, events: number): Scheduler {
  const levels = new Map<number, number>();
  const changeAt = new Set(Array.from({ length: changes }, () => random.below(events)));
  const scales = [1, 2, Math.max(3, maxMs >> 2), maxMs, maxMs * 4];
  let asked = 0;
  return {
    name: 'priority',
    delay(actor, activity) {
      const redraw = changeAt.has(asked++);
      let level = levels.get(actor);
      if (level === undefined || redraw) {
        level = random.below(scales.length);
        levels.set(actor, level);
      }
      return activity === 'turn' ? 0 : 1 + random.below(scales[level]);
    },
  };
}

/** Everything is quick, but a few single effects take very long. */
export function delayBoundedScheduler(random: Random, maxMs: number, delays: number, events: number): Scheduler {
  const late = new Set(Array.from({ length: delays }, () => random.below(events)));
  let asked = 0;
  return {
    name: 'delay-bounded',
    delay(_actor, activity) {
      if (activity === 'turn') return 0;
      return late.has(asked++) ? maxMs * (1 + random.below(40)) : 1;
    },
  };
}

export function drawScheduler(random: Random, maxMs: number, events: number): Scheduler {
  switch (random.below(3)) {
    case 0:
      return uniformScheduler(random, maxMs);
    case 1:
      return priorityScheduler(random, maxMs, 2 + random.below(3), events);
    default:
      return delayBoundedScheduler(random, maxMs, 3 + random.below(8), events);
  }
}
