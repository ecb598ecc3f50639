// The state of a replica while it is being restored from disk: snapshot first, then the log on top.

import { zxidZero } from '@corral/protocol';
import type { Acl, SessionId, Zxid } from '@corral/protocol';
import type { Entry } from './effects.ts';
import type { RecoveryTarget } from './log/recovery.ts';
import type { SnapshotNode } from './log/snapshot-node.ts';
import type { Txn, TxnDigest, TxnHeader } from './log/txn.ts';
import type { ReplicaOptions } from './options.ts';
import { applyTxn } from './pipeline/apply.ts';
import { SessionTable } from './sessions/session-table.ts';
import { DataTree } from './tree/data-tree.ts';
import { digestVersion } from '@corral/protocol';

export type StateOptions = Pick<ReplicaOptions, 'tickMs' | 'extendedTypes' | 'emulate353' | 'seed'>;

/** Top byte of the owner of a TTL node. */
const ttlMark = 0xffn;

export class RestoredState implements RecoveryTarget {
  readonly tree: DataTree;
  readonly sessions: SessionTable;
  /** Recorded tree digests that did not match what was replayed: a defect somewhere, here or in the writer. */
  digestMismatches = 0;
  /** Nodes with a time to live on a server that has no such nodes; they stay until somebody decides. */
  keptTtlNodes = 0;
  /** Zxid of the snapshot that was loaded. */
  snapshotZxid: Zxid = zxidZero;
  /** The last transactions as bytes, and the zxid before them, for a member of an ensemble. */
  readonly entries: Entry[] = [];
  base: Zxid = zxidZero;
  readonly #entriesKept: number;
  /** Digests recorded behind a fuzzy snapshot's own mean nothing until replay has caught up with it. */
  comparableFrom = 0;

  /** `entriesKept`: how many of the last transactions are remembered as bytes. */
  constructor(options: StateOptions, entriesKept = 0) {
    this.#entriesKept = entriesKept;
    this.tree = new DataTree({ ...options, hashSeed: options.seed });
    this.sessions = new SessionTable(options.tickMs);
  }

  /** The state of a new, empty server. */
  static fresh(options: StateOptions, entriesKept = 0): RestoredState {
    const state = new RestoredState(options, entriesKept);
    state.tree.addSystemNodes();
    return state;
  }

  session(id: SessionId, timeoutMs: number): void {
    this.sessions.add(id, timeoutMs).persisted = true;
  }

  acl(id: number, acl: readonly Acl[]): void {
    this.tree.acls.load(id, acl);
  }

  node(node: SnapshotNode): void {
    this.tree.loadNode(node);
  }

  snapshotDone(snapshot: { readonly zxid: Zxid; readonly digest?: { readonly zxid: Zxid } | undefined }): void {
    this.tree.finishLoading();
    this.tree.lastZxid = this.snapshotZxid = this.base = snapshot.zxid;
    this.comparableFrom = snapshot.digest?.zxid ?? snapshot.zxid;
  }

  txn(header: TxnHeader, txn: Txn, digest?: TxnDigest, payload?: Uint8Array): void {
    if (this.tree.nodes.count === 0) this.tree.addSystemNodes(); // a log trusted without a snapshot
    applyTxn(this, header, txn);
    if (this.#entriesKept > 0 && payload !== undefined) this.#remember({ zxid: header.zxid, payload: payload.slice() });
    else this.base = header.zxid;
    if (digest?.version !== digestVersion || header.zxid < this.comparableFrom) return;
    if (digest.value !== this.tree.digest.value) this.digestMismatches++;
  }

  /** Keeps between one and two times as many as are asked for, so that forgetting costs nothing. */
  #remember(entry: Entry): void {
    this.entries.push(entry);
    if (this.entries.length < 2 * this.#entriesKept) return;
    this.base = this.entries[this.#entriesKept - 1].zxid;
    this.entries.splice(0, this.#entriesKept);
  }

  /**
   * Ephemerals whose session did not survive go, as on every server that restarts. What looks like the owner of a TTL node
   * stays also where TTL nodes are switched off: it is more likely data than an ephemeral of server 255.
   */
  finish(): void {
    if (this.tree.nodes.count === 0) this.tree.addSystemNodes();
    const orphaned = [...this.tree.ephemeralOwners()].map(([id]) => id as SessionId);
    for (const clientId of orphaned) {
      if (this.sessions.get(clientId) !== undefined) continue;
      if (BigInt.asUintN(64, clientId) >> 56n === ttlMark) {
        this.keptTtlNodes += this.tree.ephemeralsOf(clientId).size;
        continue;
      }
      this.tree.closeSession({ clientId, cxid: 0, zxid: this.tree.lastZxid, time: 0 }, null);
    }
    this.tree.completed(this.tree.lastZxid);
  }
}
