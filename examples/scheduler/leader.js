// What the leader does: put a run into the queue whenever one is due. It keeps nothing for its successor. A new leader
// may put a run that the old one has put already, and one that was deposed and does not know it yet may do so as well:
// the key keeps equal runs out of the queue, and workers drop what is done. So two leaders do no harm.

import { group, queue } from '@corral/recipes';
import { paths } from './settings.js';
import { sleep } from './sleep.js';

/** New settings count after this time at the latest. */
const lookAgainMs = 1000;

/**
 * @typedef {import('@corral/client').Client} Client
 * @typedef {{ readonly kind: string, readonly due: number }} Run `due`: milliseconds since 1970, a multiple of the interval
 */

/**
 * Until the signal aborts.
 * @param {Client} zk
 * @param {{
 *   readonly settings: import('@corral/recipes').Config<import('./settings.js').Settings>,
 *   readonly now: () => number,
 *   readonly log: (text: string) => void,
 *   readonly signal: AbortSignal,
 * }} options
 */
export async function lead(zk, { settings, now, log, signal }) {
  await Promise.all([plan(), watchWorkers()]);

  async function plan() {
    /** @type {import('@corral/recipes').Queue<Run>} */
    const runs = queue(zk, paths.runs);
    /** @type {Map<string, number>} */
    const planned = new Map();
    for (;;) {
      let waitMs = lookAgainMs;
      for (const [kind, { everyMs }] of Object.entries(settings.value.jobs)) {
        // A run that nobody was there to plan is left out; only the newest one counts.
        const due = Math.floor(now() / everyMs) * everyMs;
        if (planned.get(kind) !== due) await runs.put({ kind, due }, { key: `${kind} ${due}`, signal });
        planned.set(kind, due);
        waitMs = Math.min(waitMs, due + everyMs - now());
      }
      await sleep(zk, waitMs, signal);
    }
  }

  async function watchWorkers() {
    for await (const { joined, left, members } of group(zk, paths.workers).changes({ signal })) {
      const known = new Set(members.map(({ id }) => id));
      const gone = left.filter(({ id }) => !known.has(id));
      const before = new Set(left.map(({ id }) => id));
      const come = joined.filter(({ id }) => !before.has(id));
      for (const { id } of gone) log(`${id} has left, ${members.length} are here`);
      for (const { id } of come) log(`${id} is here, one of ${members.length}`);
    }
  }
}
