// A whole ensemble in one process: servers with their disks and clocks, the network between them, and the checkers that
// look at everything after every event. Nothing happens but what is taken from one queue.

import type { Defect } from '@corral/core';
import { systemPaths, zxidZero } from '@corral/protocol';
import type { EnsembleConfig, Member } from '@corral/protocol';
import type { HeldConfig } from './checkers/configs.ts';
import { Watch } from './checkers/watch.ts';
import type { Violation } from './checkers/violation.ts';
import { EventQueue } from './events.ts';
import { plainKnobs } from './knobs.ts';
import type { Knobs } from './knobs.ts';
import type { MachineKind } from './machine.ts';
import { Network } from './network.ts';
import { SimNode } from './node.ts';
import { clientPort, configFile, electionPort, hostOf, nameOf, quorumPort } from './places.ts';
import { Random } from './random.ts';
import { steadyScheduler } from './scheduler.ts';
import type { Scheduler } from './scheduler.ts';
import { Trace } from './trace.ts';
import type { World } from './world.ts';

/** What may still be proposed in the turn in which a leader sees that its counter is nearly used up. */
const counterSlack = 6;

export interface ClusterOptions {
  readonly kind: MachineKind;
  readonly seed?: number;
  readonly knobs?: Knobs;
  readonly defects?: ReadonlySet<Defect>;
  readonly scheduler?: (random: Random) => Scheduler;
  /** Hears what servers do, in words. */
  readonly note?: (line: string) => void;
}

export class Cluster implements World {
  readonly seed: number;
  readonly random: Random;
  readonly queue = new EventQueue();
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly trace = new Trace();
  readonly knobs: Knobs;
  readonly config: EnsembleConfig;
  readonly kind: MachineKind;
  readonly defects: ReadonlySet<Defect>;
  readonly watch = new Watch();
  readonly nodes = new Map<number, SimNode>();
  /** Servers whose configuration file was changed by hand. */
  readonly told = new Map<number, EnsembleConfig>();
  readonly #note: ((line: string) => void) | undefined;
  /** Elections that led to a leader, by what checkers saw. */
  readonly hooks: (() => void)[] = [];

  constructor(options: ClusterOptions) {
    const { kind, seed = 1, knobs = plainKnobs, defects = new Set<Defect>() } = options;
    this.seed = seed;
    this.kind = kind;
    this.knobs = knobs;
    this.defects = defects;
    this.#note = options.note;
    this.random = new Random(seed);
    this.scheduler = options.scheduler?.(this.random.stream('scheduler')) ?? steadyScheduler;
    const random = this.random.stream('network');
    this.network = new Network(this.queue, this.scheduler, random, this.trace, knobs.windowBytes);
    this.network.watcher = this.watch;
    this.config = configOf(knobs);
    this.watch.ghost.counterMax = knobs.counterMax + counterSlack;
    const { size } = this.config.members;
    for (let sid = 1; sid <= size + knobs.joiners; sid++) {
      const role = this.config.members.get(sid)?.role;
      const node = new SimNode(this, sid);
      this.nodes.set(sid, node);
      this.network.places.set(sid, node);
      this.watch.addServer(sid, role === 'participant', node.disk);
    }
  }

  note(line: string, sid?: number): void {
    if (this.#note === undefined) return;
    this.#note(`${this.queue.now} ${sid === undefined ? '-' : nameOf(sid)} ${line}`);
  }

  configFor(sid: number): EnsembleConfig {
    const told = this.told.get(sid);
    if (told !== undefined) return told;
    if (this.config.members.has(sid)) return this.config;
    return { ...this.config, members: new Map([...this.config.members, [sid, memberOf(sid, 'participant')]]) };
  }

  node(sid: number): SimNode {
    const node = this.nodes.get(sid);
    if (node === undefined) throw new Error(`there is no server ${sid}`);
    return node;
  }

  /**
   * Members, and who was one or is to be one: without a majority of them nothing is decided while a configuration is on
   * its way, and while nobody is left who knows that it was decided.
   */
  startAll(): void {
    for (const node of this.members) node.start();
    for (const node of this.nodes.values()) if (node.starts > 0) node.start();
    for (const voters of this.watch.ghost.pendingVoters(Infinity)) for (const sid of voters) this.node(sid).start();
  }

  /** Servers that the configuration names: all, as long as nobody reconfigures. */
  get members(): SimNode[] {
    const { members } = this.watch.ghost;
    return [...this.nodes.values()].filter(({ sid }) => members === undefined || members.has(sid));
  }

  /** Servers that vote, as was decided last. */
  get voters(): number[] {
    return [...this.watch.ghost.servers.values()].filter(({ isVoter }) => isVoter).map(({ sid }) => sid);
  }

  get violation(): Violation | undefined {
    return this.watch.ghost.violation;
  }

  /** One event; false when nothing happens any more or a rule is broken. */
  step(): boolean {
    if (this.violation !== undefined || !this.queue.step()) return false;
    this.watch.afterEvent();
    for (const hook of this.hooks) hook();
    return this.violation === undefined;
  }

  /** Lets the ensemble run for so long. */
  run(ms: number): void {
    const end = this.queue.now + ms;
    while (this.queue.nextTime <= end && this.step());
    if (this.violation === undefined) this.queue.now = Math.max(this.queue.now, end);
  }

  /** Runs until something is so; false when it is not in time. */
  runUntil(isSo: () => boolean, ms: number): boolean {
    const end = this.queue.now + ms;
    while (!isSo()) {
      if (this.queue.nextTime > end || !this.step()) return isSo();
    }
    return true;
  }

  /** Everything that was broken on purpose is whole again, except what is down. */
  heal(): void {
    this.network.release();
    this.network.heal();
    for (const node of this.nodes.values()) {
      node.disk.heal();
      node.resume();
    }
  }

  /** Servers that lead, with a majority behind them, as far as one can see. */
  get leaders(): SimNode[] {
    return [...this.nodes.values()].filter((node) => {
      const machine = node.process?.machine;
      return machine?.role === 'leading' && machine.isServing;
    });
  }

  /** Whether one server leads, all serve and all hold the same. */
  get isConverged(): boolean {
    const machines = this.members.map((node) => node.process?.machine);
    const [first] = machines;
    if (this.leaders.length !== 1 || first === undefined) return false;
    return machines.every(
      (machine) => machine?.isServing === true && machine.applied === first.applied && machine.digest === first.digest,
    );
  }
}

/** What each member has as its configuration. */
export const heldConfigs = ({ members }: Cluster): HeldConfig[] =>
  members.map(({ sid, process, disk }) => {
    const path = configFile('active');
    const onDisk = disk.exists(path) ? String.fromCharCode(...disk.read(path, 0, disk.size(path))) : 'no file';
    return { sid, inMemory: process?.machine?.read(systemPaths.config) ?? 'nothing', onDisk };
  });

function configOf({ voters, observers }: Knobs): EnsembleConfig {
  const members = new Map<number, Member>();
  for (let sid = 1; sid <= voters + observers; sid++) {
    members.set(sid, memberOf(sid, sid <= voters ? 'participant' : 'observer'));
  }
  return { version: zxidZero, members };
}

/** A member as its line in the configuration says it. */
export const memberOf = (sid: number, role: Member['role']): Member => ({
  sid,
  addresses: [{ host: hostOf(sid), quorumPort, electionPort }],
  role,
  client: { host: hostOf(sid), port: clientPort },
});
