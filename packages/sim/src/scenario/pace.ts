// How long things take in a scenario: every effect one millisecond, except what a script has made slow.

import { linkActor } from '../scheduler.ts';
import type { Activity, Scheduler } from '../scheduler.ts';

export class ScenarioScheduler implements Scheduler {
  readonly name = 'scenario';
  readonly #disks = new Map<number, number>();
  readonly #links = new Map<number, number>();

  delay(actor: number, activity: Activity): number {
    if (activity === 'turn') return 0;
    const slow = activity === 'disk' ? this.#disks : this.#links;
    return slow.get(actor) ?? 1;
  }

  slowDisk(sid: number, ms: number): void {
    this.#disks.set(sid, ms);
  }

  slowLink(from: number, to: number, ms: number): void {
    this.#links.set(linkActor(from, to), ms);
  }

  /** Everything is as fast as at the beginning. */
  heal(): void {
    this.#disks.clear();
    this.#links.clear();
  }
}
