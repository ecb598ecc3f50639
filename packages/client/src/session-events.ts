// What can happen to the session machine, and what it can ask for.

import type { RetryDelay } from './backoff.ts';
import type { Call, Cancellation } from './call.ts';
import type { ZkError } from './errors.ts';
import type { AddedCredential } from './identities.ts';
import type { WatchEvent, Watcher } from './watches.ts';

/** Where a client stands: `suspended` has lost its connection and may still have its session, `lost` has not. */
export type ClientState = 'connecting' | 'connected' | 'readonly' | 'suspended' | 'lost' | 'closed';

export type Input =
  | { readonly kind: 'start' }
  | { readonly kind: 'opened'; readonly link: number }
  | { readonly kind: 'frame'; readonly link: number; readonly bytes: Uint8Array }
  | { readonly kind: 'oversized'; readonly link: number; readonly head: Uint8Array; readonly length: number }
  | { readonly kind: 'broken'; readonly link: number; readonly cause: Error | null; readonly roundFinished: boolean }
  | { readonly kind: 'submit'; readonly call: Call }
  | ({ readonly kind: 'cancel' } & Cancellation)
  | { readonly kind: 'addAuth'; readonly added: AddedCredential }
  /** The answer to a `challenge`; null when nothing is left to prove. */
  | { readonly kind: 'proof'; readonly link: number; readonly token: Uint8Array | null }
  /** An error while proving who we are, or checking who they are. */
  | { readonly kind: 'unproved'; readonly link: number; readonly cause: Error }
  /** A server that takes writes was found while this one only reads. */
  | { readonly kind: 'writableFound' }
  | { readonly kind: 'close' }
  | { readonly kind: 'wake' };

export type Effect =
  | { readonly kind: 'dial'; readonly link: number }
  | { readonly kind: 'send'; readonly link: number; readonly bytes: Uint8Array }
  /** End the link. With a cause, report it as broken by that cause. */
  | { readonly kind: 'hangUp'; readonly link: number; readonly cause: Error | null }
  /** Have the SASL mechanism answer this; an empty challenge starts the exchange. */
  | { readonly kind: 'challenge'; readonly link: number; readonly challenge: Uint8Array }
  /** Look for a server that takes writes. */
  | { readonly kind: 'probe' }
  | { readonly kind: 'resolve'; readonly call: Call; readonly value: unknown }
  | { readonly kind: 'reject'; readonly call: Call; readonly error: unknown }
  | { readonly kind: 'authSettled'; readonly added: AddedCredential; readonly error: ZkError | null }
  | { readonly kind: 'state'; readonly state: ClientState; readonly cause: Error | null }
  | { readonly kind: 'reconnecting'; readonly attempt: number; readonly delay: number; readonly cause: Error | null }
  | { readonly kind: 'session'; readonly old: bigint | null; readonly new: bigint }
  | { readonly kind: 'fire'; readonly watcher: Watcher; readonly event: WatchEvent };

export interface SessionOptions {
  readonly sessionTimeoutMs: number;
  /** For one address: TCP, TLS and the greeting together. */
  readonly attemptTimeoutMs: number;
  /** What may wait for a connection; null when nothing may. */
  readonly offlineQueue: { readonly calls: number; readonly bytes: number } | null;
  readonly requestBytesMax: number;
  readonly replyBytesMax: number;
  readonly acceptReadOnly: boolean;
  /** Identities are not all: a SASL exchange follows. */
  readonly sasl: boolean;
  readonly sessionRecovery: 'renew' | 'fail';
  readonly retry: RetryDelay;
  readonly random: () => number;
}
