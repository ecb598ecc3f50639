// The rules about servers and ensembles as a whole, with servers that are put in for it: one that stops for no reason, one
// that cannot start, ones that never come together.

import { expect, it } from 'vitest';
import { SimClient } from '../clients.ts';
import { Cluster } from '../cluster.ts';
import { keepCore } from '../core-mode.ts';
import { plainKnobs } from '../knobs.ts';
import type { Machine, MachineKind, MachineSetup } from '../machine.ts';
import { memberKind } from '../member-machine.ts';
import { randomRun } from '../random-run.ts';
import { Random } from '../random.ts';

/** Servers that look for a leader for ever, or do something else at their start. */
const idleKind = (starts: (setup: MachineSetup) => void = () => undefined): MachineKind => ({
  ...memberKind,
  create: (setup): Machine => ({
    start: () => starts(setup),
    step: () => undefined,
    handOver: () => undefined,
    role: 'looking',
    epoch: 0,
    isServing: false,
    applied: setup.recovered.state.tree.lastZxid,
    digest: 0n,
    read: () => undefined,
    ephemerals: 0,
    sessions: [],
    snapshotSource: () => memberKind.create(setup).snapshotSource(),
  }),
});

it('42 is broken when a server halts and nothing was wrong with its disk', () => {
  const cluster = new Cluster({ kind: idleKind(({ host }) => host.halt('it does not feel like it')) });
  cluster.node(1).start();
  expect(cluster.violation?.invariant).toBe(42);
});

it('42 is not broken when its disk has failed', () => {
  const cluster = new Cluster({ kind: idleKind(({ host }) => host.halt('the disk failed')) });
  const { disk } = cluster.node(1);
  disk.inject({ kind: 'full', bytesLeft: 0 });
  disk.create('/data/other');
  expect(() => disk.write('/data/other', 0, new Uint8Array(9))).toThrow('ENOSPC');
  disk.heal();
  cluster.node(1).start();
  expect(cluster.violation).toBeUndefined();
});

it.each([3, 2])('42 is broken when a server of %i finds damage that nobody has done', (voters) => {
  const cluster = new Cluster({ kind: idleKind(), knobs: { ...plainKnobs, voters } });
  const node = cluster.node(1);
  node.start();
  node.kill();
  node.disk.create('/data/log.100000001');
  node.disk.write('/data/log.100000001', 0, Uint8Array.of(1, 2, 3, 4).slice().fill(7));
  node.disk.write('/data/log.100000001', 4, new Uint8Array(600).fill(7));
  node.start();
  expect(cluster.violation?.invariant).toBe(42);
});

it('43 is broken when a healed ensemble does not come together', () => {
  const { verdict, message } = randomRun({ kind: idleKind(), seed: 1, knobs: (drawn) => ({ ...drawn, observers: 0 }) });
  expect(verdict).toBe('liveness');
  expect(message).toContain('60000 ms after everything was healed: A looking epoch 0');
});

it('44 is broken when a whole and connected majority carries out no write', () => {
  const cluster = new Cluster({ kind: idleKind() });
  cluster.startAll();
  const client = new SimClient(cluster, 1, [1, 2, 3], 8000);
  client.start();
  keepCore(cluster, new Random(1), [client]);
  expect(cluster.violation?.invariant).toBe(44);
});

it('44 is not broken by servers that do', () => {
  const cluster = new Cluster({ kind: memberKind });
  cluster.startAll();
  const client = new SimClient(cluster, 1, [1, 2, 3], 8000);
  client.start();
  keepCore(cluster, new Random(1), [client]);
  expect(cluster.violation).toBeUndefined();
  expect(client.history.map(({ op }) => op.kind)).toContain('set');
});

it('35 is broken when a session that nobody uses stays', () => {
  const immortal: MachineKind = {
    ...memberKind,
    create: (setup) => Object.defineProperty(memberKind.create(setup), 'sessions', { get: () => [7n] }),
  };
  const verdicts = [1, 2, 3, 4, 5, 6].map((seed) => randomRun({ kind: immortal, seed }).verdict);
  expect(verdicts).toContain('invariant:35');
});
