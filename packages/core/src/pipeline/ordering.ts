// Where writes go to be ordered, by the role of this server: proposed here when it leads (or is alone), sent to the leader
// when it learns, refused when it has none.

import type { EnsembleConfig, SessionId, Zxid } from '@corral/protocol';
import type { Txn, TxnHeader } from '../log/txn.ts';
import type { DigestHalves } from '@corral/protocol';
import type { Identity } from '../acl/schemes.ts';

export interface Leading {
  readonly kind: 'leading';
  /** Zxid before the first proposal. */
  readonly lastZxid: Zxid;
  /** Orders for the others and has no clients of its own (leaderServes=no): whoever greets is turned away. */
  readonly turnsClientsAway?: boolean;
  /** `digest`: of the tree behind this transaction. */
  propose(header: TxnHeader, txn: Txn, digest: DigestHalves | undefined): void;
  /**
   * Calls back once a majority has confirmed that this server still leads and all it proposed is decided. Missing where
   * there is nobody to ask.
   */
  confirm?(done: () => void): void;
  /** What a reconfiguration would lead to, with the version `zxid`, or the error code that refuses it. */
  plan?(request: ReconfigurationRequest, zxid: Zxid): EnsembleConfig | number;
  /** The proposal `zxid` was a reconfiguration to this. */
  reconfigure?(zxid: Zxid, config: EnsembleConfig): void;
}

export interface ReconfigurationRequest {
  readonly joining: string | null;
  readonly leaving: string | null;
  readonly newMembers: string | null;
  /** Version the change starts from; -1 for any. */
  readonly version: bigint;
}

export interface Learning {
  readonly kind: 'learning';
  /** `body` and `identities` are only borrowed. */
  forward(
    session: SessionId,
    cxid: number,
    opcode: number,
    body: Uint8Array,
    identities: readonly Identity[] | null,
  ): void;
  revalidate(session: SessionId, timeoutMs: number): void;
}

/** readOnly: no leader, clients that can live with that may read. closed: nobody is served. */
export type Ordering = Leading | Learning | { readonly kind: 'readOnly' } | { readonly kind: 'closed' };
