// A replica: one pure state machine from inputs to effects. It joins the request pipeline with the broadcast that decides
// the order of writes, and sees to snapshots, expiry and reaping in between.

import type { Zxid } from '@corral/protocol';
import { reentered } from './effects.ts';
import type { Host, Input, SnapshotSource } from './effects.ts';
import { appendRecord } from './log/log-codec.ts';
import type { ReplicaOptions } from './options.ts';
import { Pipeline } from './pipeline/pipeline.ts';
import { Reaper } from './reaper.ts';
import type { RestoredState } from './restored-state.ts';
import { Snapshots, randomFrom, snapshotOf } from './snapshots.ts';
import { LogBatches } from './zab/log-batches.ts';

export class Replica {
  readonly pipeline: Pipeline;
  readonly #broadcast: LogBatches;
  readonly #host: Host;
  readonly #options: ReplicaOptions;
  readonly #reaper: Reaper;
  readonly #snapshots: Snapshots;
  readonly #state: RestoredState;
  #halted = false;
  #isStepping = false;
  #ops = 0;
  /** Proposed since the last decision was reported. */
  #proposed = 0;

  /** `replayed`: transactions that came from the log at start; they count towards the next snapshot. */
  constructor(options: ReplicaOptions, host: Host, state: RestoredState, replayed = 0) {
    this.#options = options;
    this.#host = host;
    this.#state = state;
    this.#snapshots = new Snapshots(options, host, randomFrom(options.seed), replayed);
    this.#broadcast = new LogBatches(
      host,
      () => ++this.#ops,
      (zxid) => this.#decided(zxid),
    );
    this.pipeline = new Pipeline(options, host, state, {
      kind: 'leading',
      lastZxid: state.tree.lastZxid,
      propose: (header, txn, digest) => {
        this.#proposed++;
        appendRecord(this.#broadcast.log(header.zxid), header, txn, digest);
      },
    });
    this.#reaper = new Reaper(state.tree, options);
  }

  get isHalted(): boolean {
    return this.#halted;
  }

  /** True when no write is in flight. */
  get isIdle(): boolean {
    return this.#broadcast.idle;
  }

  /**
   * Handles one input to completion.
   *
   * @throws Error when an effect of this step calls it: the state is half way between two inputs then.
   */
  step(input: Input): void {
    if (this.#halted) return;
    if (this.#isStepping) throw new Error(reentered(input.kind));
    this.#isStepping = true;
    try {
      const { ctx } = this.pipeline;
      ctx.now = input.now;
      ctx.wall = input.wall;
      ctx.sessions.observe(input.now);
      this.#handle(input);
      do this.pipeline.flush(this.#broadcast.durable);
      while (this.pipeline.goOn());
    } catch (error) {
      // Whatever this was, the state in memory may be wrong: only what is on disk can be trusted now.
      this.#halt(`internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    } finally {
      this.#isStepping = false;
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
        this.#broadcast.turn();
        return this.pipeline.turn();
      case 'appended':
        return this.#broadcast.appended(input.op);
      case 'tick':
        return this.#tick();
      case 'diskFailed':
        return this.#halt(`the transaction log cannot be written: ${input.reason}`);
      case 'snapshotDone':
        return this.#snapshots.done(input.zxid, input.wall, input.error);
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
    this.#snapshots.decided(this.#proposed, this.#broadcast.bytesAppended, this.#state);
    this.#proposed = 0;
  }

  /** Snapshot that was written last, for reports. */
  get lastSnapshot(): Snapshots['last'] {
    return this.#snapshots.last;
  }

  /** Begins a snapshot of what is applied now; false when one is being written already. */
  startSnapshot(): boolean {
    return this.#snapshots.start(this.#broadcast.bytesAppended, this.#state);
  }

  /** The state as of now, to be pulled at leisure. One at a time. */
  snapshotSource(): SnapshotSource {
    return snapshotOf(this.#state, this.#options);
  }

  #halt(reason: string): void {
    this.#halted = true;
    this.#host.halt(reason);
  }
}
