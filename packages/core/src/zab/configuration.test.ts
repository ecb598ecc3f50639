import { zxidOf } from '@corral/protocol';
import type { EnsembleConfig, Epoch } from '@corral/protocol';
import { expect, test } from 'vitest';
import { Configuration } from './configuration.ts';
import { configOf } from './testing/election-world.ts';

const epoch = (number: number): Epoch => number as Epoch;
const version = (of: number, counter: number): EnsembleConfig => ({
  version: zxidOf(epoch(of), counter),
  members: new Map(),
});
const [c10, c11, c15, c21] = [version(1, 0), version(1, 1), version(1, 5), version(2, 1)];

function configuration(reconfigEnabled = true, nextConfig?: EnsembleConfig) {
  const files: [string, EnsembleConfig][] = [];
  const options = { config: c10, ...(nextConfig && { nextConfig }), reconfigEnabled };
  const it = new Configuration(options, (which, config) => files.push([which, config]));
  return { it, files, held: () => [it.quorums.committed.config, it.quorums.lastSeen?.config] };
}

test('what is proposed is kept beside what is in force, until it is in force itself', () => {
  const { it, files, held } = configuration();
  it.propose(c11);
  expect(held()).toEqual([c10, c11]);
  it.activate(c11);
  expect(held()).toEqual([c11, undefined]);
  expect(files).toEqual([
    ['next', c11],
    ['active', c11],
  ]);
});

test('an older configuration replaces none, and none at all where there is no reconfiguration', () => {
  const { it, files, held } = configuration(true, c15);
  it.propose(c11);
  it.activate(c10);
  expect(held()).toEqual([c10, c15]);
  expect(files).toEqual([]);
  const fixed = configuration(false);
  fixed.it.propose(c11);
  fixed.it.activate(c11);
  expect(fixed.held()).toEqual([c10, undefined]);
});

test('a proposal stays while an older one comes into force', () => {
  const { it, held } = configuration(true, c15);
  it.activate(c11);
  expect(held()).toEqual([c11, c15]);
});

test('what an earlier leader proposed is given up, on disk too; what the present one proposes is not', () => {
  const { it, files, held } = configuration(true, c15);
  it.abandonProposed(epoch(1));
  expect(held()).toEqual([c10, c15]);
  it.abandonProposed(epoch(2));
  expect(held()).toEqual([c10, undefined]);
  expect(files).toEqual([['next', c10]]);
  it.propose(c21);
  it.abandonProposed(epoch(2));
  expect(held()).toEqual([c10, c21]);
});

test('what others only say is in force is kept in no file until a leader confirms it', () => {
  const kept: string[] = [];
  const configuration = new Configuration(
    { config: configOf(3, 0, 1), reconfigEnabled: true },
    (which, { version }) => {
      kept.push(`${which} ${version}`);
    },
  );
  configuration.believe(configOf(4, 0, 2));
  expect([configuration.quorums.committed.version, kept]).toEqual([2, []]);
  configuration.activate(configOf(4, 0, 1));
  configuration.activate(configOf(4, 0, 2));
  configuration.activate(configOf(4, 0, 2));
  expect([configuration.quorums.committed.version, kept]).toEqual([2, ['active 2']]);
});
