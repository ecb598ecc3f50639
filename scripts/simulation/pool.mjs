// Worker threads that run seeds of the simulator. Each takes the next range of seeds when it has done one.

import { Worker } from 'node:worker_threads';

export class SeedPool {
  #workers;

  constructor(size) {
    const module = new URL('worker.mjs', import.meta.url);
    this.#workers = Array.from({ length: size }, () => new Worker(module));
  }

  /** Runs all tasks, in order, each on the next free worker. `done(task, { seeds, found })` hears of each. */
  async run(tasks, { violation, done }) {
    const waiting = tasks[Symbol.iterator]();
    await Promise.all(
      this.#workers.map(async (worker) => {
        for (let next = waiting.next(); !next.done; next = waiting.next()) {
          done(next.value, await runTask(worker, next.value, violation));
        }
      }),
    );
  }

  async close() {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

function runTask(worker, task, violation) {
  return new Promise((resolve, reject) => {
    const onMessage = (message) => {
      if (message.kind === 'violation') return violation(message);
      worker.off('message', onMessage).off('error', reject);
      resolve(message);
    };
    worker.on('message', onMessage).on('error', reject);
    worker.postMessage(task);
  });
}

/** Seeds [from, from + count) in ranges, small enough that no worker idles at the end. */
export function* ranges(from, count, size, options) {
  for (let at = from; at < from + count; at += size) {
    yield { from: at, to: Math.min(at + size, from + count), ...options };
  }
}
