// The error table: one row per code of the client protocol. Codes, names in every spelling, messages and the reference
// page all come from here.

/** Bytes that are not a valid record. Carries no trust in the input beyond its message. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

interface ErrorRow {
  readonly code: number;
  readonly meaning: string;
}

/** Key: the name that Java's KeeperException.Code gives it, in the CamelCase of its exception. */
export const errorTable = {
  Ok: { code: 0, meaning: 'success' },
  SystemError: { code: -1, meaning: 'range marker, never sent' },
  RuntimeInconsistency: { code: -2, meaning: 'multi: an operation after the one that failed' },
  DataInconsistency: { code: -3, meaning: 'data inconsistency' },
  ConnectionLoss: { code: -4, meaning: 'the connection broke before the answer came' },
  MarshallingError: { code: -5, meaning: 'the request could not be decoded' },
  Unimplemented: { code: -6, meaning: 'operation unknown or switched off' },
  OperationTimeout: { code: -7, meaning: 'the client gave up waiting' },
  BadArguments: { code: -8, meaning: 'invalid path, flags, TTL or reconfiguration' },
  InvalidState: { code: -9, meaning: 'used by the C client only' },
  UnknownSession: { code: -12, meaning: 'session unknown to this server' },
  NewConfigNoQuorum: { code: -13, meaning: 'no connected quorum of the new configuration' },
  ReconfigInProgress: { code: -14, meaning: 'another reconfiguration is running' },
  ApiError: { code: -100, meaning: 'range marker, never sent' },
  NoNode: { code: -101, meaning: 'the node does not exist' },
  NoAuth: { code: -102, meaning: 'the ACL denies it' },
  BadVersion: { code: -103, meaning: 'the version given is not the current one' },
  NoChildrenForEphemerals: { code: -108, meaning: 'ephemeral nodes cannot have children' },
  NodeExists: { code: -110, meaning: 'the node exists already' },
  NotEmpty: { code: -111, meaning: 'the node has children' },
  SessionExpired: { code: -112, meaning: 'the session has expired or is closing' },
  InvalidCallback: { code: -113, meaning: 'client side' },
  InvalidAcl: { code: -114, meaning: 'the ACL is empty or has an unknown scheme or id' },
  AuthFailed: { code: -115, meaning: 'authentication failed' },
  Closing: { code: -116, meaning: 'the client is closing' },
  Nothing: { code: -117, meaning: 'used by the C client only' },
  SessionMoved: { code: -118, meaning: 'the session moved to another server' },
  NotReadOnly: { code: -119, meaning: 'a write was sent to a read-only server' },
  EphemeralOnLocalSession: { code: -120, meaning: 'a local session cannot own ephemerals' },
  NoWatcher: { code: -121, meaning: 'no such watch' },
  RequestTimeout: { code: -122, meaning: 'client side' },
  ReconfigDisabled: { code: -123, meaning: 'reconfiguration is switched off' },
  SessionClosedRequireAuth: { code: -124, meaning: 'the server requires another authentication scheme' },
  QuotaExceeded: { code: -125, meaning: 'a hard quota would be exceeded' },
  ThrottledOp: { code: -127, meaning: 'the request waited too long and was dropped' },
} as const satisfies Record<string, ErrorRow>;

export type ErrorName = keyof typeof errorTable;

/** Codes by name: `errorCodes.NoNode === -101`. */
export const errorCodes = Object.fromEntries(Object.entries(errorTable).map(([name, row]) => [name, row.code])) as {
  readonly [N in ErrorName]: (typeof errorTable)[N]['code'];
};

export type ErrorCode = (typeof errorTable)[ErrorName]['code'];

const namesByCode = new Map<number, ErrorName>(
  (Object.keys(errorTable) as ErrorName[]).map((name) => [errorTable[name].code, name]),
);

/** Name of a code, or undefined for one that no version of the protocol knows. */
export const errorName = (code: number): ErrorName | undefined => namesByCode.get(code);
