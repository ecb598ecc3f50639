// One member of the scheduler: it shows itself in the group, works on runs, and stands for election. All members are the
// same program.

import { ZkError } from '@corral/client';
import { election, group } from '@corral/recipes';
import { lead } from './leader.js';
import { openSettings, paths } from './settings.js';
import { work } from './worker.js';

/**
 * @param {import('@corral/client').Client} zk
 * @param {{
 *   readonly id: string,
 *   readonly handler: import('./worker.js').Handler,
 *   readonly now?: () => number,
 *   readonly log?: (text: string) => void,
 *   readonly signal: AbortSignal,
 * }} options `signal` stops it; what is under way is given back
 */
export async function runMember(zk, { id, handler, now = Date.now, log = console.log, signal: stop }) {
  const failed = new AbortController();
  const signal = AbortSignal.any([stop, failed.signal]);
  const settings = await openSettings(zk, { signal, onInvalid: ({ message }) => log(`settings ignored: ${message}`) });
  const membership = await group(zk, paths.workers).join(id, { doing: null }, { signal });
  /** @param {string | null} doing */
  const tell = (doing) => membership.set(JSON.stringify({ doing }), { signal }).catch(unlessNobodyAnswers);

  const parts = [work(zk, { id, handler, tell, log, signal }), standForElection(), watchSettings()];
  // When one part fails, the member does: half a member would look like a whole one.
  for (const part of parts) part.catch((error) => failed.abort(error));
  try {
    await Promise.allSettled(parts);
    if (!stop.aborted) throw failed.signal.reason;
  } finally {
    await membership.close().catch(unlessNobodyAnswers);
    await settings.close();
  }

  async function standForElection() {
    for await (const term of election(zk, paths.leader, { id }).terms({ signal })) {
      log(`leads, term ${term.number}`);
      try {
        await lead(zk, { settings, now, log, signal: AbortSignal.any([term.signal, signal]) });
      } catch (error) {
        if (!term.signal.aborted) throw error;
        log('leads no more');
      }
    }
  }

  async function watchSettings() {
    for await (const { jobs } of settings.changes({ signal })) {
      const texts = Object.entries(jobs).map(([kind, { everyMs }]) => `${kind} every ${everyMs / 1000} s`);
      log(`settings: ${texts.join(', ')}`);
    }
  }
}

/**
 * An outage is no failure: the group's node gets its newest data when a server is there again, and goes with the session.
 * @param {unknown} error
 */
function unlessNobodyAnswers(error) {
  if (!ZkError.is(error, 'OperationTimeout')) throw error;
}
