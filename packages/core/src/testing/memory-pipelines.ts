// A leader's pipeline and those of its learners, joined by queues of messages in place of Zab: what is proposed is decided
// when it is told to, and every direction of every connection can be held. For tests of what the pipeline does in a role.

import { JuteReader, JuteWriter, opcodes } from '@corral/protocol';
import type { SessionId, Zxid } from '@corral/protocol';
import type { Host, Input, Moment, Note } from '../effects.ts';
import { appendRecord } from '../log/log-codec.ts';
import { readTxnPayload } from '../log/txn-codec.ts';
import type { ReplicaOptions } from '../options.ts';
import type { Ordering } from '../pipeline/ordering.ts';
import { Pipeline } from '../pipeline/pipeline.ts';
import { RestoredState } from '../restored-state.ts';
import { TestClient, plainOptions } from './memory-replica.ts';
import type { Greeting } from './memory-replica.ts';

type WithoutMoment<T> = T extends Moment ? Omit<T, keyof Moment> : never;
type Inputs = WithoutMoment<Input>;

/** Messages in one direction. */
export class Channel {
  readonly messages: (() => void)[] = [];
  isHeld = false;

  /** Delivers one message; false when there is none, or none may pass. */
  advance(): boolean {
    if (this.isHeld) return false;
    const message = this.messages.shift();
    message?.();
    return message !== undefined;
  }

  drop(): void {
    this.messages.length = 0;
  }
}

/** One server: a pipeline with its state and clients. */
export class PipelineNode implements Host {
  #turnRequested = false;
  readonly world: MemoryPipelines;
  readonly state: RestoredState;
  readonly options: ReplicaOptions;
  readonly clients: TestClient[] = [];
  readonly notes: Note[] = [];
  readonly up = new Channel();
  readonly down = new Channel();
  readonly durable = 0;
  /** Requests that went to the leader. */
  readonly forwarded: { readonly opcode: number; readonly cxid: number; readonly identities: number | null }[] = [];
  pipeline: Pipeline;

  constructor(world: MemoryPipelines, serverId: number, options: Partial<ReplicaOptions>, ordering: Ordering) {
    this.world = world;
    this.options = { ...plainOptions, serverId, ...options };
    this.state = RestoredState.fresh(this.options);
    this.pipeline = new Pipeline(this.options, this, this.state, ordering);
    this.#setClock();
  }

  /** The role ends, another one begins. */
  become(ordering: Ordering): void {
    this.run(() => this.pipeline.closeAll());
    this.pipeline = new Pipeline(this.options, this, this.state, ordering, this.pipeline);
    this.#setClock();
  }

  append(): void {
    throw new Error('there is no disk');
  }
  rollLog(): void {
    throw new Error('there is no disk');
  }
  writeSnapshot(): void {
    throw new Error('there is no disk');
  }
  requestTurn(): void {
    this.#turnRequested = true;
  }
  halt(reason: string): void {
    throw new Error(reason);
  }
  note(event: Note): void {
    if (event.kind === 'ensemble' && event.level === 'error') throw new Error(event.message);
    this.notes.push(event);
  }

  #setClock(): void {
    const { ctx } = this.pipeline;
    ctx.now = this.world.now;
    ctx.wall = plainOptions.startedAt + this.world.now;
    ctx.sessions.observe(ctx.now);
  }

  run(work: () => void): void {
    this.#setClock();
    work();
    do this.pipeline.flush(0);
    while (this.pipeline.goOn() || this.#turned());
  }

  /** The next turn of the loop, when one was asked for. */
  #turned(): boolean {
    if (!this.#turnRequested) return false;
    this.#turnRequested = false;
    this.pipeline.turn();
    return true;
  }

  step(input: Inputs): void {
    const moment = { now: this.world.now, wall: plainOptions.startedAt + this.world.now };
    this.run(() => {
      if (input.kind === 'opened') this.pipeline.opened({ ...input, ...moment });
      else if (input.kind === 'received') this.pipeline.received({ ...input, ...moment });
      else if (input.kind === 'closed') this.pipeline.closed({ ...input, ...moment });
      else if (input.kind === 'drained') this.pipeline.drained({ ...input, ...moment });
      else if (input.kind === 'tick') this.pipeline.expire();
    });
  }

  settle(): void {
    this.world.settle();
  }

  open(address = '10.0.0.1'): TestClient {
    const client = new TestClient(this, this.clients.length, address);
    this.clients.push(client);
    this.step({ kind: 'opened', connection: client.id, link: client.link, address });
    return client;
  }

  /** A client with a session. */
  connect(options: Greeting = {}): TestClient {
    const client = this.open();
    client.greet(options);
    client.greeting();
    return client;
  }

  /** The session of a client, on a new connection to this server. */
  reconnect(client: TestClient, options: Greeting = {}): TestClient {
    const { sessionId, password } = client.welcome!;
    return this.connect({ sessionId, password, ...options });
  }

  get tree(): RestoredState['tree'] {
    return this.state.tree;
  }

  get digest(): string {
    return `${this.tree.lastZxid}:${this.tree.digest.value}`;
  }
}

interface Proposal {
  readonly zxid: Zxid;
  readonly payload: Uint8Array;
}

export class MemoryPipelines {
  now = 1000;
  readonly leader: PipelineNode;
  readonly learners: PipelineNode[] = [];
  /** While true nothing is decided. */
  isHeld = false;
  /** While true no leadership is confirmed. */
  areConfirmationsHeld = false;
  /** Everything that was proposed. */
  readonly log: Proposal[] = [];
  readonly #undecided: Proposal[] = [];
  readonly #confirmations: { readonly after: number; readonly done: () => void }[] = [];

  constructor(learners = 1, options: Partial<ReplicaOptions> = {}) {
    this.leader = new PipelineNode(this, 1, options, {
      kind: 'leading',
      lastZxid: 0 as Zxid,
      propose: (header, txn, digest) => {
        const w = new JuteWriter();
        const start = appendRecord(w, header, txn, digest);
        const proposal = { zxid: header.zxid, payload: w.bytes.slice(start, w.length - 1) };
        this.log.push(proposal);
        this.#undecided.push(proposal);
      },
      confirm: (done) => this.#confirmations.push({ after: this.log.length, done }),
    });
    for (let i = 0; i < learners; i++) this.learners.push(this.#learner(i, options));
  }

  #learner(number: number, options: Partial<ReplicaOptions>): PipelineNode {
    const node: PipelineNode = new PipelineNode(this, number + 2, options, {
      kind: 'learning',
      forward: (session, cxid, opcode, body, identities) => {
        const copy = body.slice();
        node.forwarded.push({ opcode, cxid, identities: identities?.length ?? null });
        node.up.messages.push(() => {
          if (opcode === opcodes.sync) this.#answerSync(node);
          else
            this.leader.run(() =>
              this.leader.pipeline.request(number, session, cxid, opcode, new JuteReader(copy), identities),
            );
        });
      },
      revalidate: (session, timeoutMs) =>
        node.up.messages.push(() => this.#revalidate(node, number, session, timeoutMs)),
    });
    return node;
  }

  #answerSync(node: PipelineNode): void {
    const done = (): void => void node.down.messages.push(() => node.run(() => node.pipeline.learner.synced()));
    this.#confirmations.push({ after: this.log.length, done });
  }

  #revalidate(node: PipelineNode, number: number, session: SessionId, timeoutMs: number): void {
    this.leader.run(() => {
      const isValid = this.leader.pipeline.revalidateFor(number, session, timeoutMs);
      node.down.messages.push(() => node.run(() => node.pipeline.learner.revalidated(session, isValid)));
    });
  }

  get nodes(): PipelineNode[] {
    return [this.leader, ...this.learners];
  }

  /** Decides the next `count` proposals. */
  decide(count: number): void {
    const decided = this.#undecided.splice(0, count);
    const last = decided.at(-1);
    if (last === undefined) return;
    for (const learner of this.learners)
      for (const { payload } of decided)
        learner.down.messages.push(() => {
          const { header, txn, digest } = readTxnPayload(payload, 0, payload.length);
          learner.run(() => learner.pipeline.deliver(header, txn));
          if (digest !== undefined && digest.value !== learner.tree.digest.value)
            throw new Error(`the tree differs from the leader's behind ${header.zxid}`);
        });
    this.leader.run(() => this.leader.pipeline.decided(last.zxid));
  }

  #confirm(): boolean {
    const oldest = this.#confirmations[0];
    if (this.areConfirmationsHeld || oldest === undefined) return false;
    if (oldest.after > this.log.length - this.#undecided.length) return false;
    this.#confirmations.shift();
    this.leader.run(oldest.done);
    return true;
  }

  /** Lets one thing happen that is due; false when nothing is. */
  advance(): boolean {
    for (const { clients } of this.nodes) for (const client of clients) if (client.deliver()) return true;
    for (const { up } of this.learners) if (up.advance()) return true;
    if (!this.isHeld && this.#undecided.length > 0) {
      this.decide(this.#undecided.length);
      return true;
    }
    return this.#confirm() || this.learners.some(({ down }) => down.advance());
  }

  settle(): void {
    for (let steps = 0; this.advance(); steps++) if (steps > 100_000) throw new Error('it does not settle');
  }

  /** Learners tell the leader whom they have heard. */
  ping(): void {
    for (const learner of this.learners)
      for (const [session] of learner.pipeline.learner.takeTouched())
        this.leader.run(() => this.leader.pipeline.touched(session));
  }

  /** Time passes, with ticks everywhere and an answered ping in each. */
  pass(ms: number): void {
    const step = plainOptions.tickMs / 2;
    for (let left = ms; left > 0; left -= step) {
      this.now += Math.min(step, left);
      this.ping();
      for (const node of this.nodes) node.step({ kind: 'tick' });
      this.settle();
    }
  }
}
