// Drives one replica: feeds it what sockets, disk and clock have to say, one input at a time, and carries out its
// effects. Holds no rules of its own about requests or transactions.

import type { Host, Note, SnapshotSource } from '@corral/core';
import { Member, Replica } from '@corral/core';
import type { ReplicaOptions, RestoredState } from '@corral/core';
import type { Zxid } from '@corral/protocol';
import { formatSessionId, formatZxid, nextZxid } from '@corral/protocol';
import type { Logger } from './log.ts';
import type { ClientConnection } from './net/client-connection.ts';
import type { TxnLogWriter } from './storage/txn-log.ts';
import { writeSnapshot } from './storage/snapshot-files.ts';

export interface HostParts {
  readonly options: ReplicaOptions;
  readonly state: RestoredState;
  readonly replayed: number;
  readonly log: TxnLogWriter;
  readonly snapDir: string;
  readonly compression: 'none' | 'gz';
  readonly logger: Logger;
  /** Called once, when the replica cannot go on. */
  readonly halted: (reason: string) => void;
  readonly snapshotWritten: (ms: number) => void;
  /** So many transactions go to the log together; it took so long to make them durable. */
  readonly appending: (count: number) => void;
  readonly appended: (ms: number) => void;
  /** A tick came so late: the event loop was busy. */
  readonly tickLate: (ms: number) => void;
}

/** What a host drives: a standalone replica or a member of an ensemble. */
export type Engine = Replica | Member;

/** Containers are looked for no more often, however short the interval that is set. */
const reapMsMin = 20;

/** How many recent tree digests are remembered, one for every so many transactions. */
const digestsKept = 64;
const digestEvery = 128;

export class ReplicaHost implements Host {
  /** Replaced only when the whole tree is. */
  replica: Engine;
  #isReplacing = false;
  readonly options: ReplicaOptions;
  readonly #parts: HostParts;
  readonly #ticker: NodeJS.Timeout;
  #rollBeforeAppend = false;
  #snapshot: Promise<void> | undefined;
  #idle: (() => void) | undefined;
  /** Zxid and tree digest at intervals, oldest first. */
  readonly digests: { zxid: number; digest: bigint }[] = [];

  constructor(
    parts: HostParts,
    make: (host: ReplicaHost) => Engine = (host) => new Replica(parts.options, host, parts.state, parts.replayed),
  ) {
    this.#parts = parts;
    this.options = parts.options;
    this.replica = make(this);
    // What the sockets hold is read before anything expires: setImmediate comes after the poll for input.
    const everyMs = Math.min(parts.options.tickMs, 1000, Math.max(parts.options.containerCheckMs, reapMsMin));
    let due = performance.now() + everyMs;
    const tick = (): void => {
      const now = performance.now();
      parts.tickLate(now - due);
      due = now + everyMs;
      setImmediate(() => this.step({ kind: 'tick' }));
    };
    this.#ticker = setInterval(tick, everyMs);
  }

  // Inputs.

  step(
    input: { kind: 'tick' } | { kind: 'turn' } | { kind: 'snapshotDone'; zxid: Zxid; error: string | undefined },
  ): void {
    // Nothing may be proposed while the tree is being replaced.
    if (this.#isReplacing && input.kind === 'tick') return;
    this.replica.step({ ...input, now: performance.now(), wall: Date.now() });
    this.#checkIdle();
  }

  opened(link: ClientConnection): void {
    if (this.#isReplacing) return void link.socket.destroy();
    const { id: connection, address } = link;
    this.replica.step({ kind: 'opened', connection, link, address, now: performance.now(), wall: Date.now() });
  }

  received({ id: connection }: ClientConnection, bytes: Uint8Array, start: number, end: number): void {
    this.replica.step({ kind: 'received', connection, bytes, start, end, now: performance.now(), wall: Date.now() });
  }

  drained({ id: connection }: ClientConnection): void {
    this.replica.step({ kind: 'drained', connection, now: performance.now(), wall: Date.now() });
  }

  closed({ id: connection }: ClientConnection): void {
    this.replica.step({ kind: 'closed', connection, now: performance.now(), wall: Date.now() });
  }

  // Effects.

  append(op: number, firstZxid: Zxid, bytes: Uint8Array, count: number): void {
    this.#parts.appending(count);
    const began = performance.now();
    if (this.#rollBeforeAppend) this.#parts.log.roll();
    this.#rollBeforeAppend = false;
    this.#parts.log.append(firstZxid, bytes, (error) => this.#appended(op, error, began));
  }

  #appended(op: number, error: Error | undefined, began: number): void {
    const moment = { now: performance.now(), wall: Date.now() };
    if (error === undefined) this.#parts.appended(moment.now - began);
    if (error !== undefined) return this.replica.step({ kind: 'diskFailed', op, reason: error.message, ...moment });
    this.replica.step({ kind: 'appended', op, ...moment });
    this.#rememberDigest();
    this.#checkIdle();
  }

  /** Takes effect with the next append: the one under way belongs to the old file. */
  rollLog(): void {
    this.#rollBeforeAppend = true;
  }

  writeSnapshot(source: SnapshotSource): void {
    this.#snapshot = this.#write(source).finally(() => (this.#snapshot = undefined));
  }

  async #write(source: SnapshotSource): Promise<void> {
    const { snapDir, compression, logger } = this.#parts;
    const started = performance.now();
    let failure: string | undefined;
    try {
      const { path, bytes } = await writeSnapshot(snapDir, source.zxid, source, { compression });
      const ms = Math.round(performance.now() - started);
      logger.info({ file: path, bytes, ms }, 'snapshot written');
      this.#parts.snapshotWritten(ms);
    } catch (error) {
      // The log still holds everything, so this is an alarm and no reason to stop.
      source.abandon();
      failure = error instanceof Error ? error.message : String(error);
      logger.error(
        { zxid: formatZxid(source.zxid), error: failure },
        'the snapshot could not be written; the log grows',
      );
    }
    this.step({ kind: 'snapshotDone', zxid: source.zxid, error: failure });
  }

  requestTurn(): void {
    setImmediate(() => this.step({ kind: 'turn' }));
  }

  halt(reason: string): void {
    clearInterval(this.#ticker);
    this.#parts.halted(reason);
  }

  note(event: Note): void {
    const { logger } = this.#parts;
    switch (event.kind) {
      case 'sessionExpired':
        return logger.info({ session: formatSessionId(event.session) }, 'session expired');
      case 'sessionMoved':
        return logger.debug({ session: formatSessionId(event.session), address: event.address }, 'session moved here');
      case 'authFailed':
        return logger.warn({ scheme: event.scheme, address: event.address }, 'authentication failed');
      case 'softQuotaExceeded':
        return logger.warn({ path: event.path }, 'soft quota exceeded');
      case 'ensemble':
        return logger[event.level](event.facts ?? {}, event.message);
    }
  }

  #rememberDigest(): void {
    const { tree } = this.replica.pipeline.ctx;
    const last = this.digests.at(-1)?.zxid ?? 0;
    if (tree.lastZxid - last < digestEvery) return;
    this.digests.push({ zxid: tree.lastZxid, digest: tree.digest.value });
    if (this.digests.length > digestsKept) this.digests.shift();
  }

  /**
   * Serves another state instead, under a zxid beyond everything so far: the snapshot that is written of it is the newest,
   * so a restart finds it, and no client is taken back in time. Rejects, with everything as it was, when that snapshot
   * cannot be written.
   */
  async replaceState(state: RestoredState, cutClients: () => void): Promise<Zxid> {
    if (this.replica instanceof Member)
      throw new Error('a member of an ensemble takes its state from the leader: restore on a standalone server');
    if (this.#isReplacing) throw new Error('the tree is being replaced already');
    this.#isReplacing = true;
    try {
      cutClients();
      await this.settle();
      state.tree.lastZxid = nextZxid(Math.max(state.tree.lastZxid, this.replica.pipeline.ctx.tree.lastZxid) as Zxid);
      const replica = new Replica(this.options, this, state);
      const source = replica.snapshotSource();
      await writeSnapshot(this.#parts.snapDir, source.zxid, source, { compression: 'none' });
      this.replica = replica;
      this.digests.length = 0;
      this.rollLog();
      return source.zxid;
    } finally {
      this.#isReplacing = false;
    }
  }

  // Stopping.

  /** Resolves when every write in flight is durable and answered, and the snapshot under way is written. */
  async settle(): Promise<void> {
    if (!this.replica.isIdle && !this.replica.isHalted) await new Promise<void>((resolve) => (this.#idle = resolve));
    await this.#snapshot;
  }

  #checkIdle(): void {
    if (this.#idle === undefined || (!this.replica.isIdle && !this.replica.isHalted)) return;
    this.#idle();
    this.#idle = undefined;
  }

  stop(): void {
    clearInterval(this.#ticker);
  }
}
