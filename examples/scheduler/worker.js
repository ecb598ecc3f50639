// What every member does: take runs from the queue, one at a time over all members for each kind of job, and remember
// what is done. The queue hands a run out again when its worker dies, so work may begin twice: the mark of what is done
// is written under the guard of the lock, and a run that has it is dropped.

import { ZkError } from '@corral/client';
import { LostError, lock, queue } from '@corral/recipes';
import { paths } from './settings.js';

/**
 * @typedef {import('@corral/client').Client} Client
 * @typedef {import('./leader.js').Run} Run
 * @typedef {import('@corral/recipes').Message<Run>} Message
 * @typedef {(run: Run & { readonly token: bigint }, signal: AbortSignal) => Promise<void>} Handler
 *   does the job, and stops when the signal aborts; `token` is a fencing token for whatever it writes to
 */

/**
 * Until the signal aborts.
 * @param {Client} zk
 * @param {{
 *   readonly id: string,
 *   readonly handler: Handler,
 *   readonly tell: (doing: string | null) => Promise<void>,
 *   readonly log: (text: string) => void,
 *   readonly signal: AbortSignal,
 * }} options
 */
export async function work(zk, { id, handler, tell, log, signal }) {
  /** @type {import('@corral/recipes').Queue<Run>} */
  const runs = queue(zk, paths.runs);
  for await (const message of runs.consume({ signal })) {
    const { kind } = message.value;
    const over = AbortSignal.any([message.signal, signal]);
    try {
      await tell(kind);
      const job = lock(zk, `${paths.locks}/${kind}`, { id });
      await job.run((held) => runOnce(message.value, held, over), { signal: over });
      await message.ack();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log(over.aborted ? `${kind} is given up` : `${kind} failed: ${why}`);
      // Handed out again, to whomever; not ours any more if the session was lost.
      await message.nack({ delay: 1000 }).catch(unlessLost);
    }
    await tell(null);
  }

  /**
   * @param {Run} run
   * @param {import('@corral/recipes').HeldLock} held
   * @param {AbortSignal} over
   */
  async function runOnce({ kind, due }, held, over) {
    const mark = await doneMark(zk, kind);
    if (due <= mark.due) return;
    await handler({ kind, due, token: held.token }, AbortSignal.any([held.signal, over]));
    // One transaction: done, by the holder of the lock. Whoever has lost it meanwhile marks nothing.
    await held.guard(zk.multi().set(mark.path, String(due), { version: mark.version })).commit();
  }
}

/**
 * The newest run of a kind that is done.
 * @param {Client} zk
 * @param {string} kind
 */
async function doneMark(zk, kind) {
  const path = `${paths.done}/${kind}`;
  await zk.create(path, '0', { parents: 'persistent' }).catch((/** @type {unknown} */ error) => {
    if (!ZkError.is(error, 'NodeExists')) throw error;
  });
  const { data, stat } = await zk.get(path);
  return { path, due: Number(new TextDecoder().decode(data)), version: stat.version };
}

/** @param {unknown} error */
function unlessLost(error) {
  if (!(error instanceof LostError) && !ZkError.is(error)) throw error;
}
