// The recipes package: what people build on ZooKeeper, on any client of @corral/client.

export { lock } from './lock.ts';
export type { HeldLock, Lock, LockOptions } from './lock.ts';
export { lockAll } from './lock-all.ts';
export type { HeldLocks } from './lock-all.ts';
export { rwLock } from './rw-lock.ts';
export type { HeldWrite, RwLock, RwLockOptions } from './rw-lock.ts';
export { semaphore } from './semaphore.ts';
export type { AcquireOptions, Semaphore, SemaphoreOptions } from './semaphore.ts';
export { lease } from './lease.ts';
export type { HeldLease, Lease, LeaseHolder, LeaseOptions } from './lease.ts';
export { election } from './election.ts';
export type { Election, ElectionOptions, Term } from './election.ts';
export { barrier } from './barrier.ts';
export type { Barrier } from './barrier.ts';
export { doubleBarrier } from './double-barrier.ts';
export type { DoubleBarrier, DoubleBarrierOptions, Entered } from './double-barrier.ts';

export { counter } from './counter.ts';
export type { Change, Counter, CounterOptions } from './counter.ts';
export type { CounterFormat } from './counter-format.ts';
export { ids } from './ids.ts';
export type { IdOptions, Ids } from './ids.ts';
export { rateLimiter } from './rate-limiter.ts';
export type { RateLimiter, RateLimiterOptions } from './rate-limiter.ts';
export { once } from './once.ts';
export type { DoOptions, Once } from './once.ts';

export { queue } from './queue/queue.ts';
export type { ConsumeOptions, DeadLetter, PutOptions, Queue, QueueOptions } from './queue/queue.ts';
export type { WaitingItem } from './queue/waiting.ts';
export type { Message, NackOptions } from './queue/message.ts';

export { persistentNode } from './persistent-node.ts';
export type { PersistentNode, PersistentNodeOptions } from './persistent-node.ts';
export { persistentTtlNode } from './persistent-ttl-node.ts';
export type { PersistentTtlNode, PersistentTtlNodeOptions } from './persistent-ttl-node.ts';
export { group } from './group.ts';
export type { Group, GroupChange, GroupOptions, Member } from './group.ts';
export { services } from './discovery/services.ts';
export type { InstanceInput, Registration, Services } from './discovery/services.ts';
export type { ServiceView, Strategy } from './discovery/service-view.ts';
export type { Instance, PayloadCodec } from './discovery/instance.ts';
export { partitions } from './partitioner.ts';
export type { Assignment, Part, PartitionOptions, Partitions } from './partitioner.ts';

export { treeCache } from './tree-cache.ts';
export type { CacheChange, CacheOptions, CachedNode, TreeCache } from './tree-cache.ts';
export { config } from './config.ts';
export type { Config, ConfigOptions } from './config.ts';
export { configSet } from './config-set.ts';
export type { ConfigPart, ConfigSet, ConfigSetOptions } from './config-set.ts';
export { migrate, step } from './migrations.ts';
export type { MigrateOptions, Migration, Step, StepBuilder } from './migrations.ts';

// What is held, and who stands in line for it.
export type { Hold, HoldOptions } from './kernel/hold.ts';
export type { Contender, IdentityOptions } from './kernel/identity.ts';
export type { LineOptions } from './kernel/line.ts';
export type { Names } from './kernel/names.ts';
export type { AclOption, CallSignal } from './kernel/parents.ts';
export { setAsyncStorage } from './kernel/scope.ts';
export type { AsyncStorage } from './kernel/scope.ts';

export { AmbiguousError, ConflictError, DeadlockError, LostError, QueueFullError } from './errors.ts';
