// The small-scope random run: a tiny ensemble, a handful of writes, a handful of faults, a few hundred events in an order
// that chance decides; then everything is healed and the ensemble has to come together, with nothing lost.

import { recover } from '@corral/core';
import type { Defect } from '@corral/core';
import { checkHistories, checkMultis } from './checkers/clients.ts';
import { checkConfigs } from './checkers/configs.ts';
import { checkEphemerals, checkIdle } from './checkers/sessions.ts';
import { checkRestart } from './checkers/state.ts';
import { SimClient, twin } from './clients.ts';
import type { ClientOp } from './clients.ts';
import { Cluster, heldConfigs } from './cluster.ts';
import { keepCore } from './core-mode.ts';
import { SimFiles } from './disk-files.ts';
import { historyDirs } from './disk-jobs.ts';
import { drawFaults, strike } from './faults.ts';
import type { FaultKind, PlannedFault } from './faults.ts';
import { drawKnobs } from './knobs.ts';
import type { Knobs } from './knobs.ts';
import type { MachineKind } from './machine.ts';
import type { SimNode } from './node.ts';
import { Random } from './random.ts';
import { drawReconfiguration } from './reconfigurations.ts';
import { drawScheduler } from './scheduler.ts';

export interface RunOptions {
  readonly kind: MachineKind;
  readonly seed: number;
  readonly defects?: ReadonlySet<Defect>;
  readonly knobs?: (drawn: Knobs) => Knobs;
  readonly note?: (line: string) => void;
}

export interface RunReport {
  readonly seed: number;
  readonly knobs: Knobs;
  readonly scheduler: string;
  readonly trace: string;
  readonly events: number;
  readonly simulatedMs: number;
  readonly elections: number;
  readonly syncs: { readonly DIFF: number; readonly TRUNC: number; readonly SNAP: number };
  readonly txns: number;
  readonly faults: Readonly<Record<string, number>>;
  /** pass, invariant:n, or liveness. */
  readonly verdict: string;
  readonly message?: string;
}

/** Simulated time a healed ensemble gets to come together. */
const convergenceMs = 60_000;
const paths = ['/a', '/b', '/c'] as const;
/** Timeouts of sessions: with a short one, a leader on its way out has begun to end some. */
const sessionTicks = [40, 40, 6] as const;

export function randomRun(options: RunOptions): RunReport {
  return new RandomRun(options).run();
}

class RandomRun {
  readonly #cluster: Cluster;
  readonly #random: Random;
  readonly #events: number;
  readonly #planned: PlannedFault[];
  #opAt: number[];
  readonly #clients: SimClient[] = [];
  /** Asks for other configurations, in runs that have any. */
  #administrator: SimClient | undefined;
  readonly #reconfigurations: Random;
  readonly #reconfigureAt: number[];
  readonly #struck = new Map<FaultKind, number>();
  #ops = 0;
  /** What not every run has: kinds of requests and moments to make them. */
  readonly #extra: Random;
  readonly #hasExtras: boolean;
  /** Timeout of every session of this run. */
  readonly #sessionMs: number;
  #elections = 0;

  constructor({ kind, seed, defects, knobs = (drawn) => drawn, note }: RunOptions) {
    const random = new Random(seed).stream('run');
    this.#random = random;
    this.#events = random.between(300, 1500);
    this.#extra = random.stream('extra');
    this.#hasExtras = this.#extra.chance(50);
    const drawn = knobs(drawKnobs(random.stream('knobs')));
    this.#cluster = new Cluster({
      kind,
      seed,
      knobs: drawn,
      scheduler: (stream) => drawScheduler(stream, drawn.delayMaxMs, this.#events * 2),
      ...(defects && { defects }),
      ...(note && { note }),
    });
    this.#sessionMs = random.stream('sessions').pick(sessionTicks) * drawn.tickMs;
    this.#reconfigurations = random.stream('reconfigurations');
    this.#reconfigureAt = Array.from({ length: drawn.reconfigs }, () => this.#reconfigurations.below(this.#events));
    this.#planned = drawFaults(random.stream('faults'), this.#events);
    this.#opAt = Array.from({ length: random.between(4, 8) }, () => random.below(this.#events)).sort((a, b) => a - b);
    if (!this.#hasExtras) return;
    const more = Array.from({ length: this.#extra.below(10) }, () => this.#extra.below(this.#events));
    this.#opAt = [...this.#opAt, ...more].sort((a, b) => a - b);
  }

  run(): RunReport {
    const cluster = this.#cluster;
    for (const node of this.#random.shuffle([...cluster.nodes.values()])) if (this.#startsAtOnce(node)) node.start();
    const clients = this.#random.between(1, 2);
    for (let id = 1; id <= clients; id++) this.#addClient(id);
    while (cluster.queue.count < this.#events) {
      this.#strikeDue();
      this.#operate();
      if (this.#hasExtras) this.#askNewLeader();
      this.#reconfigure();
      if (!cluster.step()) break;
    }
    for (const client of this.#everyClient) client.servers = [...cluster.nodes.keys()];
    if (cluster.violation === undefined && this.#extra.chance(20)) keepCore(cluster, this.#extra, this.#clients);
    if (cluster.violation === undefined && !this.#heal()) {
      cluster.watch.ghost.fail(43, 'liveness', this.#describe());
    }
    if (cluster.violation === undefined) this.#finalChecks();
    return this.#report();
  }

  get #everyClient(): SimClient[] {
    return [...this.#clients, ...(this.#administrator ? [this.#administrator] : [])];
  }

  /** Who is no member yet may come later. */
  #startsAtOnce({ sid }: SimNode): boolean {
    return this.#cluster.config.members.has(sid) || this.#reconfigurations.chance(50);
  }

  #addClient(id: number, servers = [...this.#cluster.nodes.keys()]): SimClient {
    const client = new SimClient(this.#cluster, id, servers, this.#sessionMs);
    this.#clients.push(client);
    client.start();
    return client;
  }

  // Chaos.

  #strikeDue(): void {
    const cluster = this.#cluster;
    const { packets } = cluster.watch;
    for (let i = this.#planned.length - 1; i >= 0; i--) {
      const { kind, trigger } = this.#planned[i];
      const isDue =
        trigger.kind === 'event' ? cluster.queue.count >= trigger.at : (packets.get(trigger.name) ?? 0) >= trigger.nth;
      if (!isDue) continue;
      this.#planned.splice(i, 1);
      if (strike(cluster, this.#random, kind)) this.#struck.set(kind, (this.#struck.get(kind) ?? 0) + 1);
    }
  }

  #operate(): void {
    if (this.#opAt.length === 0 || this.#cluster.queue.count < this.#opAt[0]) return;
    this.#opAt.shift();
    const client = this.#working(this.#random.pick(this.#clients));
    const op = this.#drawOp();
    if (!this.#hasExtras || !this.#extra.chance(40)) return client.submit(op);
    if (this.#extra.chance(5)) return client.stop(); // its session will expire
    for (const each of this.#extraOps()) client.submit(each);
  }

  /** Who has left is replaced by a new client. */
  #working(client: SimClient): SimClient {
    return client.isStopped ? this.#addClient(this.#clients.length + 1) : client;
  }

  #extraOps(): ClientOp[] {
    const name = `${++this.#ops}`;
    switch (this.#extra.below(5)) {
      case 0:
      case 1:
        return [{ kind: 'create', path: '/s-', value: name, sequential: true }];
      case 2:
      case 3:
        return [{ kind: 'multi', path: `/m${name}`, value: name }];
      default:
        return this.#extra.chance(30) ? [{ kind: 'close', path: '/' }] : readBehindSync('/a');
    }
  }

  /** A leader has just begun: somebody writes there, and all others ask where they are, maybe whoever led before. */
  #askNewLeader(): void {
    const { established } = this.#cluster.watch.ghost;
    if (established.size === this.#elections) return;
    this.#elections = established.size;
    if (established.size < 2 || this.#clients.length > 3 || !this.#extra.chance(50)) return;
    const readers = [...this.#clients];
    const writer = this.#addClient(this.#clients.length + 1, [[...established.values()].at(-1)!]);
    writer.submit({ kind: 'create', path: `/w${++this.#ops}`, value: 'new' });
    const ask = (): void => {
      for (const reader of readers) if (reader.isIdle) for (const op of readBehindSync('/a')) reader.submit(op);
    };
    for (const delay of [30, 60, 120, 240]) this.#cluster.queue.after(delay, ask);
  }

  /** Somebody wants another configuration; whom it names is started, so that it can be had. */
  #reconfigure(): void {
    const cluster = this.#cluster;
    const due = this.#reconfigureAt.findIndex((at) => cluster.queue.count >= at);
    if (due < 0) return;
    this.#reconfigureAt.splice(due, 1);
    for (const node of cluster.nodes.values()) if (node.starts === 0) node.start();
    if (this.#administrator === undefined) {
      const servers = [...cluster.nodes.keys()];
      this.#administrator = new SimClient(cluster, 90, servers, this.#sessionMs);
      this.#administrator.start();
    }
    this.#administrator.submit(drawReconfiguration(cluster, this.#reconfigurations));
  }

  #drawOp(): ClientOp {
    const random = this.#random;
    const path = random.pick(paths);
    const value = `${++this.#ops}`.padStart(this.#cluster.knobs.dataBytes, '.');
    switch (random.below(10)) {
      case 0:
        return { kind: 'delete', path };
      case 1:
      case 2:
        return { kind: 'get', path };
      case 3:
        return { kind: 'sync', path };
      case 4:
        return { kind: 'create', path: `/e${this.#ops}`, value, ephemeral: true };
      case 5:
      case 6:
        return { kind: 'set', path, value };
      default:
        return { kind: 'create', path, value };
    }
  }

  // The end.

  /** Everything works again: does the ensemble? */
  #heal(): boolean {
    const cluster = this.#cluster;
    cluster.note('everything is healed');
    const deadline = cluster.queue.now + convergenceMs;
    cluster.heal();
    for (const node of cluster.nodes.values()) node.process?.jobs.lane.release();
    while (cluster.queue.now < deadline && cluster.violation === undefined) {
      cluster.network.release();
      cluster.network.heal();
      cluster.startAll();
      cluster.run(200);
      const isQuiet = this.#everyClient.every((client) => client.isIdle);
      if (isQuiet && cluster.isConverged && this.#allStarted()) return true;
    }
    return cluster.violation !== undefined;
  }

  #allStarted(): boolean {
    return this.#cluster.members.every(({ state }) => state === 'up');
  }

  #describe(): string {
    const servers = [...this.#cluster.nodes.values()].map((node) => {
      const machine = node.process?.machine;
      if (machine === undefined) return `${node.name} ${node.state} (${node.ending?.reason ?? 'never started'})`;
      const serving = machine.isServing ? 'serving' : 'not serving';
      return `${node.name} ${machine.role} epoch ${machine.epoch} at ${machine.applied} ${serving}`;
    });
    const clients = this.#everyClient.map((client) => `client ${client.id} ${client.isIdle ? 'idle' : 'waits'}`);
    return `${convergenceMs} ms after everything was healed: ${[...servers, ...clients].join('; ')}`;
  }

  #finalChecks(): void {
    const cluster = this.#cluster;
    const { ghost } = cluster.watch;
    const expected = checkHistories(
      ghost,
      this.#everyClient.map(({ history }) => history),
    );
    if (ghost.violation !== undefined) return;
    this.#readBack(expected);
    if (this.#hasExtras) this.#expectIdleSessionsToEnd();
    for (const node of cluster.nodes.values()) this.#scanDisk(node);
    cluster.runUntil(() => cluster.members.every(({ process }) => process?.jobs.lane.isIdle === true), convergenceMs);
    if (cluster.violation === undefined) checkConfigs(ghost, heldConfigs(cluster));
  }

  #readBack(expected: readonly { readonly path: string; readonly value: string | null }[]): void {
    const { ghost } = this.#cluster.watch;
    const multis = this.#clients.flatMap(({ history }) => history.filter(({ op }) => op.kind === 'multi'));
    const reader = this.#addClient(99);
    const all = [...expected.map(({ path }) => path), ...multis.flatMap(({ op }) => [op.path, op.path + twin])];
    // A leader that makes room for a new epoch may come between.
    for (let attempt = 0; attempt < 5; attempt++) {
      for (const path of all) if (valueIn(reader, path) === 'unreadable') reader.submit({ kind: 'get', path });
      this.#cluster.runUntil(() => reader.isIdle, convergenceMs);
    }
    for (const { path, value } of expected) {
      const found = valueIn(reader, path);
      if (found !== value) ghost.fail(16, 'committed durability', `${path} should be ${value}, it is ${found}`);
    }
    checkMultis(ghost, multis, (path) => valueIn(reader, path));
  }

  /** Every client leaves without a word. A leader that begins meanwhile gives every session its full time again. */
  #expectIdleSessionsToEnd(): void {
    const cluster = this.#cluster;
    const { ghost } = cluster.watch;
    for (const client of this.#everyClient) client.stop();
    // The end has to be decided as well, on disks and links that may still be slow.
    const idleMs = 2 * this.#sessionMs + convergenceMs;
    const left = (): SimNode | undefined =>
      cluster.members.find(({ process }) => process?.machine === undefined || process.machine.sessions.length > 0);
    for (let leaders = -1; leaders !== ghost.established.size && left() !== undefined;) {
      leaders = ghost.established.size;
      cluster.runUntil(() => left() === undefined, idleMs);
    }
    const late = left();
    if (late !== undefined) checkIdle(ghost, late.sid, late.process?.machine?.sessions ?? [], idleMs);
  }

  /** What a restart would find is what the server has in memory (20, 21). */
  #scanDisk(node: SimNode): void {
    const { kind, knobs, watch } = this.#cluster;
    const machine = node.process?.machine;
    if (machine === undefined || this.#cluster.violation !== undefined) return;
    const files = new SimFiles(node.disk);
    const options = { ...historyDirs, readOnly: true };
    const { target, lastZxid } = recover(files, options, () => kind.emptyState(node.sid, knobs));
    checkEphemerals(watch.ghost, node.sid, target);
    // Of transactions behind which the tree was another than their leader had said.
    const { digestMismatches } = target;
    if (digestMismatches > 0)
      watch.ghost.fail(20, 'recovery', `server ${node.sid}: ${digestMismatches} recorded digests are not the tree's`);
    target.finish();
    checkRestart(watch.ghost, node.sid, lastZxid, target.tree.digest.value);
  }

  #report(): RunReport {
    const { seed, knobs, scheduler, trace, queue, watch, violation } = this.#cluster;
    const count = (name: 'diff' | 'trunc' | 'snap'): number => watch.packets.get(name) ?? 0;
    const invariant = violation?.invariant;
    const failed = invariant === 43 ? 'liveness' : `invariant:${invariant}`;
    return {
      seed,
      knobs,
      scheduler: scheduler.name,
      trace: trace.value,
      events: queue.count,
      simulatedMs: queue.now,
      elections: watch.ghost.established.size,
      syncs: { DIFF: count('diff'), TRUNC: count('trunc'), SNAP: count('snap') },
      txns: watch.ghost.decided.length,
      faults: Object.fromEntries([...this.#struck].sort(([a], [b]) => (a < b ? -1 : 1))),
      verdict: violation === undefined ? 'pass' : failed,
      ...(violation && { message: violation.message }),
    };
  }
}

const readBehindSync = (path: string): ClientOp[] => [
  { kind: 'sync', path },
  { kind: 'get', path },
];

/** What a client has read last; null: there was no such node. */
function valueIn(reader: SimClient, path: string): string | null {
  const read = reader.history.filter((done) => done.op.path === path && done.outcome !== 'unknown').at(-1);
  if (read === undefined) return 'unreadable';
  return read.outcome === 'ok' ? (read.value ?? null) : null;
}
