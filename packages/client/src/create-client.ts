// The way in, on any platform: options with their defaults, and the client that they make.

import { encodeText, limits } from '@corral/protocol';
import { exponentialBackoff } from './backoff.ts';
import type { RetryDelay } from './backoff.ts';
import { Client } from './client.ts';
import type { ScopeOptions } from './client.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { Connection } from './connection.ts';
import { hostSource, readAddress } from './address-source.ts';
import type { AddressInput } from './address-source.ts';
import type { Address } from './connection-string.ts';
import { toCredential } from './handshake.ts';
import type { Credential } from './handshake.ts';
import { checkOptions, kinds } from './check-options.ts';
import type { OptionCheck } from './check-options.ts';
import { Emitter, Lifecycle } from './lifecycle.ts';
import type { ConnectLimits } from './lifecycle.ts';
import { Root } from './root.ts';
import type { SaslMechanism } from './sasl/mechanism.ts';
import type { SessionOptions } from './session-events.ts';
import { untraced } from './tracing.ts';
import type { Tracer } from './tracing.ts';
import type { Transport } from './transport.ts';
import { Background } from './view.ts';
import { Watching } from './watching.ts';

/** Options of a client on any platform. */
export interface ClientOptions extends ScopeOptions {
  /** Session timeout to ask for, in milliseconds; 15000 unless given. The server may change it. */
  readonly sessionTimeout?: number;
  /** Milliseconds for one address to accept and greet; by default the session timeout shared among the hosts. */
  readonly attemptTimeout?: number;
  /** Identities of every connection: `{ scheme: 'digest', id: 'user:password' }`. */
  readonly auth?: readonly { readonly scheme: string; readonly id: string | Uint8Array }[];
  /** A SASL exchange on every connection: `digestMd5({ username, password })`. */
  readonly sasl?: SaslMechanism;
  /** `allow` accepts a server that is cut off from its majority and only reads, and looks for a better one meanwhile. */
  readonly readOnly?: 'refuse' | 'allow';
  /** `fail` closes the client when its session is lost; by default it goes on with a new one. */
  readonly sessionRecovery?: 'renew' | 'fail';
  /** Milliseconds to wait before the next round over all servers, null to give up. Round 0 follows a working link. */
  readonly retry?: RetryDelay;
  /** What may wait for a connection: 10000 calls of 64 MiB together unless given; `false` refuses to wait at all. */
  readonly offlineQueue?: false | { readonly calls?: number; readonly bytes?: number };
  /** Largest request; the server's limit is called jute.maxbuffer. */
  readonly maxRequestBytes?: number;
  /** Largest reply; a longer one fails its call and nothing else. */
  readonly maxReplyBytes?: number;
  /** Path below which everything happens; for address providers, which tell none. */
  readonly chroot?: string;
  readonly clock?: Clock;
  /** Sees every request, connection and watch event go by; Node's tracing channels unless given. */
  readonly tracer?: Tracer;
}

/** How to reach servers: TCP and TLS on Node, something else elsewhere. */
export interface TransportOption {
  readonly transport: Transport;
}

const defaultSessionTimeoutMs = 15_000;
const defaultCallTimeoutMs = 15_000;
const defaultConnectTimeoutMs = 30_000;
/** Servers of an ensemble whose list is not known beforehand. */
const hostsGuessed = 3;
const attemptMsMin = 1000;
const defaultQueue = { calls: 10_000, bytes: 64 << 20 };
/** What Apache's own client accepts. */
const defaultReplyBytesMax = 4 << 20;

/** The options of a client and of `connect`, on every platform. */
const known: Readonly<Record<keyof ClientOptions | keyof ConnectLimits | 'transport' | 'tls', OptionCheck>> = {
  sessionTimeout: kinds.timeout,
  attemptTimeout: kinds.limit,
  callTimeout: kinds.limit,
  timeout: kinds.limit,
  idempotent: kinds.boolean,
  failFast: kinds.boolean,
  signal: kinds.object,
  auth: kinds.list,
  sasl: kinds.object,
  readOnly: kinds.oneOf('refuse', 'allow'),
  sessionRecovery: kinds.oneOf('renew', 'fail'),
  retry: kinds.callback,
  offlineQueue: kinds.either(kinds.just(false), kinds.object),
  maxRequestBytes: kinds.bytes,
  maxReplyBytes: kinds.bytes,
  chroot: kinds.text,
  clock: kinds.object,
  tracer: kinds.object,
  transport: kinds.object,
  tls: kinds.object,
};

/** A client that connects in the background; calls wait for it. `client.connect()` tells when it is there. */
export function createClient(address: AddressInput, options: ClientOptions & TransportOption): Client {
  checkOptions('a client', options, known);
  const parsed = readAddress(address);
  const clock = options.clock ?? systemClock;
  const emitter = new Emitter();
  const { transport } = options;
  const connection = new Connection({
    transport,
    clock,
    tracer: options.tracer ?? untraced,
    hosts: hostSource(address, parsed, transport),
    sasl: options.sasl ?? null,
    credentials: credentialsOf(parsed, options),
    options: sessionOptions(parsed, options, clock),
    listeners: emitter,
  });
  connection.start();
  const background = new Background();
  const lifecycle = new Lifecycle({ connection, clock, background, emitter });
  const watching = new Watching(connection);
  const { callTimeout = defaultCallTimeoutMs, idempotent } = options;
  return new Client(
    { connection, clock, lifecycle, watching, background },
    new Root(parsed.chroot).below(options.chroot ?? '/'),
    { callTimeout, idempotent },
  );
}

/**
 * A client with a session. Without a `timeout` it gives up as soon as every server has refused once, and after 30 seconds
 * when some are silent; with one it goes on trying for that long, unless `failFast` says otherwise.
 * @throws ConnectError that lists what happened at every address; the client is closed then.
 * @throws TypeError for an address or option that cannot be meant.
 */
export async function connect(
  address: AddressInput,
  options: ClientOptions & ConnectLimits & TransportOption,
): Promise<Client> {
  options.signal?.throwIfAborted();
  return await connected(createClient(address, options), options);
}

/** Waits for the session of a client just made; one that cannot have any is closed. */
export async function connected(client: Client, options: ConnectLimits): Promise<Client> {
  try {
    const { timeout, signal, failFast = timeout === undefined } = options;
    await client.connect({ timeout: timeout ?? defaultConnectTimeoutMs, signal, failFast });
    return client;
  } catch (error) {
    await client.close();
    throw error;
  }
}

function credentialsOf(address: Address, options: ClientOptions): Credential[] {
  const fromOptions = (options.auth ?? []).map(({ scheme, id }) => toCredential(scheme, id));
  if (address.credentials === null) return fromOptions;
  return [{ scheme: 'digest', auth: encodeText(address.credentials) }, ...fromOptions];
}

function sessionOptions(address: Address, options: ClientOptions, clock: Clock): SessionOptions {
  const sessionTimeoutMs = options.sessionTimeout ?? defaultSessionTimeoutMs;
  const share = Math.max(attemptMsMin, sessionTimeoutMs / (address.endpoints.length || hostsGuessed));
  return {
    sessionTimeoutMs,
    attemptTimeoutMs: options.attemptTimeout ?? share,
    offlineQueue: options.offlineQueue === false ? null : { ...defaultQueue, ...options.offlineQueue },
    requestBytesMax: options.maxRequestBytes ?? limits.frameBytesMax,
    replyBytesMax: options.maxReplyBytes ?? defaultReplyBytesMax,
    acceptReadOnly: options.readOnly === 'allow',
    sasl: options.sasl !== undefined,
    sessionRecovery: options.sessionRecovery ?? 'renew',
    retry: options.retry ?? exponentialBackoff,
    random: () => clock.random(),
  };
}
