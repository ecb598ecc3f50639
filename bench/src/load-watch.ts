// Watch fan-out. Every connection watches the same few nodes. A writer sets a node, each watcher gets the event and
// watches again with getData; once all have, the writer sets that node again. So `connections x depth` watches are always
// set or being set, and one set makes as many events as there are watchers.

import { performance } from 'node:perf_hooks';
import { xids } from '@corral/protocol';
import { Link } from './link.ts';
import { openAtATime } from './load-pipelined.ts';
import { dataBytes, getFrame, replyBytes, setFrame } from './requests.ts';
import { failure } from './run.ts';
import type { LoadResult, Run } from './run.ts';
import { BadReply, checkReply } from './scanner.ts';
import { portOf } from './workloads.ts';
import type { Job } from './workloads.ts';

/** The node is told from an event by the last byte of its path, so there are ten at most. */
export const watchedNodesMax = 10;
export const watchedPath = (node: number): string => `/bench/w${node}`;
const zero = 0x30;
const getReplyBytes = replyBytes.header + 4 + dataBytes + replyBytes.stat;
const setReplyBytes = replyBytes.header + replyBytes.stat;
const eventBytes = replyBytes.header + 4 + 4 + 4 + watchedPath(0).length;

/** What the writer and the watchers know together. */
class Fanout {
  readonly run: Run;
  readonly watchers: number;
  /** When the node was last set. */
  readonly setAt: Float64Array;
  /** How many connections watch the node again since. */
  readonly #armed: Int32Array;
  setNode: (node: number) => void = () => undefined;

  constructor(run: Run, watchers: number, nodes: number) {
    this.run = run;
    this.watchers = watchers;
    this.setAt = new Float64Array(nodes);
    this.#armed = new Int32Array(nodes);
  }

  armed(node: number): void {
    const count = ++this.#armed[node];
    if (count < this.watchers) return;
    this.#armed[node] = 0;
    if (this.run.going) this.setNode(node);
  }
}

interface WatcherOptions {
  readonly port: number;
  readonly nodes: number;
  readonly fanout: Fanout;
  readonly ready: () => void;
  readonly fail: (error: Error) => void;
}

class WatcherLink extends Link {
  readonly #options: WatcherOptions;
  readonly #frames: readonly Buffer[];
  /** Nodes of the getData requests in flight, by xid; at most one per node is. */
  readonly #asked = new Uint8Array(16);
  #answered = 0;

  constructor(options: WatcherOptions) {
    super(options);
    this.#options = options;
    this.#frames = Array.from({ length: options.nodes }, (_, node) => getFrame(watchedPath(node), 'watch'));
  }

  /** Watches every node for the first time. */
  start(): void {
    for (let node = 0; node < this.#frames.length; node++) this.#watch(node);
    this.flush();
  }

  protected override opened(): void {
    this.#options.ready();
  }

  protected override received(): void {
    const { frame } = this;
    const { fanout } = this.#options;
    if (frame.xid !== xids.watchEvent) {
      const due = ++this.#answered;
      checkReply(frame, due, getReplyBytes);
      fanout.armed(this.#asked[due & 15]);
      return;
    }
    const node = frame.lastByte - zero;
    if (frame.length !== eventBytes || frame.err !== 0 || node < 0 || node >= this.#frames.length) {
      throw new BadReply(`an event of ${frame.length} bytes is not one for the nodes watched`);
    }
    fanout.run.done(fanout.setAt[node], this.now);
    if (fanout.run.going) this.#watch(node);
  }

  #watch(node: number): void {
    this.request(this.#frames[node]);
    this.#asked[this.xid & 15] = node;
  }
}

class WriterLink extends Link {
  readonly #ready: () => void;
  readonly #frames: readonly Buffer[];
  readonly #fanout: Fanout;
  #answered = 0;

  constructor(options: WatcherOptions) {
    super(options);
    this.#ready = options.ready;
    this.#fanout = options.fanout;
    this.#frames = Array.from({ length: options.nodes }, (_, node) => setFrame(watchedPath(node)));
    this.#fanout.setNode = (node) => this.#set(node);
  }

  protected override opened(): void {
    this.#ready();
  }

  protected override received(): void {
    checkReply(this.frame, ++this.#answered, setReplyBytes);
  }

  #set(node: number): void {
    this.#fanout.setAt[node] = performance.now();
    this.request(this.#frames[node]);
    this.flush();
  }
}

export async function watchFanout(job: Job, run: Run): Promise<LoadResult> {
  if (job.depth > watchedNodesMax) throw new Error(`watch fan-out takes a depth of at most ${watchedNodesMax}`);
  const { fail, failed } = failure();
  const fanout = new Fanout(run, job.connections, job.depth);
  const links: Link[] = [];
  const watchers: WatcherLink[] = [];
  const open = (kind: 'watcher' | 'writer', index: number): Promise<void> =>
    new Promise((ready) => {
      const options = { port: portOf(job, index), nodes: job.depth, fanout, ready, fail };
      const link = kind === 'writer' ? new WriterLink(options) : new WatcherLink(options);
      links.push(link);
      if (link instanceof WatcherLink) watchers.push(link);
    });
  const work = async (): Promise<LoadResult> => {
    await open('writer', 0);
    for (let from = 0; from < job.connections; from += openAtATime) {
      const size = Math.min(openAtATime, job.connections - from);
      await Promise.all(Array.from({ length: size }, (_, i) => open('watcher', from + i)));
    }
    for (const watcher of watchers) watcher.start();
    const result = await run.timed(job.warmupSeconds, job.seconds);
    await Promise.all(links.map((link) => link.close()));
    return result;
  };
  return Promise.race([work(), failed]);
}
