// Figures that the replica keeps about itself: plain fields, written on the request path, read by whoever reports them.

/** Count, sum and extremes of a quantity. */
export class Spread {
  count = 0;
  sum = 0;
  min = Infinity;
  max = 0;

  add(value: number): void {
    this.count++;
    this.sum += value;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
  }

  reset(): void {
    this.count = 0;
    this.sum = 0;
    this.min = Infinity;
    this.max = 0;
  }
}

/** Names under which durations (ms) are reported to `observe`. */
export type Duration = 'readlatency' | 'updatelatency' | 'forwardedlatency' | 'propagation';

/** Above the codes of what clients may ask for, below them is nothing but -10 and -11. */
const opcodeShift = 16;

export class ReplicaStats {
  packetsReceived = 0;
  packetsSent = 0;
  authFailures = 0;
  /** Writes refused because their transaction would be longer than other servers read. */
  txnsTooLong = 0;
  staleSessionsExpired = 0;
  sessionlessExpired = 0;
  connectionRequests = 0;
  revalidations = 0;
  commits = 0;
  /** Transactions behind which the tree had another digest than the one recorded with them. */
  digestMismatches = 0;
  /** Those among them that this server told as the leader. */
  digestsToldWrongly = 0;
  bytesReceived = 0;
  bytesSent = 0;
  /** Latency of all requests, ms. */
  readonly latency = new Spread();
  /** Requests, by opcode and `opcodeShift`. */
  readonly #operations = new Float64Array(128 + opcodeShift);
  /** Events sent, by type: created, deleted, data changed, children changed. */
  readonly events = [0, 0, 0, 0];
  eventBytes = 0;
  ttlNodesCreated = 0;
  ttlNodesDeleted = 0;
  /** Connections closed by this server; those that came while it served nobody; requests too long to be taken. */
  hungUp = 0;
  closedWithoutLeader = 0;
  tooLarge = 0;
  /** Connections closed because they held too much memory; watches refused for the same reason. */
  cutOff = 0;
  watchesRefused = 0;
  lastReplyBytes = -1;
  minReplyBytes = -1;
  maxReplyBytes = -1;
  /** Set by the host: hears of every duration. */
  observe: ((name: Duration, ms: number) => void) | undefined;
  /** Set by the host: hears how many reads were answered together once the write before them was. */
  observeReleased: ((reads: number) => void) | undefined;
  /** Set by the host: hears of every change of a node that fired watches, by type of event, and how many. */
  observeFired: ((type: number, count: number) => void) | undefined;

  operation(opcode: number): void {
    this.#operations[opcode + opcodeShift]++; // an unknown opcode falls outside and is not counted
  }

  operations(opcode: number): number {
    return this.#operations[opcode + opcodeShift] ?? 0;
  }

  replySize(bytes: number): void {
    this.lastReplyBytes = bytes;
    if (this.minReplyBytes < 0 || bytes < this.minReplyBytes) this.minReplyBytes = bytes;
    if (bytes > this.maxReplyBytes) this.maxReplyBytes = bytes;
  }

  reset(): void {
    this.packetsReceived = 0;
    this.packetsSent = 0;
    this.latency.reset();
    this.lastReplyBytes = this.minReplyBytes = this.maxReplyBytes = -1;
  }
}
