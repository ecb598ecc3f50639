// Sessions and when they end. Deadlines are rounded up to the next tick and sessions wait in buckets, one per tick; a
// touch only writes the new deadline, and a session found in an old bucket moves on to the right one.
//
// The table has a clock of its own that advances with the ticks it is given but never by more than a bounded step: after
// the process (or the machine) stood still, every deadline is that much later, and clients that went on sending get the
// chance to be heard before anything expires.

import type { SessionId } from '@corral/protocol';

/** local: known to one server only. upgrading: about to be known everywhere. */
export type SessionScope = 'global' | 'local' | 'upgrading';

export interface Session {
  readonly id: SessionId;
  scope: SessionScope;
  timeoutMs: number;
  /** Its createSession is applied: it belongs into snapshots. */
  persisted: boolean;
  /** No new request is accepted: closeSession is on its way. */
  closing: boolean;
  /** In the table's clock. */
  deadline: number;
  /** The bucket that it waits in; `noBucket` once `expire` has taken it out. */
  bucket: number;
}

const noBucket = 0;

export class SessionTable {
  readonly #tickMs: number;
  readonly #scope: SessionScope;
  readonly #byId = new Map<SessionId, Session>();
  readonly #buckets = new Map<number, Set<Session>>();
  #clock = 0;
  #lastNow: number | undefined;
  #nextBucket: number;

  constructor(tickMs: number, scope: SessionScope = 'global') {
    this.#tickMs = tickMs;
    this.#scope = scope;
    this.#nextBucket = tickMs;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** The table's own clock, ms. */
  get clock(): number {
    return this.#clock;
  }

  get(id: SessionId): Session | undefined {
    return this.#byId.get(id);
  }

  values(): IterableIterator<Session> {
    return this.#byId.values();
  }

  /** Adds a session, or gives an existing one a new timeout. */
  add(id: SessionId, timeoutMs: number): Session {
    let session = this.#byId.get(id);
    if (session === undefined) {
      session = { id, scope: this.#scope, timeoutMs, persisted: false, closing: false, deadline: 0, bucket: noBucket };
      this.#byId.set(id, session);
    }
    session.timeoutMs = timeoutMs;
    session.deadline = this.#roundUp(this.#clock + timeoutMs);
    if (session.bucket === noBucket || session.deadline < session.bucket) {
      this.#leave(session);
      this.#enter(session, session.deadline);
    }
    return session;
  }

  /** A leader begins: everybody has the full time again, and what an earlier one had begun is forgotten. */
  restart(): void {
    for (const session of [...this.#byId.values()]) {
      if (!session.persisted) {
        this.remove(session.id);
        continue;
      }
      session.closing = false;
      this.add(session.id, session.timeoutMs);
    }
  }

  /** The client was heard. */
  touch(session: Session): void {
    session.deadline = this.#roundUp(this.#clock + session.timeoutMs);
  }

  remove(id: SessionId): void {
    const session = this.#byId.get(id);
    if (session === undefined) return;
    this.#byId.delete(id);
    this.#leave(session);
  }

  /** Advances the clock to `now` (monotonic ms). A gap beyond a tick and a half is a pause: it counts as one tick. */
  observe(now: number): void {
    const elapsed = now - (this.#lastNow ?? now);
    this.#lastNow = now;
    this.#clock += elapsed > this.#tickMs * 1.5 ? this.#tickMs : Math.max(0, elapsed);
  }

  /**
   * The sessions whose time is up, marked closing; they stay in the table until their closeSession is applied. Call it
   * at least once a tick, after everything that had arrived was heard.
   */
  expire(): Session[] {
    const expired: Session[] = [];
    for (; this.#nextBucket <= this.#clock; this.#nextBucket += this.#tickMs) this.#empty(this.#nextBucket, expired);
    return expired;
  }

  /** Sessions by the moment (table clock) they would end at, for `dump`. */
  buckets(): { at: number; sessions: SessionId[] }[] {
    const byDeadline = new Map<number, SessionId[]>();
    for (const session of this.#byId.values()) {
      const list = byDeadline.get(session.deadline);
      if (list === undefined) byDeadline.set(session.deadline, [session.id]);
      else list.push(session.id);
    }
    return [...byDeadline].sort((a, b) => a[0] - b[0]).map(([at, sessions]) => ({ at, sessions }));
  }

  #roundUp(at: number): number {
    return (Math.floor(at / this.#tickMs) + 1) * this.#tickMs;
  }

  #leave(session: Session): void {
    const sessions = this.#buckets.get(session.bucket);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#buckets.delete(session.bucket);
  }

  #enter(session: Session, bucket: number): void {
    session.bucket = bucket;
    const sessions = this.#buckets.get(bucket);
    if (sessions === undefined) this.#buckets.set(bucket, new Set([session]));
    else sessions.add(session);
  }

  #empty(bucket: number, expired: Session[]): void {
    const sessions = this.#buckets.get(bucket);
    if (sessions === undefined) return;
    this.#buckets.delete(bucket);
    for (const session of sessions) {
      if (session.deadline > bucket) {
        this.#enter(session, session.deadline);
        continue;
      }
      // What ends it may never be decided. A session that still named its old bucket would not enter one at `restart`,
      // and would live for ever.
      session.bucket = noBucket;
      if (!session.closing) {
        session.closing = true;
        expired.push(session);
      }
    }
  }
}
