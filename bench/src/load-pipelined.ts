// Workloads in which every connection keeps its own requests in flight: get, set, create, the mix, multi, the fill.

import { performance } from 'node:perf_hooks';
import { Link } from './link.ts';
import { failure } from './run.ts';
import type { LoadResult, Run } from './run.ts';
import { checkReply } from './scanner.ts';
import { portOf } from './workloads.ts';
import type { Job, PipelinedWorkload, RequestKind } from './workloads.ts';

/** Connections opened at a time: a burst beyond a server's listen backlog would wait for TCP's retries. */
export const openAtATime = 32;

interface PipelineOptions {
  readonly job: Job;
  readonly run: Run;
  readonly workload: PipelinedWorkload;
  readonly index: number;
  readonly ready: () => void;
  /** Called when everything that was sent is answered and nothing more will be sent. */
  readonly drained: () => void;
  readonly fail: (error: Error) => void;
}

/** Keeps `depth` requests in flight until the run stops or its share is sent. */
class PipelineLink extends Link {
  readonly #options: PipelineOptions;
  readonly #kinds: readonly RequestKind[];
  /** How many requests this connection may send. */
  readonly #share: number;
  /** What is known of requests in flight, by xid modulo a power of two. */
  readonly #slotMask: number;
  readonly #sentAt: Float64Array;
  readonly #replyBytes: Int32Array;
  #sent = 0;
  #answered = 0;

  constructor(options: PipelineOptions) {
    super({ port: portOf(options.job, options.index), fail: options.fail });
    const { count, connections, depth } = options.job;
    this.#options = options;
    this.#kinds = options.workload.kinds(options.job, options.index);
    this.#share = count > 0 ? Math.ceil((count - options.index) / connections) : Infinity;
    let slots = 1;
    while (slots < depth) slots *= 2;
    this.#slotMask = slots - 1;
    this.#sentAt = new Float64Array(slots);
    this.#replyBytes = new Int32Array(slots);
  }

  /** Fills the pipeline. */
  start(): void {
    this.now = performance.now();
    for (let i = 0; i < this.#options.job.depth; i++) this.#next();
    this.flush();
    if (this.#sent === 0) this.#options.drained();
  }

  protected override opened(): void {
    this.#options.ready();
  }

  protected override received(): void {
    const due = ++this.#answered;
    const slot = due & this.#slotMask;
    checkReply(this.frame, due, this.#replyBytes[slot]);
    const { run } = this.#options;
    if (run.going) {
      run.done(this.#sentAt[slot], this.now);
      this.#next();
    }
    if (this.#answered === this.#sent) this.#options.drained();
  }

  #next(): void {
    const sequence = this.#sent;
    if (sequence >= this.#share) return;
    this.#sent = sequence + 1;
    const { workload, index } = this.#options;
    const kind = this.#kinds[workload.pick(index, sequence)];
    const at = this.request(kind.frame);
    kind.patch(this.buffer, at, sequence);
    const slot = this.xid & this.#slotMask;
    this.#sentAt[slot] = this.now;
    this.#replyBytes[slot] = kind.replyBytes;
  }
}

export async function pipelined(job: Job, run: Run, workload: PipelinedWorkload): Promise<LoadResult> {
  const { fail, failed } = failure();
  const links: PipelineLink[] = [];
  const drains: Promise<void>[] = [];
  const open = (index: number): Promise<void> =>
    new Promise((ready) => {
      const drain = new Promise<void>((drained) => {
        links.push(new PipelineLink({ job, run, workload, index, ready, drained, fail }));
      });
      drains.push(drain);
    });
  const work = async (): Promise<LoadResult> => {
    for (let from = 0; from < job.connections; from += openAtATime) {
      const size = Math.min(openAtATime, job.connections - from);
      await Promise.all(Array.from({ length: size }, (_, i) => open(from + i)));
    }
    run.restart();
    for (const link of links) link.start();
    const timed = job.count > 0 ? undefined : await run.timed(job.warmupSeconds, job.seconds);
    await Promise.all(drains);
    const result = timed ?? run.stop();
    await Promise.all(links.map((link) => link.close()));
    return result;
  };
  return Promise.race([work(), failed]);
}
