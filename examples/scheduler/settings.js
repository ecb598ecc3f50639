// Central configuration: which kinds of jobs there are and how often each is due. One node, watched by every member; it
// may be changed while they run.

import { json } from '@corral/client';
import { config } from '@corral/recipes';

/** Where the scheduler keeps things. */
export const paths = {
  settings: '/scheduler/settings',
  leader: '/scheduler/leader',
  workers: '/scheduler/workers',
  runs: '/scheduler/runs',
  locks: '/scheduler/locks',
  done: '/scheduler/done',
};

/** @typedef {{ readonly jobs: Readonly<Record<string, { readonly everyMs: number, readonly takesMs: number }>> }} Settings */

/** What the first member of all writes. @type {Settings} */
const seed = {
  jobs: {
    report: { everyMs: 10_000, takesMs: 3000 },
    mail: { everyMs: 4000, takesMs: 1000 },
  },
};

const plain = json();
const isDuration = (/** @type {unknown} */ ms) => typeof ms === 'number' && ms > 0;

/**
 * Whoever writes nonsense is ignored: the last good settings stay.
 * @type {import('@corral/client').Codec<Settings>}
 */
const codec = {
  encode: (settings) => plain.encode(settings),
  async decode(data) {
    const settings = /** @type {Settings} */ (await plain.decode(data));
    for (const [kind, job] of Object.entries(settings.jobs)) {
      if (kind.includes('/')) throw new Error(`${kind}: the name of a job becomes the name of a node`);
      if (!isDuration(job.everyMs) || !isDuration(job.takesMs))
        throw new Error(`${kind}: everyMs and takesMs, above 0`);
    }
    return settings;
  },
};

/**
 * @param {import('@corral/client').Client} zk
 * @param {{ readonly onInvalid?: (error: Error) => void, readonly signal?: AbortSignal }} [options]
 */
export const openSettings = (zk, options = {}) => config(zk, paths.settings, codec, { seed, ...options });
