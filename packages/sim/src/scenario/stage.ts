// One ensemble on the stage of a scenario, from `boot` to its end: the cluster, its clients, what was asked and what came
// of it, and the transcript. Commands act on this.

import { readTxnPayload } from '@corral/core';
import type { Defect } from '@corral/core';
import { SimClient } from '../clients.ts';
import type { ClientOp, Done } from '../clients.ts';
import { Cluster } from '../cluster.ts';
import type { SimNode } from '../node.ts';
import { sidOfName } from '../places.ts';
import type { Knobs } from '../knobs.ts';
import type { MemberSettings } from '../member-machine.ts';
import { memberKindWith } from '../member-machine.ts';
import { ScenarioScheduler } from './pace.ts';
import { Story } from './story.ts';
import type { SentPacket } from './story.ts';

/** What does not come as a script says; the runner adds the line. */
export class Unmet extends Error {
  override readonly name = 'Unmet';
}

export interface Asked {
  readonly text: string;
  readonly client: SimClient;
  /** What was asked last: a put may turn from a create into a set. */
  op: ClientOp;
  readonly isPut: boolean;
}

export interface StageOptions {
  readonly knobs: Knobs;
  readonly settings: MemberSettings;
  readonly seed: number;
  readonly defects: ReadonlySet<Defect>;
}

/** Simulated time in which what a script waits for has to come. */
export const patienceMs = 30_000;
const errorNoNode = -101;
const errorNodeExists = -110;

export class Stage {
  readonly cluster: Cluster;
  readonly story: Story;
  readonly pace = new ScenarioScheduler();
  readonly clients = new Map<string, SimClient>();
  readonly asked = new Map<string, Asked>();
  /** Paths that a put has made. */
  readonly made = new Set<string>();
  readonly #roles = new Map<number, string>();
  /** Packets before this one are not looked at by `expect X->Y`. */
  mark = 0;
  /** Where an armed crash point has struck. */
  crashes = 0;

  constructor({ knobs, settings, seed, defects }: StageOptions) {
    this.cluster = new Cluster({
      kind: memberKindWith(settings),
      seed,
      knobs,
      defects,
      scheduler: () => this.pace,
    });
    this.story = new Story(this.cluster.watch, this.cluster.queue, (sid) => this.cluster.nodes.has(sid));
    this.cluster.network.watcher = this.story;
    // What happens must not depend on the length of a packet.
    this.cluster.network.splitPercent = 0;
    for (const sid of this.cluster.nodes.keys()) this.#roles.set(sid, 'down');
    this.cluster.hooks.push(() => this.#look());
  }

  // Servers.

  node(name: string): SimNode {
    const node = this.cluster.nodes.get(sidOfName(name));
    if (node === undefined) throw new Unmet(`there is no server ${name}`);
    return node;
  }

  nodes(names: string): SimNode[] {
    if (names === 'all') return this.cluster.members;
    return (names.match(/[A-Z]/g) ?? []).map((name) => this.node(name));
  }

  /** Tells what has become of each server since the last look. */
  #look(): void {
    for (const node of this.cluster.nodes.values()) {
      const role = roleOf(node);
      const before = this.#roles.get(node.sid);
      if (role === before) continue;
      this.#roles.set(node.sid, role);
      if (role === 'down') {
        if (node.ending?.reason.startsWith('behind ')) this.crashes++;
        this.story.tell(`${node.name} ${endingOf(node)}`);
      } else this.story.tell(`${node.name} ${role}`);
    }
  }

  start(node: SimNode): void {
    if (node.state === 'up') return;
    this.#roles.set(node.sid, 'looks for a leader');
    if (node.start()) this.#tellStart(node);
    else this.#roles.set(node.sid, 'up');
    this.#look();
  }

  #tellStart(node: SimNode): void {
    const { acceptedEpoch, currentEpoch } = this.cluster.watch.ghost.server(node.sid).history;
    this.story.tell(`${node.name} starts (accepted epoch ${acceptedEpoch}, current ${currentEpoch})`);
  }

  stop(node: SimNode, how: 'kill' | 'power'): void {
    if (how === 'kill') node.kill();
    else node.power();
    this.#look();
    this.checked();
  }

  // Time.

  run(ms: number): void {
    this.cluster.run(ms);
    this.checked();
  }

  /** Lets the ensemble run until something is so. */
  until(isSo: () => boolean, what: () => string, ms = patienceMs): void {
    const { cluster } = this;
    const isInTime = cluster.runUntil(() => cluster.violation !== undefined || isSo(), ms);
    this.checked();
    if (!isInTime) throw new Unmet(`${what()} within ${ms} ms: ${this.describe()}`);
  }

  checked(): void {
    if (this.cluster.violation !== undefined) throw this.cluster.violation;
  }

  describe(): string {
    return [...this.cluster.nodes.values()]
      .map((node) => {
        const machine = node.process?.machine;
        if (machine === undefined) return `${node.name} ${endingOf(node)}`;
        const serving = machine.isServing ? 'serving' : 'not serving';
        return `${node.name} ${machine.role}, epoch ${machine.epoch}, ${serving}`;
      })
      .join('; ');
  }

  // Clients.

  /** The client a script means: `by NAME`, `@S`, or one that takes any server. */
  client(who: string | undefined): SimClient {
    const key = who ?? 'any';
    const known = this.clients.get(key);
    if (known !== undefined) return known;
    if (who?.startsWith('@') !== true && who !== undefined) throw new Unmet(`there is no session ${who}`);
    const servers = who === undefined ? [...this.cluster.nodes.keys()] : [this.node(who.slice(1)).sid];
    return this.connect(key, servers, 100 * this.cluster.knobs.tickMs);
  }

  connect(name: string, servers: readonly number[], timeoutMs: number, twin?: SimClient): SimClient {
    const client = new SimClient(this.cluster, this.clients.size + 1, servers, timeoutMs);
    if (twin !== undefined) client.takeSession(twin);
    this.clients.set(name, client);
    client.start();
    return client;
  }

  ask(text: string, client: SimClient, op: ClientOp, isPut = false): Asked {
    const asked = { text, client, op, isPut };
    this.asked.set(text, asked);
    client.submit(op);
    return asked;
  }

  answer({ client, op }: Asked): Done | undefined {
    return client.history.find((done) => done.op === op);
  }

  /** Waits for the answer; a put makes the node it finds missing. */
  wait(asked: Asked): Done {
    for (;;) {
      this.until(
        () => this.answer(asked) !== undefined,
        () => `"${asked.text}" is not answered`,
      );
      const done = this.answer(asked)!;
      const other = asked.isPut ? otherPut(done) : undefined;
      if (other === undefined) return done;
      asked.op = other;
      asked.client.submit(other);
    }
  }

  // What was seen.

  /** Packets of a kind between two servers since the mark. */
  sent(from: number | undefined, to: number | undefined, name: string): SentPacket[] {
    return this.story.packets
      .slice(this.mark)
      .filter((p) => p.name === name && (from ?? p.from) === p.from && (to ?? p.to) === p.to);
  }

  /** The transactions that wrote a value, as their zxids. */
  zxidsOf(path: string, value: string | undefined): number[] {
    const found: number[] = [];
    for (const { zxid, payload } of this.cluster.watch.ghost.proposals.values()) {
      const { txn } = readTxnPayload(payload, 0, payload.length);
      if ((txn.kind !== 'create' && txn.kind !== 'setData') || txn.path !== path) continue;
      if (value === undefined || (txn.data !== null && String.fromCharCode(...txn.data) === value)) found.push(zxid);
    }
    return found;
  }

  /** Whether a value is in the history that a server keeps when its power fails. */
  isLogged(node: SimNode, path: string, value: string | undefined): boolean {
    const { ghost } = this.cluster.watch;
    const { history } = ghost.server(node.sid);
    const isInSnapshot = (zxid: number): boolean => zxid <= history.base && ghost.decidedHash.has(zxid);
    return this.zxidsOf(path, value).some((zxid) => history.find(zxid) !== undefined || isInSnapshot(zxid));
  }
}

/** A set of a missing node creates it, a create of an existing one sets it. */
function otherPut({ op, error }: Done): ClientOp | undefined {
  if (op.kind === 'set' && error === errorNoNode) return { ...op, kind: 'create' };
  if (op.kind === 'create' && error === errorNodeExists) return { ...op, kind: 'set' };
  return undefined;
}

function roleOf(node: SimNode): string {
  const machine = node.process?.machine;
  if (machine === undefined) return 'down';
  switch (machine.role) {
    case 'looking':
      return 'looks for a leader';
    case 'leading':
      return machine.isServing ? `leads epoch ${machine.epoch}` : 'is elected';
    case 'following':
      return machine.isServing ? `follows in epoch ${machine.epoch}` : 'has elected a leader';
    case 'observing':
      return machine.isServing ? `observes epoch ${machine.epoch}` : 'has found a leader';
  }
}

function endingOf(node: SimNode): string {
  const { ending } = node;
  if (ending === undefined) return 'is down';
  const reason = ending.reason.split('\n')[0];
  if (ending.kind === 'power') return reason === 'power failed' ? 'loses power' : `loses power ${reason}`;
  return ending.kind === 'kill' ? `is ${reason}` : `halts: ${reason}`;
}
