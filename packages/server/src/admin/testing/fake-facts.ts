// A server with two clients, as far as anybody can tell who asks for its facts. For tests of the renderers.

import { loadConfig } from '../../config/load.ts';
import type { ConnectionFacts, ServerFacts } from '../facts.ts';
import { gauges } from '../metrics-table.ts';
import type { GaugeName } from '../metrics-table.ts';
import { Metrics } from '../metrics.ts';

export interface FakeFacts extends ServerFacts {
  /** What functions that change something were called with. */
  readonly calls: string[];
}

export const fakeSession = 0x100001b484f0003n;

const connection: ConnectionFacts = {
  address: '127.0.0.1:53852',
  secure: false,
  interestOps: 1,
  outstanding: 0,
  received: 2,
  sent: 2,
  sessionId: fakeSession,
  lastOperation: 'EXIS',
  establishedAt: 1795377991062,
  sessionTimeoutMs: 5000,
  lastCxid: 1,
  lastZxid: 0x47,
  lastResponseAt: 1790971,
  lastLatency: 1,
  minLatency: 0,
  avgLatency: 1,
  maxLatency: 1,
};

/** `argv` as for `corral server`; `changes` replaces single facts. */
export function fakeFacts(argv: readonly string[] = [], changes: Partial<ServerFacts> = {}): FakeFacts {
  const { config, initialText } = loadConfig({ argv, env: {}, cwd: '/srv', readFile: () => undefined });
  const calls: string[] = [];
  const zeros = Object.fromEntries(Object.keys(gauges).map((name) => [name, 0])) as Record<GaugeName, number>;
  let traceMask = 306n;
  return {
    calls,
    config,
    initialConfiguration: initialText,
    version: '3.9.5-corral-0.1.0, built on 2026-11-22 12:00 UTC',
    metrics: new Metrics(),
    now: () => 1795377995000,
    mode: () => 'standalone',
    serving: () => ({ serving: true, reason: '' }),
    lastZxid: () => 0x47,
    ensemble: () => undefined,
    handOver: () => Promise.reject(new Error('this server does not lead')),
    gauges: () => ({ ...zeros, znode_count: 5, num_alive_connections: 2, packets_received: 3, avg_latency: 0.26666 }),
    roleGauges: () => ({}),
    quotas: () => [{ namespace: 'shop', countLimit: 10, bytesLimit: -1, count: 3, bytes: 12 }],
    connections: () => [connection, { ...connection, address: '192.0.2.9:40000', sessionId: 0n, lastCxid: -1 }],
    sessionBuckets: () => [
      { expiresAt: 1795377995000, sessions: [] },
      { expiresAt: 1795377996000, sessions: [fakeSession, -2n] },
    ],
    connectionBuckets: () => [
      { expiresAt: 1795378000000, connections: [{ address: connection.address, sessionId: fakeSession }] },
    ],
    ephemeralsBySession: () => [[fakeSession, ['/v47/e']]],
    watchCounts: () => ({ connections: 1, paths: 1, watches: 1 }),
    watchesByPath: () => [['/v47', [fakeSession]]],
    watchesBySession: () => [[fakeSession, ['/v47']]],
    digests: () => [{ zxid: 0x80, digest: 5472917460123456789n, version: 2 }],
    directoryBytes: () => ({ dataDir: 67109337, dataLogDir: 67109338 }),
    slowFsyncs: () => 0,
    lastSnapshot: () => ({ zxid: 0x2b, takenAt: 1795377991062 }),
    traceMask: () => traceMask,
    setTraceMask: (mask) => {
      traceMask = mask;
    },
    resetConnectionStats: () => calls.push('resetConnectionStats'),
    resetServerStats: () => calls.push('resetServerStats'),
    authorize: ({ scheme, credential, address }) => {
      calls.push(`authorize ${scheme} ${credential} ${address}`);
      if (scheme === 'digest' && credential === 'super:secret') return Promise.resolve('granted');
      return Promise.resolve(scheme === 'digest' && credential === 'reader:secret' ? 'denied' : 'unknown');
    },
    takeSnapshot: () => Promise.resolve({ zxid: 0x2b, bytes: 6, read: twoChunks }),
    restore: async (snapshot) => {
      let bytes = 0;
      for await (const chunk of snapshot) bytes += chunk.length;
      calls.push(`restore ${bytes}`);
      return { lastZxid: 0x2b };
    },
    ...changes,
  };
}

async function* twoChunks(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array([1, 2, 3]);
  yield new Uint8Array([4, 5, 6]);
}
