// A replica: one pure state machine from inputs to effects. It joins the request pipeline with the broadcast that decides
// the order of writes, and sees to snapshots, expiry and reaping in between.

import type { Zxid } from '@corral/protocol';
import { zxidZero } from '@corral/protocol';
import type { Host, Input, SnapshotSource } from './effects.ts';
import { appendRecord } from './log/log-codec.ts';
import { SnapshotWriter } from './log/snapshot-writer.ts';
import type { ReplicaOptions } from './options.ts';
import { Pipeline } from './pipeline/pipeline.ts';
import { Reaper } from './reaper.ts';
import type { RestoredState } from './restored-state.ts';
import { FrozenTree } from './tree/frozen-tree.ts';
import { LogBatches } from './zab/log-batches.ts';

const nodesPerStep = 512;

export class Replica {
  readonly pipeline: Pipeline;
  readonly #broadcast: LogBatches;
  readonly #host: Host;
  readonly #options: ReplicaOptions;
  readonly #reaper: Reaper;
  readonly #random: () => number;
  #halted = false;
  #ops = 0;
  #snapshotting = false;
  #txnsSinceSnapshot: number;
  #bytesAtSnapshot = 0;
  #bytesAtRoll = 0;
  #snapshotAfterTxns = 0;
  #snapshotAfterBytes = 0;
  /** Snapshot that was written last, for reports. */
  lastSnapshot: { readonly zxid: Zxid; readonly wall: number } = { zxid: zxidZero, wall: 0 };

  /** `replayed`: transactions that came from the log at start; they count towards the next snapshot. */
  constructor(options: ReplicaOptions, host: Host, state: RestoredState, replayed = 0) {
    this.#options = options;
    this.#host = host;
    this.#random = randomFrom(options.seed);
    this.#broadcast = new LogBatches(
      host,
      () => ++this.#ops,
      (zxid) => this.#decided(zxid),
    );
    this.pipeline = new Pipeline(options, host, state, {
      kind: 'leading',
      lastZxid: state.tree.lastZxid,
      propose: (header, txn) => {
        this.#txnsSinceSnapshot++;
        appendRecord(this.#broadcast.log(header.zxid), header, txn);
      },
    });
    this.#reaper = new Reaper(state.tree, options);
    this.#txnsSinceSnapshot = replayed;
    this.#drawSnapshotMoment();
  }

  get isHalted(): boolean {
    return this.#halted;
  }

  /** True when no write is in flight. */
  get isIdle(): boolean {
    return this.#broadcast.idle;
  }

  /** Handles one input to completion. */
  step(input: Input): void {
    if (this.#halted) return;
    try {
      const { ctx } = this.pipeline;
      ctx.now = input.now;
      ctx.wall = input.wall;
      ctx.sessions.observe(input.now);
      this.#handle(input);
      this.pipeline.flush(this.#broadcast.durable);
    } catch (error) {
      // Whatever this was, the state in memory may be wrong: only what is on disk can be trusted now.
      this.#halt(`internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
  }

  #handle(input: Input): void {
    switch (input.kind) {
      case 'received':
        return this.pipeline.received(input);
      case 'opened':
        return this.pipeline.opened(input);
      case 'closed':
        return this.pipeline.closed(input);
      case 'drained':
        return this.pipeline.drained(input);
      case 'turn':
        return this.#broadcast.turn();
      case 'appended':
        return this.#broadcast.appended(input.op);
      case 'tick':
        return this.#tick();
      case 'diskFailed':
        return this.#halt(`the transaction log cannot be written: ${input.reason}`);
      case 'snapshotDone':
        return this.#snapshotDone(input);
      default:
        throw new Error(`${input.kind} is for members of an ensemble`);
    }
  }

  #tick(): void {
    const { ctx } = this.pipeline;
    this.pipeline.expire();
    for (const path of this.#reaper.due(ctx.now, ctx.wall)) this.pipeline.reap(path);
  }

  #decided(zxid: Zxid): void {
    this.pipeline.decided(zxid);
    const bytes = this.#broadcast.bytesAppended;
    const { snapBytes, logBytesMax } = this.#options;
    const isDue =
      this.#txnsSinceSnapshot > this.#snapshotAfterTxns ||
      (snapBytes > 0 && bytes - this.#bytesAtSnapshot > this.#snapshotAfterBytes);
    if (isDue && !this.#snapshotting) this.startSnapshot();
    else if (logBytesMax > 0 && bytes - this.#bytesAtRoll > logBytesMax) this.#roll();
  }

  #roll(): void {
    this.#bytesAtRoll = this.#broadcast.bytesAppended;
    this.#host.rollLog();
  }

  /** Begins a snapshot of what is applied now; false when one is being written already. */
  startSnapshot(): boolean {
    if (this.#snapshotting) return false;
    this.#snapshotting = true;
    this.#txnsSinceSnapshot = 0;
    this.#bytesAtSnapshot = this.#broadcast.bytesAppended;
    this.#drawSnapshotMoment();
    this.#roll();
    this.#host.writeSnapshot(this.snapshotSource());
    return true;
  }

  /** The state as of now, to be pulled at leisure. One at a time. */
  snapshotSource(): SnapshotSource {
    const { tree, sessions } = this.pipeline.ctx;
    const zxid = tree.lastZxid;
    const ending = {
      zxid,
      ...(this.#options.digestEnabled ? { digest: tree.digest.value } : {}),
      ...(this.#options.serializeLastZxid ? { lastZxid: zxid } : {}),
    };
    const writer = new SnapshotWriter('file');
    writer.begin(
      [...sessions.values()].filter((s) => s.persisted).map((s) => [s.id, s.timeoutMs] as const),
      tree.acls.entries(),
    );
    const frozen = new FrozenTree(tree, (node) => writer.node(node));
    let isOpen = true;
    return {
      zxid,
      next: () => {
        for (;;) {
          const chunk = writer.drain();
          if (chunk !== undefined) return chunk;
          if (!isOpen) return null;
          if (frozen.advance(nodesPerStep)) continue;
          isOpen = false;
          writer.finish(ending);
        }
      },
      abandon: () => frozen.thaw(),
    };
  }

  #snapshotDone(input: Extract<Input, { kind: 'snapshotDone' }>): void {
    this.#snapshotting = false;
    if (input.error === undefined) this.lastSnapshot = { zxid: input.zxid, wall: input.wall };
  }

  /** Servers that started together should not all write their snapshots at the same moment. */
  #drawSnapshotMoment(): void {
    const { snapCount, snapBytes } = this.#options;
    this.#snapshotAfterTxns = snapCount / 2 + this.#random() * (snapCount / 2);
    this.#snapshotAfterBytes = snapBytes / 2 + this.#random() * (snapBytes / 2);
  }

  #halt(reason: string): void {
    this.#halted = true;
    this.#host.halt(reason);
  }
}

/** Numbers in [0, 1) from a seed (a 32-bit mix of a counter). */
function randomFrom(seed: number): () => number {
  let counter = seed | 0;
  return () => {
    counter = (counter + 0x6d2b79f5) | 0;
    let x = Math.imul(counter ^ (counter >>> 15), 1 | counter);
    x ^= x + Math.imul(x ^ (x >>> 7), 61 | x);
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  };
}
