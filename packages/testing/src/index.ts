// The testing package: a server inside a test, with everything that can go wrong at hand.

export { startServer } from './test-server.ts';
export type { ServerOptions, TestServer } from './test-server.ts';
export { startEnsemble } from './test-ensemble.ts';
export type { EnsembleOptions, MemberRef, TestEnsemble } from './test-ensemble.ts';
export type { TestMember } from './test-member.ts';

// Time.
export { VirtualClock } from './time.ts';
export type { Duration } from './time.ts';

// Faults.
export type { Fault, FaultHit, FaultOp, InjectedFault } from './faults.ts';

// What servers tell.
export type { ClientRef, Role, TestEvent, TestListener } from './world.ts';
export type { NodeFacts, SessionFacts, WatcherFacts } from './inspect.ts';
export type { LeakPolicy, LeakReport } from './leaks.ts';
export type { Scope } from './scope.ts';
export type { Storage } from './storage.ts';
export type { Seed } from './service.ts';
