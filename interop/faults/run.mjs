// One run of the fault test: the cluster and its load are started, faults come one by one, each is undone and recovered
// from, and in the end everything that was acknowledged is held against every server.

import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Writer } from '../ensemble/writers.mjs';
import { Random } from '../fuzz/random.mjs';
import { Checks } from '../lib/checks.mjs';
import { Wire, body, op } from '../lib/wire.mjs';
import { Cluster } from './cluster.mjs';
import { heavyLoad, heavyRoot } from './heavy.mjs';
import { kinds, shuffle } from './kinds.mjs';
import { Network } from './network.mjs';
import { Probes } from './probe.mjs';
import { verifyEnd } from './verify.mjs';
import { Rover } from './rover.mjs';

const writerProgram = [process.execPath, [join(dirname(fileURLToPath(import.meta.url)), 'writer.mjs')]];
const quietMs = [300, 1200];
const acceptedMs = 60_000;

export class FaultRun {
  checks = new Checks();
  results = [];
  deck = [];

  constructor(options) {
    Object.assign(this, options);
    this.random = new Random(this.seed);
  }

  async run() {
    console.log(`seed ${this.seed}, ${this.servers} servers (${this.kind}), ${this.faults} faults`);
    const started = Date.now();
    try {
      await this.begin();
      for (let at = 1; at <= this.faults; at += 1) if (!(await this.fault(at))) break;
      this.checks.record(`${this.faults} faults were done`, this.results.length === this.faults);
      await this.end();
    } catch (error) {
      this.checks.record('the test ran to its end', false, error.stack);
    } finally {
      for (const writer of this.writers ?? []) writer.child.kill('SIGKILL');
      await this.cluster?.close({ keep: this.checks.failed > 0 });
    }
    this.report((Date.now() - started) / 1000);
    this.checks.finish();
    return process.exitCode;
  }

  async begin() {
    const network = new Network(this.servers);
    await network.up();
    this.cluster = await Cluster.at(network, this.kind);
    await this.cluster.start();
    await this.cluster.whole();
    const places = this.cluster.members.map(({ address, port }) => ({ host: address, port }));
    const wire = await Wire.open(places[0].port, places[0]);
    for (const path of ['/faults', '/faults/shared', '/faults/seq', heavyRoot])
      await wire.call(op.create, body.create(path, null));
    await wire.close();
    this.rovers = Array.from({ length: this.clients }, (_, index) => {
      return new Rover(index, places, { random: new Random(this.seed + index), perSecond: this.rate });
    });
    this.roving = this.rovers.map((rover) => rover.run());
    if (this.heavy) this.heavyLoad = heavyLoad(places, { ...this.heavy, seed: this.seed });
    this.heavyLoad?.start();
    const hosts = this.cluster.hosts.join(',');
    this.writers = [
      new Writer('kazoo', hosts, { delayMs: 20 }),
      new Writer('corral', hosts, { delayMs: 20, program: writerProgram }),
    ];
    for (const writer of this.writers) await writer.until('session');
    for (let tries = 0; this.rovers.some(({ ready }) => !ready) || this.heavyLoad?.ready === false; tries += 1) {
      this.inspect();
      if (tries > 1000) throw new Error('not every client could begin');
      await sleep(20);
    }
    // Apache's leader answers a sync without asking whether it still leads.
    const floor = () => Math.max(0, ...this.rovers.map(({ shared }) => shared.at(-1)?.version ?? 0));
    this.probes = new Probes(places, { floor: this.kind === 'corral' ? floor : undefined });
    await this.probes.accepted(acceptedMs);
  }

  /** One fault, undone again; false when there is no point in going on. */
  async fault(at) {
    await sleep(this.span(quietMs));
    const name = this.draw();
    const kind = kinds[name];
    const holdMs = kind.holdMs ?? this.span(this.hold);
    const result = { name };
    return this.checks.check(`fault ${at}: ${name}`, async () => {
      const leader = await this.cluster.leader();
      const { victims, undo } = await kind.strike(this.cluster, this.random);
      const accepted = kind.outage ? null : this.probes.accepted(acceptedMs);
      accepted?.catch(() => {});
      await sleep(holdMs);
      const note = await undo();
      const healed = Date.now();
      result.recovery = await (accepted ?? this.probes.accepted(acceptedMs));
      await this.cluster.whole();
      result.whole = Date.now() - healed;
      this.results.push(result);
      this.describe(at, name, { leader, victims, holdMs, result, note });
      this.inspect();
    });
  }

  /** Every kind once, in random order, before any comes again. */
  draw() {
    if (this.deck.length === 0) this.deck = shuffle(this.random, this.only);
    return this.deck.pop();
  }

  describe(at, name, { leader, victims, holdMs, result, note }) {
    const who = victims.map(({ sid }) => sid).join(',');
    const times = `accepted after ${result.recovery} ms, whole ${result.whole} ms after the end of it`;
    console.log(`       leader ${leader.sid}, struck ${who} for ${holdMs} ms: ${times}${note ? `; ${note}` : ''}`);
  }

  /** What went wrong meanwhile ends the test. */
  inspect() {
    const problems = [
      ...this.rovers.flatMap((rover) => rover.problems),
      ...(this.heavyLoad?.problems ?? []),
      ...this.writers.flatMap((each) => each.trouble),
      ...(this.probes?.problems ?? []),
    ];
    for (const { sid, ends } of this.cluster.members) {
      for (const end of ends.splice(0)) problems.push(`server ${sid} ended by itself: ${end}`);
    }
    if (problems.length > 0) throw new Error(`${problems.length}: ${problems.slice(0, 4).join('; ')}`);
  }

  span([low, high]) {
    return low + this.random.below(high - low);
  }

  async end() {
    await this.cluster.network.heal();
    for (const member of this.cluster.members) if (!member.running) member.launch();
    await this.cluster.whole();
    await this.probes.accepted(acceptedMs);
    await this.probes.stop();
    await this.heavyLoad?.end();
    this.inspect();
    // Sessions have to last until everything has been read.
    for (const writer of this.writers) await writer.pause();
    for (const rover of this.rovers) rover.stop();
    await Promise.all(this.roving);
    for (const rover of this.rovers) {
      await rover.attach();
      await rover.settle();
      rover.hold();
    }
    await verifyEnd(this);
    for (const rover of this.rovers) rover.wire.drop();
  }

  report(seconds) {
    const total = (list, value) => list.reduce((sum, item) => sum + value(item), 0);
    const rovers = this.rovers ?? [];
    const acked = total(rovers, ({ acked, shared, sequential }) => acked + shared.length + sequential.size);
    if (this.heavyLoad) console.log(`\n${this.heavyLoad}`);
    const writers = (this.writers ?? []).map(({ name, acked }) => `${name} ${acked}`).join(', ');
    console.log(
      `\n${acked} writes of the load acknowledged, ${total(rovers, ({ moves }) => moves)} connections; ${writers}`,
    );
    console.log(
      `${seconds.toFixed(0)} s. Milliseconds until a write was accepted, and until all served after the end:`,
    );
    console.log(`  ${'fault'.padEnd(32)}count  median   worst     all median   worst`);
    for (const name of [...Object.keys(kinds), 'all']) {
      const some = this.results.filter((result) => name === 'all' || result.name === name);
      if (some.length === 0) continue;
      const [median, worst] = spread(some.map(({ recovery }) => recovery));
      const [wholeMedian, wholeWorst] = spread(some.map(({ whole }) => whole));
      const columns = [
        `${some.length}`.padStart(5),
        pad(median),
        pad(worst),
        '    ',
        pad(wholeMedian, 10),
        pad(wholeWorst),
      ];
      console.log(`  ${name.padEnd(32)}${columns.join('')}`);
    }
  }
}

const pad = (value, width = 8) => `${value}`.padStart(width);

function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
}
