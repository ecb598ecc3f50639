// Where the clients of sessions are: on which connection of this server, and, as far as a leader knows, behind which
// server of the ensemble. A session has one owner at a time: requests that come from anywhere else are refused.

import type { SessionId } from '@corral/protocol';
import type { Connection } from './connection.ts';

/** Owner of a session whose client is connected to this very server. */
const local = -1;

export class Holders {
  readonly #connections = new Map<SessionId, Connection>();
  readonly #owners = new Map<SessionId, number>();

  /** The connection of this server that holds a session. */
  get(session: SessionId): Connection | undefined {
    return this.#connections.get(session);
  }

  attach(session: SessionId, connection: Connection): void {
    this.#connections.set(session, connection);
    this.#owners.set(session, local);
  }

  /** The connection is gone; the session keeps its owner until it turns up elsewhere. */
  detach(session: SessionId, connection: Connection): void {
    if (this.#connections.get(session) === connection) this.#connections.delete(session);
  }

  /** Whether a request that came through `learner` comes from the owner; a session without one gets it now. */
  claim(session: SessionId, learner: number): boolean {
    const owner = this.#owners.get(session);
    if (owner === undefined) this.#owners.set(session, learner);
    return owner === undefined || owner === learner;
  }

  /** The client has moved to a learner. */
  move(session: SessionId, learner: number): void {
    this.#owners.set(session, learner);
  }

  ended(session: SessionId): void {
    this.#owners.delete(session);
  }
}
