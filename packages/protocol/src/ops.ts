// THE table of client operations: one row per opcode. The client's calls, the server's dispatch, metrics labels and the
// reference page are derived from it; a behaviour that is missing for a row does not compile.

import * as r from './records.ts';
import type { Codec, Infer } from './jute/record.ts';

/**
 * read: answered from the tree; write: a transaction; watch: changes this connection's watches; session: about the
 * connection or session itself; internal: made by servers, refused from clients.
 */
export type Access = 'read' | 'write' | 'watch' | 'session' | 'internal';

export interface OpRow<Q = unknown, A = unknown> {
  readonly code: number;
  readonly access: Access;
  /** First release whose clients send it. */
  readonly since: string;
  /** Abbreviation in the `cons` four-letter word. */
  readonly short: string;
  readonly request: Codec<Q>;
  readonly response: Codec<A>;
  readonly meaning: string;
}

const row = <Q, A>(
  code: number,
  access: Access,
  since: string,
  short: string,
  request: Codec<Q>,
  response: Codec<A>,
  meaning: string,
): OpRow<Q, A> => ({ code, access, since, short, request, response, meaning });

export const ops = {
  create: row(1, 'write', '3.3', 'CREA', r.createRequest, r.pathRequest, 'create a node, answer its path'),
  delete: row(2, 'write', '3.3', 'DELE', r.pathVersionRequest, r.empty, 'delete a node without children'),
  exists: row(3, 'read', '3.3', 'EXIS', r.pathWatchRequest, r.statResponse, 'Stat of a node; may watch a missing one'),
  getData: row(4, 'read', '3.3', 'GETD', r.pathWatchRequest, r.dataResponse, 'data and Stat'),
  setData: row(5, 'write', '3.3', 'SETD', r.setDataRequest, r.statResponse, 'replace the data'),
  getACL: row(6, 'read', '3.3', 'GETA', r.pathRequest, r.aclResponse, 'access control list and Stat'),
  setACL: row(7, 'write', '3.3', 'SETA', r.setAclRequest, r.statResponse, 'replace the access control list'),
  getChildren: row(8, 'read', '3.3', 'GETC', r.pathWatchRequest, r.childrenResponse, 'names of the children'),
  sync: row(9, 'read', '3.3', 'SYNC', r.pathRequest, r.pathRequest, 'catch up with the leader'),
  ping: row(11, 'session', '3.3', 'PING', r.empty, r.empty, 'keep the session alive'),
  getChildren2: row(
    12,
    'read',
    '3.3',
    'GETC',
    r.pathWatchRequest,
    r.children2Response,
    'names of the children and Stat',
  ),
  check: row(13, 'write', '3.4', 'CHEC', r.pathVersionRequest, r.empty, 'check a version; inside multi only'),
  multi: row(14, 'write', '3.4', 'MULT', r.empty, r.empty, 'several writes, all or none'),
  create2: row(15, 'write', '3.5', 'CREA', r.createRequest, r.create2Response, 'create a node, answer path and Stat'),
  reconfig: row(16, 'write', '3.5', 'RECO', r.reconfigRequest, r.dataResponse, 'change the members of the ensemble'),
  checkWatches: row(17, 'watch', '3.5', 'CHKW', r.watchTypeRequest, r.empty, 'ask whether a watch is set'),
  removeWatches: row(18, 'watch', '3.5', 'REMW', r.watchTypeRequest, r.empty, 'remove a watch'),
  createContainer: row(19, 'write', '3.5', 'CREA', r.createRequest, r.create2Response, 'create a container node'),
  deleteContainer: row(20, 'internal', '3.5', 'DELE', r.pathRequest, r.empty, 'reap a container or TTL node'),
  createTTL: row(
    21,
    'write',
    '3.5',
    'CREA',
    r.createTtlRequest,
    r.create2Response,
    'create a node with a time to live',
  ),
  multiRead: row(22, 'read', '3.6', 'MLTR', r.empty, r.empty, 'several reads in one request'),
  auth: row(100, 'session', '3.3', 'SESS', r.authPacket, r.empty, 'add an identity to the connection'),
  setWatches: row(
    101,
    'watch',
    '3.3',
    'SETW',
    r.setWatchesRequest,
    r.empty,
    'register watches again after a reconnect',
  ),
  sasl: row(102, 'session', '3.4', 'SESS', r.saslToken, r.saslToken, 'one step of a SASL exchange'),
  getEphemerals: row(103, 'read', '3.6', 'GETE', r.ephemeralsRequest, r.ephemeralsResponse, "the session's ephemerals"),
  getAllChildrenNumber: row(104, 'read', '3.6', 'GETACN', r.pathRequest, r.countResponse, 'number of descendants'),
  setWatches2: row(105, 'watch', '3.6', 'STW2', r.setWatches2Request, r.empty, 'setWatches with persistent watches'),
  addWatch: row(106, 'watch', '3.6', 'ADDW', r.addWatchRequest, r.errorResponse, 'add a persistent watch'),
  whoAmI: row(107, 'session', '3.7', 'HOMI', r.empty, r.whoAmIResponse, "the connection's identities"),
  createSession: row(-10, 'internal', '3.3', 'SESS', r.empty, r.empty, 'made by the handshake'),
  closeSession: row(-11, 'write', '3.3', 'CLOS', r.empty, r.empty, 'end the session and delete its ephemerals'),
} as const satisfies Record<string, OpRow>;

export type OpName = keyof typeof ops;
export type OpRequest<N extends OpName> = Infer<(typeof ops)[N]['request']>;
export type OpResponse<N extends OpName> = Infer<(typeof ops)[N]['response']>;

/** Codes by name: `opcodes.getData === 4`. */
export const opcodes = Object.fromEntries(Object.entries(ops).map(([name, { code }]) => [name, code])) as {
  readonly [N in OpName]: number;
};
export const opNames = Object.keys(ops) as OpName[];
const namesByCode = new Map<number, OpName>(opNames.map((name) => [ops[name].code, name]));
export const opName = (code: number): OpName | undefined => namesByCode.get(code);

/** Transaction type that only the log knows: a write that failed. */
export const errorTxnType = -1;

/** xids with a meaning of their own. */
export const xids = { watchEvent: -1, ping: -2, auth: -4, setWatches: -8 } as const;

export const eventTypes = {
  none: -1,
  nodeCreated: 1,
  nodeDeleted: 2,
  nodeDataChanged: 3,
  nodeChildrenChanged: 4,
} as const;
export type EventType = 1 | 2 | 3 | 4;
/** The only state that servers put in an event. */
export const syncConnected = 3;

/** What removeWatches and checkWatches name. */
export const watcherTypes = { children: 1, data: 2, any: 3, persistent: 4, persistentRecursive: 5 } as const;
export const addWatchModes = { persistent: 0, persistentRecursive: 1 } as const;

/** Flags of the create operations. */
export const createModes = {
  persistent: 0,
  ephemeral: 1,
  persistentSequential: 2,
  ephemeralSequential: 3,
  container: 4,
  ttl: 5,
  sequentialTtl: 6,
} as const;
export type CreateMode = keyof typeof createModes;

/** Permission bits of an ACL entry. */
export const perms = { read: 1, write: 2, create: 4, delete: 8, admin: 16, all: 31 } as const;
