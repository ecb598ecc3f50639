// Connect and close: each of the slots connects, opens a session, closes it, and begins again with a new connection.

import { performance } from 'node:perf_hooks';
import { Link } from './link.ts';
import { failure } from './run.ts';
import type { LoadResult, Run } from './run.ts';
import { portOf } from './workloads.ts';
import type { Job } from './workloads.ts';

class BriefLink extends Link {
  readonly #closed: () => void;

  constructor(port: number, closed: () => void, fail: (error: Error) => void) {
    super({ port, fail });
    this.#closed = closed;
  }

  protected override opened(): void {
    void this.close().then(this.#closed);
  }

  protected override received(): void {
    // Nothing but the reply to closeSession comes, and that one the link itself waits for.
  }
}

export async function churn(job: Job, run: Run): Promise<LoadResult> {
  const { fail, failed } = failure();
  const slots: Promise<void>[] = [];
  const slot = (index: number): Promise<void> =>
    new Promise((ended) => {
      const again = (): void => {
        if (!run.going) return ended();
        const startedAt = performance.now();
        const closed = (): void => {
          run.done(startedAt, performance.now());
          again();
        };
        new BriefLink(portOf(job, index), closed, fail);
      };
      again();
    });
  const work = async (): Promise<LoadResult> => {
    for (let i = 0; i < job.connections; i++) slots.push(slot(i));
    const result = await run.timed(job.warmupSeconds, job.seconds);
    await Promise.all(slots);
    return result;
  };
  return Promise.race([work(), failed]);
}
