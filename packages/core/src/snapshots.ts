// When snapshots are taken, and how a state becomes one: after so many transactions or log bytes, never two at a time,
// never at the same moment on all servers.

import type { Zxid } from '@corral/protocol';
import { zxidZero } from '@corral/protocol';
import type { Host, SnapshotSource } from './effects.ts';
import type { SnapshotForm } from './log/snapshot-writer.ts';
import { SnapshotWriter } from './log/snapshot-writer.ts';
import type { ReplicaOptions } from './options.ts';
import type { RestoredState } from './restored-state.ts';
import { FrozenTree } from './tree/frozen-tree.ts';

const nodesPerStep = 512;

/** The state as of now, to be pulled at leisure. */
export function snapshotOf(
  { tree, sessions }: Pick<RestoredState, 'tree' | 'sessions'>,
  options: Pick<ReplicaOptions, 'digestEnabled' | 'serializeLastZxid'>,
  form: SnapshotForm = 'file',
  zxid: Zxid = tree.lastZxid,
): SnapshotSource {
  const ending = {
    zxid,
    ...(options.digestEnabled ? { digest: tree.digest.value } : {}),
    ...(options.serializeLastZxid ? { lastZxid: zxid } : {}),
  };
  const writer = new SnapshotWriter(form);
  writer.begin(
    [...sessions.values()].filter((s) => s.persisted).map((s) => [s.id, s.timeoutMs] as const),
    tree.acls.entries(),
  );
  const frozen = new FrozenTree(tree, (node) => writer.node(node));
  let isOpen = true;
  return {
    zxid,
    next: () => {
      for (;;) {
        const chunk = writer.drain();
        if (chunk !== undefined) return chunk;
        if (!isOpen) return null;
        if (frozen.advance(nodesPerStep)) continue;
        isOpen = false;
        writer.finish(ending);
      }
    },
    abandon: () => frozen.thaw(),
  };
}

export class Snapshots {
  readonly #options: ReplicaOptions;
  readonly #host: Host;
  readonly #random: () => number;
  #isWriting = false;
  #txns: number;
  #bytesAtSnapshot = 0;
  #bytesAtRoll = 0;
  #dueTxns = 0;
  #dueBytes = 0;
  /** The snapshot that was written last, for reports. */
  last: { readonly zxid: Zxid; readonly wall: number } = { zxid: zxidZero, wall: 0 };

  /** `replayed`: transactions that came from the log at start; they count towards the next snapshot. */
  constructor(options: ReplicaOptions, host: Host, random: () => number, replayed: number) {
    this.#options = options;
    this.#host = host;
    this.#random = random;
    this.#txns = replayed;
    this.#drawMoment();
  }

  /** Transactions were decided; the log has grown to `logBytes`. Begins a snapshot or a new log file when due. */
  decided(txns: number, logBytes: number, state: RestoredState): void {
    this.#txns += txns;
    const { snapBytes, logBytesMax } = this.#options;
    const isDue = this.#txns > this.#dueTxns || (snapBytes > 0 && logBytes - this.#bytesAtSnapshot > this.#dueBytes);
    if (isDue && !this.#isWriting) this.start(logBytes, state);
    else if (logBytesMax > 0 && logBytes - this.#bytesAtRoll > logBytesMax) this.#roll(logBytes);
  }

  /** Begins a snapshot of what is applied now; false when one is being written already. */
  start(logBytes: number, state: RestoredState): boolean {
    if (this.#isWriting) return false;
    this.#isWriting = true;
    this.#txns = 0;
    this.#bytesAtSnapshot = logBytes;
    this.#drawMoment();
    this.#roll(logBytes);
    this.#host.writeSnapshot(snapshotOf(state, this.#options));
    return true;
  }

  done(zxid: Zxid, wall: number, error: string | undefined): void {
    this.#isWriting = false;
    if (error === undefined) this.last = { zxid, wall };
  }

  #roll(logBytes: number): void {
    this.#bytesAtRoll = logBytes;
    this.#host.rollLog();
  }

  /** Servers that started together should not all write their snapshots at the same moment. */
  #drawMoment(): void {
    const { snapCount, snapBytes } = this.#options;
    this.#dueTxns = snapCount / 2 + this.#random() * (snapCount / 2);
    this.#dueBytes = snapBytes / 2 + this.#random() * (snapBytes / 2);
  }
}

/** Numbers in [0, 1) from a seed (a 32-bit mix of a counter). */
export function randomFrom(seed: number): () => number {
  let counter = seed | 0;
  return () => {
    counter = (counter + 0x6d2b79f5) | 0;
    let x = Math.imul(counter ^ (counter >>> 15), 1 | counter);
    x ^= x + Math.imul(x ^ (x >>> 7), 61 | x);
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  };
}
