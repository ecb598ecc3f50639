// A member of an ensemble: one pure state machine from inputs to effects, like the replica of a standalone server. It joins
// the request pipeline, which knows sessions and trees, with Zab, which knows bytes with a zxid.

import {
  EnsembleConfigError,
  ProtocolError,
  counterOf,
  decodeText,
  formatEnsembleConfig,
  encodeText,
  formatZxid,
  epochOf,
  parseEnsembleConfig,
  systemPaths,
} from '@corral/protocol';
import type { EnsembleConfig, Epoch, HandOver as HandOverFacts, JuteReader, SessionId, Zxid } from '@corral/protocol';
import { reentered } from './effects.ts';
import type { EnsembleHost, Entry, Input, Moment, RecoveryTarget, SnapshotSource } from './effects.ts';
import { appendRawRecord, appendRecord } from './log/log-codec.ts';
import { SnapshotReader } from './log/snapshot-reader.ts';
import { peekType, readTxnPayload, txnHeaderBytes } from './log/txn-codec.ts';
import type { Txn } from './log/txn.ts';
import type { ReplicaOptions } from './options.ts';
import { applyTxn } from './pipeline/apply.ts';
import { Pipeline } from './pipeline/pipeline.ts';
import type { Ordering as PipelineOrdering } from './pipeline/ordering.ts';
import { Reaper } from './reaper.ts';
import { RecordedDigests } from './recorded-digests.ts';
import { RestoredState } from './restored-state.ts';
import { Succession } from './succession.ts';
import { Snapshots, randomFrom, snapshotOf } from './snapshots.ts';
import type { HandOver } from './zab/hand-over.ts';
import { UnreadableTxn } from './zab/learner-safety.ts';
import { Peer } from './zab/peer.ts';
import type {
  Application,
  EnsembleOptions,
  Epochs,
  Identities,
  IncomingSnapshot,
  LeaderAccess,
  Ordering,
  RestoredHistory,
} from './zab/zab.ts';

/** What the disk of a member holds when it starts. */
export interface Recovered {
  readonly state: RestoredState;
  readonly replayed: number;
  readonly epochs: Epochs;
  /** The server may have lost what it promised: it has no vote until it is synchronised. */
  readonly isUnknown: boolean;
  /** There is no snapshot on disk. */
  readonly isEmpty: boolean;
}

/** Type of a reconfiguration's transaction. */
const reconfigType = 16;
/** How long requests in flight may hold up a hand-over. */
const partingMsMax = 2000;
/** How long learners have to say that they hold their clients back: those of other make never do. */
const answerMsMax = 250;

/** A leader that told a wrong digest lets another lead for a moment. */
const restAfterDoubtMs = 2000;

/** No request is taken any more; the role ends when those in flight are answered, or at `until`. */
interface Parting {
  readonly reason: string;
  readonly next: 'self' | 'another';
  readonly restMs: number;
  readonly until: number;
  /** Leading: the hand-over, and until when its answers are waited for. */
  readonly handOver: HandOver | undefined;
  readonly answersUntil: number;
}

export class Member implements Application {
  pipeline: Pipeline;
  readonly peer: Peer;
  readonly #host: EnsembleHost;
  readonly #options: ReplicaOptions;
  readonly #ensemble: EnsembleOptions;
  readonly #snapshots: Snapshots;
  #state: RestoredState;
  readonly #digests: RecordedDigests;
  #reaper: Reaper | undefined;
  #halted = false;
  #isStepping = false;
  #parting: Parting | undefined;
  readonly #succession: Succession;
  #wakeAt = Infinity;
  #now = 0;
  #wall = 0;

  constructor(options: ReplicaOptions, ensemble: EnsembleOptions, host: EnsembleHost, recovered: Recovered) {
    this.#options = options;
    this.#ensemble = ensemble;
    this.#host = host;
    this.#state = recovered.state;
    this.#digests = new RecordedDigests(options.digestEnabled, recovered.state.comparableFrom);
    this.#succession = new Succession(ensemble.syncLimitMs);
    const random = randomFrom(options.seed);
    this.#snapshots = new Snapshots(options, host, random, recovered.replayed);
    this.pipeline = new Pipeline(options, host, this.#state, { kind: 'closed' });
    this.peer = new Peer({
      options: ensemble,
      host,
      app: this,
      start: { ...recovered, history: historyOf(this.#state) },
      random,
      frame: appendRawRecord,
    });
  }

  get isHalted(): boolean {
    return this.#halted;
  }

  /** True when no write is in flight, and no hand-over under way. */
  get isIdle(): boolean {
    return this.#parting === undefined && this.peer.isSettled && this.pipeline.outstandingCount === 0;
  }

  /** Lets another server lead: this one keeps out of elections for `restMs`, or for good when it stops. */
  handOver(moment: { readonly now: number; readonly wall: number }, restMs: number): void {
    this.#guarded(moment, 'handOver', () => this.makeWay('handing over', 'another', restMs));
  }

  /** True from a hand-over on until the role has ended. */
  get isMakingWay(): boolean {
    return this.#parting !== undefined;
  }

  makeWay(reason: string, next: 'self' | 'another' = 'self', restMs = 0): void {
    if (this.#parting !== undefined) return;
    const { syncLimitMs } = this.#ensemble;
    const until = this.#now + Math.min(partingMsMax, syncLimitMs);
    const answersUntil = this.#now + Math.min(answerMsMax, syncLimitMs / 4);
    this.pipeline.hold();
    this.#parting = { reason, next, restMs, until, handOver: this.peer.handOver(), answersUntil };
  }

  hold(): void {
    this.pipeline.hold();
  }

  /** Whether requests of learners may still come that are to be answered. */
  get #isAwaitingLearners(): boolean {
    const { handOver, answersUntil = 0 } = this.#parting ?? {};
    return handOver?.isAnswered === false && this.#now < answersUntil;
  }

  /** What was in flight is answered, or has had its time: the role ends. */
  #part(): void {
    if (this.#parting === undefined) return;
    const { reason, next, restMs, until, handOver } = this.#parting;
    const mustWait = this.#isAwaitingLearners || this.pipeline.outstandingCount > 0;
    if (this.peer.isServing && mustWait && this.#now < until) return;
    this.#parting = undefined;
    const { owners } = this.pipeline;
    const successor = handOver?.successor(next);
    if (successor === undefined || handOver?.finish(successor, owners) !== true)
      return this.peer.resign(reason, restMs);
    // A server that stops keeps nothing.
    if (restMs < Infinity) this.handedOver({ successor, owners }, this.peer.epochs.current as Epoch);
    this.peer.resign(reason, restMs, successor);
  }

  handedOver(over: HandOverFacts, epoch: Epoch): void {
    this.#succession.announce(over, epoch, this.#now);
  }

  get lastSnapshot(): Snapshots['last'] {
    return this.#snapshots.last;
  }

  /** Begins: looks for a leader. */
  start(moment: { readonly now: number; readonly wall: number }): void {
    this.#guarded(moment, 'start', () => this.peer.start());
  }

  /**
   * Handles one input to completion.
   *
   * @throws Error when an effect of this step calls it: the state is half way between two inputs then.
   */
  step(input: Input): void {
    this.#guarded(input, input.kind, () => this.#handle(input));
  }

  #guarded({ now, wall }: Moment, what: string, work: () => void): void {
    if (this.#halted) return;
    if (this.#isStepping) throw new Error(reentered(what));
    this.#isStepping = true;
    try {
      this.#now = this.peer.now = now;
      this.#wall = this.peer.wall = wall;
      this.#setClock();
      work();
      this.#part();
      // The clients find another server.
      if (this.#succession.hasFailed(this.#now) && this.pipeline.ordering.kind === 'closed') this.pipeline.closeAll();
      do {
        this.peer.flush();
        this.pipeline.flush(this.peer.durable);
      } while (this.pipeline.goOn());
      this.#askToBeWoken();
    } catch (error) {
      // Whatever this was, the state in memory may be wrong: only what is on disk can be trusted now.
      this.#halt(`internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    } finally {
      this.#isStepping = false;
    }
  }

  #setClock(): void {
    const { ctx } = this.pipeline;
    ctx.now = this.#now;
    ctx.wall = this.#wall;
    ctx.sessions.observe(this.#now);
  }

  #askToBeWoken(): void {
    const { until = Infinity, answersUntil = Infinity } = this.#parting ?? {};
    const answers = answersUntil > this.#now ? answersUntil : Infinity;
    const deadline = Math.min(this.peer.deadline, until, answers, this.#succession.deadline);
    if (deadline === this.#wakeAt) return;
    this.#wakeAt = deadline;
    if (deadline < Infinity) this.#host.wakeAt(deadline);
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
        this.peer.turn();
        return this.pipeline.turn();
      case 'appended':
        return this.peer.appended(input.op);
      case 'tick':
        return this.#tick();
      case 'diskFailed':
        return this.#halt(`the disk failed: ${input.reason}`);
      case 'snapshotDone':
        return this.#snapshots.done(input.zxid, input.wall, input.error);
      default:
        return this.peer.step(input);
    }
  }

  #tick(): void {
    if (this.#now >= this.#wakeAt) this.#wakeAt = Infinity;
    this.pipeline.expire();
    if (this.#reaper !== undefined)
      for (const path of this.#reaper.due(this.#now, this.#wall)) this.pipeline.reap(path);
    this.peer.tick();
  }

  #halt(reason: string): void {
    this.#halted = true;
    this.#host.halt(reason);
  }

  // Snapshots.

  /** Not while this server looks for a leader: what it holds then may not be decided. */
  startSnapshot(): boolean {
    return this.peer.isServing && this.#snapshots.start(this.peer.batches.bytesAppended, this.#state);
  }

  snapshotSource(): SnapshotSource {
    return snapshotOf(this.#state, this.#options);
  }

  // The state machine, as Zab drives it.

  get applied(): Zxid {
    return this.#state.tree.lastZxid;
  }

  deliver(entry: Entry): boolean {
    const { header, txn, digest } = readTxnPayload(entry.payload, 0, entry.payload.length, 'inPlace');
    this.pipeline.deliver(header, txn);
    if (this.pipeline.ordering.kind === 'learning') {
      this.pipeline.ctx.stats.observe?.('propagation', Math.max(0, this.#wall - header.time));
      this.#snapshots.decided(1, this.peer.batches.bytesAppended, this.#state);
    }
    return this.#digests.agree(header.zxid, digest, this.pipeline.ctx);
  }

  assume(entry: Entry): void {
    const { header, txn, digest } = readTxnPayload(entry.payload, 0, entry.payload.length, 'inPlace');
    this.pipeline.closeAll();
    applyTxn(this.#state, header, txn);
    if (this.#digests.agree(header.zxid, digest, this.pipeline.ctx)) return;
    const facts = { zxid: formatZxid(header.zxid) };
    this.peer.note(
      'error',
      'the data of this server differs from that of the leader whose history it goes on with',
      facts,
    );
  }

  decided(zxid: Zxid): void {
    const before = this.applied;
    this.pipeline.decided(zxid);
    if (this.#digests.isInDoubt(this.pipeline.ctx, this.#now))
      this.makeWay('the tree here is not the one whose digest this leader told', 'another', restAfterDoubtMs);
    const txns = counterOf(zxid) - (epochOf(before) === epochOf(zxid) ? counterOf(before) : 0);
    this.#snapshots.decided(txns, this.peer.batches.bytesAppended, this.#state);
  }

  lead(ordering: Ordering): void {
    const owners = this.#succession.take(this.#ensemble.sid, epochOf(ordering.epochStart), this.#now);
    this.#reaper = new Reaper(this.#state.tree, this.#options);
    const leading: PipelineOrdering = {
      kind: 'leading',
      lastZxid: ordering.epochStart,
      turnsClientsAway: !this.#ensemble.leaderServes,
      propose: (header, txn, digest) => {
        const out = ordering.begin(header.zxid);
        const start = appendRecord(out, header, txn, digest);
        ordering.end(header.zxid, out.bytes.subarray(start, out.length - 1));
      },
      confirm: (done) => ordering.confirm(done),
      plan: (request, zxid) => ordering.plan(request, request.version, zxid),
      reconfigure: (zxid, config) => ordering.reconfigure(zxid, config),
    };
    // Where a leader has no clients, those of the follower it was find another server.
    this.#serve(leading, owners !== undefined && this.#ensemble.leaderServes, owners);
  }

  follow(leader: LeaderAccess, sid: number, epoch: Epoch): void {
    this.#digests.caughtUp(this.peer.history.last);
    const learning: PipelineOrdering = {
      kind: 'learning',
      forward: (session, cxid, opcode, body, identities) => leader.request(session, cxid, opcode, body, identities),
      revalidate: (session, timeoutMs) => leader.revalidate(session, timeoutMs),
    };
    this.#serve(learning, this.#succession.take(sid, epoch, this.#now) !== undefined);
  }

  serveReadOnly(): void {
    this.#serve({ kind: 'readOnly' });
  }

  stop(): void {
    this.#reaper = undefined;
    this.#serve({ kind: 'closed' }, this.#succession.isPending);
  }

  /** Begins a role, with the connections of the one before that have nothing in flight, if it goes on from there. */
  #serve(ordering: PipelineOrdering, continues = false, owners?: ReadonlyMap<SessionId, number>): void {
    const before = this.pipeline;
    this.#parting = undefined;
    const kept = continues ? before.giveAway() : [];
    if (!continues) before.closeAll();
    before.flush(this.peer.durable);
    this.pipeline = new Pipeline(this.#options, this.#host, this.#state, ordering, before, kept, owners);
    this.#setClock();
    if (ordering.kind !== 'closed') this.pipeline.resume();
    else if (continues) this.pipeline.hold();
  }

  configured(config: EnsembleConfig): void {
    const { tree } = this.#state;
    const data = encodeText(formatEnsembleConfig(config));
    const node = tree.find(systemPaths.config);
    if (node < 0) tree.ensureConfigNode();
    else if (sameBytes(tree.data(node), data)) return;
    const header = { clientId: 0n as SessionId, cxid: 0, zxid: config.version, time: this.#wall };
    tree.apply(header, { kind: 'setData', code: reconfigType, path: systemPaths.config, data, version: -1 });
  }

  check(zxid: Zxid, payload: Uint8Array): EnsembleConfig | undefined {
    try {
      const { header, txn } = readTxnPayload(payload, 0, payload.length, 'inPlace');
      if (header.zxid !== zxid) throw new ProtocolError(`its content says ${formatZxid(header.zxid)}`);
      return configIn(txn);
    } catch (error) {
      if (!(error instanceof ProtocolError) && !(error instanceof EnsembleConfigError)) throw error;
      const type = payload.length < txnHeaderBytes ? 'none' : peekType(payload, 0);
      throw new UnreadableTxn(
        `transaction ${formatZxid(zxid)} of type ${type} (${error.message}). It was not logged here. ` +
          'If the leader runs a newer version, upgrade this server',
      );
    }
  }

  configOf({ payload }: Entry): EnsembleConfig | undefined {
    if (peekType(payload, 0) !== reconfigType) return undefined;
    return configIn(readTxnPayload(payload, 0, payload.length).txn);
  }

  request(
    learner: number,
    session: SessionId,
    cxid: number,
    opcode: number,
    body: JuteReader,
    identities: Identities,
  ): void {
    if (this.#parting !== undefined && !this.#isAwaitingLearners) return; // its client asks again
    this.pipeline.request(learner, session, cxid, opcode, body, identities?.filter(isIdentity) ?? null);
  }

  revalidate(learner: number, session: SessionId, timeoutMs: number): boolean {
    return this.pipeline.revalidateFor(learner, session, timeoutMs);
  }

  touched(session: SessionId): void {
    this.pipeline.touched(session);
  }

  revalidated(session: SessionId, isValid: boolean): void {
    this.pipeline.learner.revalidated(session, isValid);
  }

  synced(): void {
    this.pipeline.learner.synced();
  }

  takeTouched(): readonly (readonly [SessionId, number])[] {
    return this.pipeline.learner.takeTouched();
  }

  // The state as a whole.

  snapshot(form: 'stream' | 'file'): SnapshotSource {
    return snapshotOf(this.#state, this.#options, form);
  }

  receiveSnapshot(): IncomingSnapshot {
    const state = new RestoredState(this.#options);
    const reader = new SnapshotReader(state, 'stream');
    return {
      push: (bytes, start, end) => {
        reader.push(bytes.subarray(start, end));
        return reader.done ? end - reader.leftover().length : end;
      },
      get isComplete() {
        return reader.done;
      },
      source: (zxid) => {
        state.snapshotDone({ zxid });
        return snapshotOf(state, this.#options);
      },
      adopt: () => {
        this.#adopt(state);
        this.#digests.comparableFrom = Infinity;
      },
    };
  }

  reload(): { makeTarget(): RecoveryTarget; adopt(): RestoredHistory } {
    let target: RestoredState | undefined;
    return {
      makeTarget: () => (target = new RestoredState(this.#options, this.#ensemble.commitLogCount)),
      adopt: () => {
        if (target === undefined) throw new Error('the state was not restored');
        this.#adopt(target);
        return historyOf(target);
      },
    };
  }

  #adopt(state: RestoredState): void {
    state.finish();
    this.#state = state;
    this.#digests.comparableFrom = state.comparableFrom;
    this.#serve({ kind: 'closed' });
    this.configured(this.peer.quorums.committed.config);
  }
}

function configIn(txn: Txn): EnsembleConfig | undefined {
  if (txn.kind !== 'setData' || txn.code !== reconfigType || txn.data === null) return undefined;
  return parseEnsembleConfig(decodeText(txn.data, 0, txn.data.length));
}

const historyOf = ({ base, entries }: RestoredState): RestoredHistory => ({ base, entries });

const isIdentity = (id: { scheme: string | null; id: string | null }): id is { scheme: string; id: string } =>
  id.scheme !== null && id.id !== null;

function sameBytes(a: Uint8Array | null, b: Uint8Array): boolean {
  return a?.length === b.length && a.every((byte, i) => byte === b[i]);
}
