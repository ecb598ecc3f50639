// Errors: one class to catch, one literal `code` to branch on. Codes are the names of the protocol's error table plus a
// few that only a client can meet. `ambiguous` answers the question that matters after a broken link: may the write have
// happened?

import { errorName, errorTable, parentPath } from '@corral/protocol';
import type { ErrorName, OpName } from '@corral/protocol';
import { explained } from './refusals.ts';

/** Outcomes that no server sends. */
const localErrors = {
  Aborted: 'the caller gave up after the request had left',
  ConnectFailed: 'no server could be reached',
  InvalidData: 'the data is not what its codec expects',
  QueueFull: 'too many requests are waiting for a connection',
  TooLarge: 'the frame exceeds its limit',
} as const;

/** Names of all failures. */
export type ZkErrorCode = Exclude<ErrorName, 'Ok'> | keyof typeof localErrors;
/** The operation that failed; `connect` for the connection itself. */
export type ZkErrorOp = OpName | 'connect';

export interface ZkErrorDetails {
  readonly op: ZkErrorOp;
  readonly path?: string | null;
  /** True when the write had left and nobody knows whether it happened. */
  readonly ambiguous?: boolean;
  readonly message?: string;
  readonly cause?: unknown;
  /** Place of the operation to blame in its multi. */
  readonly opIndex?: number;
  /** The version that the node should have had. */
  readonly expected?: number | undefined;
}

const retryableCodes: ReadonlySet<ZkErrorCode> = new Set<ZkErrorCode>([
  'ConnectFailed',
  'ConnectionLoss',
  'OperationTimeout',
  'QueueFull',
  'SessionMoved',
  'ThrottledOp',
  'ReconfigInProgress',
  'NewConfigNoQuorum',
]);

// A registered symbol, so that two copies of this package in one process recognise each other's errors.
const brand = Symbol.for('corral.ZkError');

const meaningOf = (code: ZkErrorCode): string =>
  code in localErrors
    ? localErrors[code as keyof typeof localErrors]
    : errorTable[code as Exclude<ZkErrorCode, keyof typeof localErrors>].meaning;

/** What the client's methods call an operation; `op` keeps the protocol's name. */
const methods: Readonly<Partial<Record<ZkErrorOp, string>>> = {
  create2: 'create',
  createContainer: 'create',
  createTTL: 'create',
  getData: 'get',
  setData: 'set',
  getChildren: 'children',
  getChildren2: 'children',
  getACL: 'getAcl',
  setACL: 'setAcl',
  getEphemerals: 'ephemerals',
  getAllChildrenNumber: 'countDescendants',
  multiRead: 'read',
};
const methodOf = (op: ZkErrorOp): string => methods[op] ?? op;

/** What happened, in words that say what to do where the protocol's own name would mislead. */
function problem(code: ZkErrorCode, op: ZkErrorOp, path: string | null | undefined): string {
  if (code !== 'NoNode' || methodOf(op) !== 'create' || typeof path !== 'string') return meaningOf(code);
  const parent = parentPath(path);
  if (parent === '/') return 'the chroot or scope of this client does not exist';
  return `the parent ${parent} does not exist; { parents: 'persistent' } makes it, too`;
}

/** Every failure of a call. Branch on `code`, by `ZkError.is`. */
export class ZkError extends Error {
  override name = 'ZkError';
  /** What happened: a name of the protocol's table, or one of the client's own. */
  readonly code: ZkErrorCode;
  /** The protocol's name of the operation that failed. */
  readonly op: ZkErrorOp;
  /** The path it was about, as the caller wrote it; null for none. */
  readonly path: string | null;
  /** True when a write had left and nobody knows whether it happened. */
  readonly ambiguous: boolean;
  /** The same call may succeed later, on this session or the next. Says nothing about whether repeating it is safe. */
  readonly retryable: boolean;
  /** In a multi, the place of the operation to blame; null otherwise. */
  readonly opIndex: number | null;

  constructor(code: ZkErrorCode, details: ZkErrorDetails) {
    const { op, path } = details;
    const subject = path === undefined || path === null ? methodOf(op) : `${methodOf(op)} ${path}`;
    const doubt = details.ambiguous === true ? ' (the request may have been carried out)' : '';
    super(
      `${code}: ${subject}: ${details.message ?? problem(code, op, path)}${doubt}`,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.code = code;
    this.op = details.op;
    this.path = details.path ?? null;
    this.ambiguous = details.ambiguous ?? false;
    this.retryable = retryableCodes.has(code);
    this.opIndex = details.opIndex ?? null;
    Object.defineProperty(this, brand, { value: true });
  }

  /** `ZkError.is(e, 'NodeExists')`: a ZkError of any copy of this package, with that code when one is given. */
  static is<C extends ZkErrorCode = ZkErrorCode>(error: unknown, code?: C): error is ZkError & { readonly code: C } {
    if (typeof error !== 'object' || error === null || !(brand in error)) return false;
    return code === undefined || (error as { readonly code?: unknown }).code === code;
  }
}

/** The node, or the parent of a node to be made, is not there. */
export class NoNodeError extends ZkError {
  override name = 'NoNodeError';
  declare readonly code: 'NoNode';
}
/** The node to be made is there already. */
export class NodeExistsError extends ZkError {
  override name = 'NodeExistsError';
  declare readonly code: 'NodeExists';
}
/** The node has another version than the one named. */
export class BadVersionError extends ZkError {
  override name = 'BadVersionError';
  declare readonly code: 'BadVersion';
  /** The version that was asked for. */
  readonly expected: number | null;

  constructor(code: ZkErrorCode, details: ZkErrorDetails) {
    super(code, details);
    this.expected = details.expected ?? null;
  }
}
/** The node to be deleted has children. */
export class NotEmptyError extends ZkError {
  override name = 'NotEmptyError';
  declare readonly code: 'NotEmpty';
}
/** The access control list does not allow it. */
export class NoAuthError extends ZkError {
  override name = 'NoAuthError';
  declare readonly code: 'NoAuth';
}
/** The server refused an identity; the client is closed. */
export class AuthFailedError extends ZkError {
  override name = 'AuthFailedError';
  declare readonly code: 'AuthFailed';
}
/** The link broke. Look at `ambiguous` before repeating a write. */
export class ConnectionLossError extends ZkError {
  override name = 'ConnectionLossError';
  declare readonly code: 'ConnectionLoss';
}
/** The session that the call belonged to is over, and its ephemerals with it. */
export class SessionExpiredError extends ZkError {
  override name = 'SessionExpiredError';
  declare readonly code: 'SessionExpired';
}
/** No server answered in time. */
export class OperationTimeoutError extends ZkError {
  override name = 'OperationTimeoutError';
  declare readonly code: 'OperationTimeout';
}
/** The node holds something else than its codec expects; `cause` says what is wrong. */
export class InvalidDataError extends ZkError {
  override name = 'InvalidDataError';
  declare readonly code: 'InvalidData';
}
/** The client is closed or closing. */
export class ClosedError extends ZkError {
  override name = 'ClosedError';
  declare readonly code: 'Closing';
}

/** What happened at one address while connecting. */
export interface AttemptFailure {
  readonly endpoint: string;
  readonly cause: Error;
}

/** No server could be reached; says for each address why. */
export class ConnectError extends ZkError {
  override name = 'ConnectError';
  declare readonly code: 'ConnectFailed' | 'AuthFailed' | 'OperationTimeout';
  /** The last failure of every address that was tried. */
  readonly attempts: readonly AttemptFailure[];

  constructor(
    code: 'ConnectFailed' | 'AuthFailed' | 'OperationTimeout',
    attempts: readonly AttemptFailure[],
    cause: Error | null = null,
  ) {
    const listed = attempts.map(({ endpoint, cause }) => `${endpoint}: ${explained(cause)}`).join('; ');
    super(code, {
      op: 'connect',
      ...(listed === '' ? {} : { message: listed }),
      cause: cause ?? attempts.at(-1)?.cause,
    });
    this.attempts = attempts;
  }
}

/** A multi that was refused as a whole: nothing changed. `index` is the operation to blame. */
export class MultiError extends ZkError {
  override name = 'MultiError';
  /** Place of the operation to blame, counted from 0. */
  readonly index: number;

  /** `blamed` is the operation at that place. */
  constructor(code: ZkErrorCode, index: number, details: ZkErrorDetails, blamed: OpName = 'multi') {
    const message = `operation ${index} (${methodOf(blamed)}): ${problem(code, blamed, details.path)}`;
    super(code, { ...details, opIndex: index, message });
    this.index = index;
  }
}

const classes: { readonly [C in ZkErrorCode]?: new (code: C, details: ZkErrorDetails) => ZkError } = {
  NoNode: NoNodeError,
  NodeExists: NodeExistsError,
  BadVersion: BadVersionError,
  NotEmpty: NotEmptyError,
  NoAuth: NoAuthError,
  AuthFailed: AuthFailedError,
  ConnectionLoss: ConnectionLossError,
  SessionExpired: SessionExpiredError,
  OperationTimeout: OperationTimeoutError,
  Closing: ClosedError,
  InvalidData: InvalidDataError,
};

/**
 * Errors are made when an answer comes in, where nobody's code is on the stack. Taken again behind the `await` of an
 * async function the stack leads to whoever awaits that: engines keep track of it, so success costs nothing.
 */
export function withCallersStack(error: unknown): unknown {
  if (ZkError.is(error)) (Error as { captureStackTrace?: (of: object) => void }).captureStackTrace?.(error);
  return error;
}

/** The error of the class that belongs to its code. */
export function makeError(code: ZkErrorCode, details: ZkErrorDetails): ZkError {
  const Class = (classes[code] ?? ZkError) as new (code: ZkErrorCode, details: ZkErrorDetails) => ZkError;
  return new Class(code, details);
}

/** Name of a number that a server sent. Numbers from the future keep their value in the message. */
export function serverError(number: number, details: ZkErrorDetails): ZkError {
  const name = errorName(number);
  if (name === undefined || name === 'Ok') {
    return makeError('SystemError', { ...details, message: `the server answered with the unknown error ${number}` });
  }
  return makeError(name, details);
}
