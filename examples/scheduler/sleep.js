// Waiting by the clock of the client, which in a test is a virtual one.

/**
 * Rejects with the signal's reason when that aborts.
 * @param {import('@corral/client').Client} zk
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export async function sleep(zk, ms, signal) {
  signal.throwIfAborted();
  await new Promise((resolve) => {
    const cancel = zk.clock.after(ms, end);
    signal.addEventListener('abort', end);
    function end() {
      cancel();
      signal.removeEventListener('abort', end);
      resolve(undefined);
    }
  });
  signal.throwIfAborted();
}
