// Corral answers the recorded conversations with Apache ZooKeeper 3.9 byte for byte, alone and as any member of an
// ensemble. The scenarios share one server and run in file order: the first looks at a tree that nobody has touched.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer } from '@corral/server';
import type { FlatSettings, RunningServer } from '@corral/server';
import { TestEnsemble } from './serving-ensemble.ts';
import type { ServingRole } from './serving-ensemble.ts';
import { replay } from './vectors.ts';
import type { Vectors } from './vectors.ts';

const recorded = new URL('../test-data/client-vectors.json', import.meta.url);
/** Without the limits of the recording: how busy this machine is must not decide. */
const withoutLimits = (key: string, value: unknown): unknown => (key === 'timeoutMs' ? undefined : value);
/** What Corral does not do, on purpose: a wrong password of somebody else's cuts nobody off. */
const differs = '... but the attempt has already closed the connection that held the session';
const recordings = JSON.parse(await readFile(recorded, 'utf8'), withoutLimits) as Vectors;
const vectors: Vectors = {
  ...recordings,
  scenarios: recordings.scenarios.map((scenario) => ({
    ...scenario,
    steps: scenario.steps.filter(({ note }) => note !== differs),
  })),
};

/** Entries of the file's "server" key that describe the recording instead of setting something. */
const descriptions: ReadonlySet<string> = new Set(['mode', 'sasl', 'znode.container.maxNeverUsedIntervalMs']);

/** The settings of the recorded server. Configuration keys go without the prefix of system properties. */
function settingsOf(server: Vectors['server']): FlatSettings {
  const settings: Record<string, string | number | boolean> = {};
  for (const [key, value] of Object.entries(server)) {
    if (descriptions.has(key)) continue;
    const name = key.replace(/^zookeeper\./, '');
    if (typeof value === 'number') settings[name] = value;
    else if (typeof value === 'boolean') settings[name] = name === 'skipACL' ? (value ? 'yes' : 'no') : value;
    // Behind two spaces stands a remark.
    else settings[name] = String(value).split('  ')[0]!;
  }
  return settings;
}

describe('the recorded client protocol', () => {
  let dataDir = '';
  let server: RunningServer | undefined;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'corral-vectors-'));
    server = await startServer({ ...settingsOf(vectors.server), clientPort: 0, dataDir });
  });
  afterAll(async () => {
    await server?.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('has 44 scenarios', () => expect(vectors.scenarios).toHaveLength(44));

  for (const { name, doc } of vectors.scenarios) {
    it(`${name}: ${doc}`, async () => {
      const results = await replay('127.0.0.1', server!.port, vectors, { profile: '3.9', only: [name] });
      expect(results).toEqual([{ name }]);
    });
  }
});

/** Bytes of an answer that are others where there is a configuration: the stat of its node. */
const ofConfiguration: Readonly<Record<string, readonly (readonly [number, number, string])[]>> = {
  'config node: world:anyone read only; aversion -1': [
    [71, 8, 'mtime'],
    [79, 4, 'version'],
    [99, 4, 'dataLength'],
  ],
  'super passes every ACL': [[52, 4, 'version']],
};

/** The conversations as they go in an ensemble: the configuration's node is not empty, and only a leader ends sessions. */
function inEnsemble(alone: Vectors): Vectors {
  const scenarios = alone.scenarios.map((scenario) => ({
    ...scenario,
    steps: scenario.steps.map((step) => ({
      ...step,
      mask: [...(step.mask ?? []), ...(ofConfiguration[step.note] ?? [])],
      ...(step.expectTextRegex !== undefined && {
        expectTextRegex: step.expectTextRegex.replace(
          /^SessionTracker dump:\\nSession Sets (\S+):/,
          'SessionTracker dump:\\n(Session Sets $1|Global Sessions\\(\\d+\\)):',
        ),
      }),
    })),
  }));
  return { ...alone, scenarios };
}

describe.each<ServingRole>(['leader', 'follower', 'observer'])('the recorded client protocol, through a %s', (role) => {
  let ensemble: TestEnsemble | undefined;
  let port = 0;

  beforeAll(async () => {
    ensemble = await TestEnsemble.start(settingsOf(vectors.server));
    port = ensemble.one(role).port;
  });
  afterAll(() => ensemble?.stop());

  for (const { name } of vectors.scenarios) {
    it(name, async () => {
      expect(await replay('127.0.0.1', port, inEnsemble(vectors), { profile: '3.9', only: [name] })).toEqual([
        { name },
      ]);
    });
  }
});
