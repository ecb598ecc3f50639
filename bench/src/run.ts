// The clock of one measurement inside the load generator: warm-up, then the measured window, then the end. Links report
// each finished operation here; whether another one may start is asked here too.

import { performance } from 'node:perf_hooks';
import { Histogram } from './histogram.ts';
import { cpuSeconds, machineTime } from './proc.ts';
import type { MachineTime } from './proc.ts';

/** What the generator prints: one line of JSON. */
export interface LoadResult {
  readonly ops: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly serverCpuSeconds: number;
  readonly generatorCpuSeconds: number;
  /** Cores used by anything but server and generator, and cores lost to the host. */
  readonly otherCores: number;
  readonly stealCores: number;
}

interface Mark {
  readonly at: number;
  readonly serverCpu: number;
  readonly ownCpu: number;
  readonly machine: MachineTime;
}

const microsPerMilli = 1000;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A promise that only ever fails, and the function that fails it: for whatever may break while others are awaited. */
export function failure(): { fail: (error: Error) => void; failed: Promise<never> } {
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  return { fail, failed };
}

export class Run {
  /** False once no further operation may be started. */
  going = true;
  readonly #histogram = new Histogram();
  readonly #serverPids: readonly number[];
  #ops = 0;
  #started: Mark;

  constructor(serverPids: readonly number[]) {
    this.#serverPids = serverPids;
    this.#started = this.#mark();
  }

  /** One operation that began at `sentAt` (milliseconds) was answered at `now`. */
  done(sentAt: number, now: number): void {
    this.#ops++;
    this.#histogram.record((now - sentAt) * microsPerMilli);
  }

  /** Forgets what was measured so far. */
  restart(): void {
    this.#ops = 0;
    this.#histogram.reset();
    this.#started = this.#mark();
  }

  /** Warm-up, then the measured window. */
  async timed(warmupSeconds: number, seconds: number): Promise<LoadResult> {
    await pause(warmupSeconds * 1000);
    this.restart();
    await pause(seconds * 1000);
    return this.stop();
  }

  /** Ends the measured window; operations in flight are answered but no longer counted. */
  stop(): LoadResult {
    this.going = false;
    const from = this.#started;
    const to = this.#mark();
    const seconds = (to.at - from.at) / 1000;
    const serverCpuSeconds = to.serverCpu - from.serverCpu;
    const generatorCpuSeconds = to.ownCpu - from.ownCpu;
    const busy = to.machine.busy - from.machine.busy;
    return {
      ops: this.#ops,
      seconds,
      p50Ms: this.#histogram.percentile(50) / microsPerMilli,
      p99Ms: this.#histogram.percentile(99) / microsPerMilli,
      maxMs: this.#histogram.max / microsPerMilli,
      serverCpuSeconds,
      generatorCpuSeconds,
      otherCores: Math.max(0, busy - serverCpuSeconds - generatorCpuSeconds) / seconds,
      stealCores: (to.machine.steal - from.machine.steal) / seconds,
    };
  }

  #mark(): Mark {
    const own = process.cpuUsage();
    return {
      at: performance.now(),
      serverCpu: cpuSeconds(this.#serverPids),
      ownCpu: (own.user + own.system) / 1e6,
      machine: machineTime(),
    };
  }
}
