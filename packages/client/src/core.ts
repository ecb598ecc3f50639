// The client without a platform: nothing here imports a module of Node. Whoever uses this entry brings a transport
// (browsers: a WebSocket); on Node, the package's main entry adds TCP, TLS and tracing to it.

// Getting a client: `connect` waits for the session, `createClient` returns at once.
export { connect, createClient } from './create-client.ts';
export type { ClientOptions, TransportOption } from './create-client.ts';
export type { AddressInput, AddressProvider } from './address-source.ts';
export type { Client, ScopeOptions } from './client.ts';
export type {
  ClientEvents,
  CloseOptions,
  ConnectLimits,
  Reconnecting,
  SessionChange,
  SlowStream,
  StatusEvent,
} from './lifecycle.ts';
export type { WatchOption } from './reads.ts';
export type { CallOptions, ConnectionStats } from './connection.ts';
export type { ClientState } from './session-events.ts';
export type { SessionState } from './handshake.ts';

// What calls take and answer.
export type { CreateOptions, VersionOptions } from './requests.ts';
export type { ParentOptions } from './create.ts';
export type { RepeatOptions } from './idempotent.ts';
export type { UpdateOptions } from './update.ts';
export type { EnsurePathOptions, PutOptions } from './whole-paths.ts';
export type { EnsembleConfiguration, MembershipChange } from './ensemble.ts';
export type {
  Acl,
  AclName,
  AclResult,
  Children,
  Created,
  Data,
  DataInput,
  Identity,
  Stat,
  Version,
} from './results.ts';
export type { Multi, MultiRead, Settled } from './multi.ts';
// Permission bits for access control lists, and the names of the seven kinds of node.
export { perms } from '@corral/protocol';
export type { CreateMode } from '@corral/protocol';

// Typed data: `json(schema)` with a schema of any library that follows Standard Schema.
export { json, SchemaError, text } from './codec.ts';
export type { Codec, SchemaIssue, SchemaResult, StandardSchema } from './codec.ts';

// Watches.
export type { NodeEventType, PersistentKind, WatchEvent, WatchEventType, WatchListener } from './watches.ts';
export type { StreamEvent, WatchStream, WatchStreamOptions } from './watch-stream.ts';
export type { RemoveKind } from './watching.ts';

// Errors: catch ZkError, branch on its code with `ZkError.is`.
export {
  AuthFailedError,
  BadVersionError,
  ClosedError,
  ConnectError,
  ConnectionLossError,
  InvalidDataError,
  MultiError,
  NoAuthError,
  NodeExistsError,
  NoNodeError,
  NotEmptyError,
  OperationTimeoutError,
  SessionExpiredError,
  ZkError,
} from './errors.ts';
export type { AttemptFailure, ZkErrorCode, ZkErrorOp } from './errors.ts';

// Proving an identity in several steps; other mechanisms than DIGEST-MD5 are objects of this shape.
export { digestMd5 } from './sasl/digest-md5.ts';
export type { DigestMd5Options } from './sasl/digest-md5.ts';
export type { SaslExchange, SaslMechanism } from './sasl/mechanism.ts';

// Reading connection strings, for tools that need the parts.
export { parseAddress } from './connection-string.ts';
export type { Address } from './connection-string.ts';

// One listener for everybody who waits for a signal, and data through a codec: for authors of recipes.
export { onAbort } from './abort.ts';
export { decodeData } from './reads.ts';
// Options of recipes, checked as the client checks its own.
export { checkOptions, kinds } from './check-options.ts';
export type { OptionCheck } from './check-options.ts';

// Other ways to reach a server, other clocks: for tests and other platforms.
export { systemClock } from './clock.ts';
export type { Clock } from './clock.ts';
export { exponentialBackoff } from './backoff.ts';
export type { RetryDelay } from './backoff.ts';
export type { Endpoint, Link, LinkEvents, Target, Transport } from './transport.ts';

// Watching the client at work.
export type { ConnectTrace, RequestTrace, Tracer, WatchTrace } from './tracing.ts';
