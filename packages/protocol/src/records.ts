// The records of the client protocol, field by field in wire order.

import { bool, bytes, empty, int, long, longNumber, record, text, vector } from './jute/record.ts';
import type { Infer } from './jute/record.ts';

export const idRecord = record({ scheme: text, id: text });
export const aclRecord = record({ perms: int, id: idRecord });
export type Acl = Infer<typeof aclRecord>;
export const aclVector = vector(aclRecord);

/** 68 bytes. Zxids and the owner are exact; times are milliseconds of wall clock. */
export const statRecord = record({
  czxid: long,
  mzxid: long,
  ctime: longNumber,
  mtime: longNumber,
  version: int,
  cversion: int,
  aversion: int,
  ephemeralOwner: long,
  dataLength: int,
  numChildren: int,
  pzxid: long,
});
export type Stat = Infer<typeof statRecord>;
export const statBytes = 68;

export const requestHeader = record({ xid: int, type: int });
export const requestHeaderBytes = 8;
export const replyHeader = record({ xid: int, zxid: long, err: int });
export const replyHeaderBytes = 16;
export const multiHeader = record({ type: int, done: bool, err: int });

/** The first frame of a connection. The trailing read-only byte is optional and handled by the reader of the frame. */
export const connectRequest = record({
  protocolVersion: int,
  lastZxidSeen: long,
  timeOut: int,
  sessionId: long,
  passwd: bytes,
});
export const connectResponse = record({ protocolVersion: int, timeOut: int, sessionId: long, passwd: bytes });

export const authPacket = record({ type: int, scheme: text, auth: bytes });
export const clientInfo = record({ authScheme: text, user: text });
export const watcherEvent = record({ type: int, state: int, path: text });

export const pathRequest = record({ path: text });
export const pathWatchRequest = record({ path: text, watch: bool });
export const createRequest = record({ path: text, data: bytes, acl: aclVector, flags: int });
export const createTtlRequest = record({ path: text, data: bytes, acl: aclVector, flags: int, ttl: longNumber });
export const create2Response = record({ path: text, stat: statRecord });
export const pathVersionRequest = record({ path: text, version: int });
export const setDataRequest = record({ path: text, data: bytes, version: int });
export const statResponse = record({ stat: statRecord });
export const dataResponse = record({ data: bytes, stat: statRecord });
export const aclResponse = record({ acl: aclVector, stat: statRecord });
export const setAclRequest = record({ path: text, acl: aclVector, version: int });
export const childrenResponse = record({ children: vector(text) });
export const children2Response = record({ children: vector(text), stat: statRecord });
export const reconfigRequest = record({
  joiningServers: text,
  leavingServers: text,
  newMembers: text,
  curConfigId: long,
});
export const setWatchesRequest = record({
  relativeZxid: long,
  data: vector(text),
  exist: vector(text),
  child: vector(text),
});
export const setWatches2Request = record({
  relativeZxid: long,
  data: vector(text),
  exist: vector(text),
  child: vector(text),
  persistent: vector(text),
  persistentRecursive: vector(text),
});
export const addWatchRequest = record({ path: text, mode: int });
export const watchTypeRequest = record({ path: text, type: int });
export const saslToken = record({ token: bytes });
export const ephemeralsRequest = record({ prefixPath: text });
export const ephemeralsResponse = record({ ephemerals: vector(text) });
export const countResponse = record({ totalNumber: int });
export const whoAmIResponse = record({ clientInfo: vector(clientInfo) });
export const errorResponse = record({ err: int });
export { empty };
