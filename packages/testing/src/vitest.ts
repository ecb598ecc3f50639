// For vitest: `test` with a server, an ensemble and a client that are there as soon as a test names them.
//
//   import { test } from '@corral/testing/vitest';
//   test('...', async ({ zk, server }) => { ... });
//   describe('...', () => { test.override({ serverOptions: { clock: 'virtual' } }); ... });

import { test as base } from 'vitest';
import type { TestAPI } from 'vitest';
import type { Client } from '@corral/client';
import { startEnsemble } from './test-ensemble.ts';
import type { EnsembleOptions, TestEnsemble } from './test-ensemble.ts';
import { startServer } from './test-server.ts';
import type { ServerOptions, TestServer } from './test-server.ts';

export interface CorralFixtures {
  /** How `server` is started; `test.override({ serverOptions: ... })` changes it. */
  serverOptions: ServerOptions;
  ensembleOptions: EnsembleOptions;
  /** A server of its own for every test that names it. */
  server: TestServer;
  /** An ensemble of its own for every test that names it. */
  ensemble: TestEnsemble;
  /** A client of `server`. */
  zk: Client;
}

/** Clients that a test has made are closed for it; sessions that are open after that fail it. */
export const test: TestAPI<CorralFixtures> = base.extend<CorralFixtures>({
  serverOptions: {},
  ensembleOptions: {},
  server: async ({ serverOptions }, use) => {
    await using server = await startServer({ leaks: 'throw', ...serverOptions });
    await use(server);
    await server.closeClients();
  },
  ensemble: async ({ ensembleOptions }, use) => {
    await using ensemble = await startEnsemble({ leaks: 'throw', ...ensembleOptions });
    await use(ensemble);
    await ensemble.closeClients();
  },
  zk: async ({ server }, use) => {
    await use(await server.connect());
  },
});
