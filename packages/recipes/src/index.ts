// The recipes package: what people build on ZooKeeper, on any client of @corral/client.

export { lock } from './lock.ts';
export type { HeldLock, Lock, LockOptions } from './lock.ts';
export { lockAll } from './lock-all.ts';
export type { HeldLocks } from './lock-all.ts';
export { rwLock } from './rw-lock.ts';
export type { HeldWrite, RwLock, RwLockOptions } from './rw-lock.ts';
export { election } from './election.ts';
export type { Election, ElectionOptions, Term } from './election.ts';

// What is held, and who stands in line for it.
export type { Hold, HoldOptions } from './kernel/hold.ts';
export type { Contender } from './kernel/identity.ts';
export type { LineOptions } from './kernel/line.ts';
export type { Names } from './kernel/names.ts';
export { setAsyncStorage } from './kernel/scope.ts';
export type { AsyncStorage } from './kernel/scope.ts';

export { AmbiguousError, ConflictError, DeadlockError, LostError, QueueFullError } from './errors.ts';
