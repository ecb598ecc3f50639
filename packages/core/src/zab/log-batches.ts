// Accept: what is proposed becomes durable here. Records gather while the disk is busy and go to it together (group
// commit), with one log operation in flight. In an ensemble of one, durable is decided. To this file a transaction is
// bytes with a zxid.

import { JuteWriter, zxidZero } from '@corral/protocol';
import type { Zxid } from '@corral/protocol';
import type { DiskOp } from '../effects.ts';

/** Effects of logging. */
export interface LogHost {
  append(op: DiskOp, firstZxid: Zxid, bytes: Uint8Array, count: number): void;
  requestTurn(): void;
}

const batchBytesMin = 4096;
const batchBytesKept = 1 << 20;

export class LogBatches {
  readonly #host: LogHost;
  readonly #accepted: (zxid: Zxid) => void;
  readonly #nextOp: () => DiskOp;
  #batch = new JuteWriter(batchBytesMin);
  #batchFirst = zxidZero;
  #batchLast = zxidZero;
  /** Records in the batch, and in the append under way. */
  #gathered = 0;
  #appending = 0;
  /** Last zxid of the batch that the disk is busy with. */
  #appendingLast = zxidZero;
  #op: DiskOp = 0;
  #isAppending = false;
  #turnRequested = false;
  /** Last append that is done. */
  durable: DiskOp = 0;
  /** Log bytes handed to the disk so far. */
  bytesAppended = 0;

  /** `accepted(zxid)`: every record up to zxid is durable. */
  constructor(host: LogHost, nextOp: () => DiskOp, accepted: (zxid: Zxid) => void) {
    this.#host = host;
    this.#nextOp = nextOp;
    this.#accepted = accepted;
  }

  /** Takes the next transaction: the caller appends its record to what is returned, at once. Zxids must follow each other. */
  log(zxid: Zxid): JuteWriter {
    if (this.#gathered++ === 0) this.#batchFirst = zxid;
    this.#batchLast = zxid;
    if (!this.#isAppending) this.#requestTurn();
    return this.#batch;
  }

  #requestTurn(): void {
    if (this.#turnRequested) return;
    this.#turnRequested = true;
    this.#host.requestTurn();
  }

  /** Everything that had arrived was handled: what has gathered goes to the disk. */
  turn(): void {
    this.#turnRequested = false;
    if (!this.#isAppending && this.#gathered > 0) this.#append();
  }

  /** The disk operation is done. Stale answers, of an operation that is not the current one, change nothing. */
  appended(op: DiskOp): void {
    if (!this.#isAppending || op !== this.#op) return;
    this.#isAppending = false;
    this.durable = op;
    const accepted = this.#appendingLast;
    // Enough has gathered: the disk goes on at once. Otherwise the answers about to leave will bring more requests, and
    // one larger append after them costs less than two.
    if (this.#gathered * 2 >= this.#appending && this.#gathered > 0) this.#append();
    this.#accepted(accepted);
    if (!this.#isAppending && this.#gathered > 0) this.#requestTurn();
  }

  /** True when nothing waits for the disk. */
  get idle(): boolean {
    return !this.#isAppending && this.#gathered === 0;
  }

  #append(): void {
    this.#isAppending = true;
    this.#op = this.#nextOp();
    this.#appendingLast = this.#batchLast;
    this.#appending = this.#gathered;
    this.#gathered = 0;
    const capacity = Math.min(Math.max(batchBytesMin, this.#batch.length), batchBytesKept);
    const bytes = this.#batch.detach(capacity);
    this.bytesAppended += bytes.length;
    this.#host.append(this.#op, this.#batchFirst, bytes, this.#appending);
  }
}
