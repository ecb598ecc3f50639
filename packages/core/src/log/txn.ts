// A transaction: what the log records, what replicas exchange and what the tree applies. Idempotent by construction: it
// names results (final path, new version), never the request that led to them.

import type { Acl, SessionId, Zxid } from '@corral/protocol';

export interface TxnHeader {
  /** Session that asked for it; 0 for the server's own. */
  readonly clientId: SessionId;
  /** The client's xid. */
  readonly cxid: number;
  readonly zxid: Zxid;
  /** Wall clock of the leader when it prepared the transaction, ms. */
  readonly time: number;
}

export interface CreateTxn {
  readonly kind: 'create';
  /** The opcode decides what is created: 1 and 15 plain or ephemeral, 19 container, 21 with a TTL. */
  readonly code: 1 | 15 | 19 | 21;
  /** Final path, sequence suffix included. */
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly acl: readonly Acl[];
  /** Owned by header.clientId. Always false for codes 19 and 21. */
  readonly ephemeral: boolean;
  /** The parent's stored cversion after this create; -1 in very old logs stands for "one more". */
  readonly parentCversion: number;
  /** Code 21 only, else 0. */
  readonly ttlMs: number;
}
export interface DeleteTxn {
  readonly kind: 'delete';
  /** 2 by a client, 20 by the reaper of containers and TTL nodes. */
  readonly code: 2 | 20;
  readonly path: string;
}
export interface SetDataTxn {
  readonly kind: 'setData';
  /** 16 is a reconfiguration: setData on /zookeeper/config. */
  readonly code: 5 | 16;
  readonly path: string;
  readonly data: Uint8Array | null;
  /** The new version. */
  readonly version: number;
}
export interface SetAclTxn {
  readonly kind: 'setAcl';
  readonly path: string;
  readonly acl: readonly Acl[];
  /** The new aversion. */
  readonly version: number;
}
export interface CheckTxn {
  readonly kind: 'check';
  readonly path: string;
  readonly version: number;
}
/** A write that failed; applying it only advances the zxid. */
export interface ErrorTxn {
  readonly kind: 'error';
  readonly code: number;
}
export interface CreateSessionTxn {
  readonly kind: 'createSession';
  readonly timeoutMs: number;
}
export interface CloseSessionTxn {
  readonly kind: 'closeSession';
  /** Ephemerals of the session as the leader saw them; null in logs of servers with closeSessionTxn.enabled=false. */
  readonly paths: readonly string[] | null;
}
export type SingleTxn = CreateTxn | DeleteTxn | SetDataTxn | SetAclTxn | CheckTxn | ErrorTxn;
/** All or nothing: when any part is an error, none is applied. */
export interface MultiTxn {
  readonly kind: 'multi';
  readonly parts: readonly SingleTxn[];
}
export type Txn = SingleTxn | CreateSessionTxn | CloseSessionTxn | MultiTxn;

/** Tree digest after a transaction, as servers with digest.enabled put it behind the body. */
export interface TxnDigest {
  readonly version: number;
  /** Unsigned 64 bits. */
  readonly value: bigint;
}
