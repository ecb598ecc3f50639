// For node:test: a server or an ensemble that ends with its test, or with its suite.
//
//   import test from 'node:test';
//   import { serverFor } from '@corral/testing/node';
//   test('...', async (t) => { const server = await serverFor(t); ... });

import { after, before } from 'node:test';
import { startEnsemble } from './test-ensemble.ts';
import type { EnsembleOptions, TestEnsemble } from './test-ensemble.ts';
import { startServer } from './test-server.ts';
import type { ServerOptions, TestServer } from './test-server.ts';
import type { Service } from './service.ts';

/** What a test of node:test is handed: whatever can be told what to do afterwards. */
export interface TestLife {
  after(work: () => Promise<void>): void;
}

/** Clients that a test has made are closed for it; sessions that are open after that fail it. */
async function finish(service: Service | undefined): Promise<void> {
  await service?.closeClients();
  await service?.close();
}

export async function serverFor(t: TestLife, options: ServerOptions = {}): Promise<TestServer> {
  const server = await startServer({ leaks: 'throw', ...options });
  t.after(() => finish(server));
  return server;
}

export async function ensembleFor(t: TestLife, options: EnsembleOptions = {}): Promise<TestEnsemble> {
  const ensemble = await startEnsemble({ leaks: 'throw', ...options });
  t.after(() => finish(ensemble));
  return ensemble;
}

/** One server for all tests of this suite or file; `server` is there when the first of them begins. */
export function useServer(options: ServerOptions = {}): { readonly server: TestServer } {
  return forAll('server', () => startServer({ leaks: 'throw', ...options }));
}

/** One ensemble for all tests of this suite or file. */
export function useEnsemble(options: EnsembleOptions = {}): { readonly ensemble: TestEnsemble } {
  return forAll('ensemble', () => startEnsemble({ leaks: 'throw', ...options }));
}

function forAll<N extends string, S extends Service>(name: N, start: () => Promise<S>): { readonly [K in N]: S } {
  let service: S | undefined;
  before(async () => {
    service = await start();
  });
  after(() => finish(service));
  const holder = {
    get [name](): S {
      if (service === undefined) throw new Error(`the ${name} is there when the first test begins`);
      return service;
    },
  };
  return holder as { readonly [K in N]: S };
}
