// Where the clients of sessions are: on which connection of this server, and, as far as a leader knows, at which server of
// the ensemble. A session has one owner at a time: requests that come from anywhere else are refused.

import type { SessionId } from '@corral/protocol';
import type { Connection } from './connection.ts';

export class Holders {
  readonly #self: number;
  readonly #connections = new Map<SessionId, Connection>();
  readonly #owners: Map<SessionId, number>;

  /** `owners`: what the leader before knew; without, whoever comes first has a session. */
  constructor(self: number, owners?: ReadonlyMap<SessionId, number>) {
    this.#self = self;
    this.#owners = new Map(owners);
  }

  /** Server number by session. */
  get owners(): ReadonlyMap<SessionId, number> {
    return this.#owners;
  }

  /** The connection of this server that holds a session. */
  get(session: SessionId): Connection | undefined {
    return this.#connections.get(session);
  }

  attach(session: SessionId, connection: Connection): void {
    this.#connections.set(session, connection);
    this.#owners.set(session, this.#self);
  }

  /** Goes on with a connection of the role before; false when its client has been somewhere else since. */
  keep(session: SessionId, connection: Connection): boolean {
    if (!this.claim(session, this.#self)) return false;
    this.#connections.set(session, connection);
    return true;
  }

  /** The connection is gone; the session keeps its owner until it turns up elsewhere. */
  detach(session: SessionId, connection: Connection): void {
    if (this.#connections.get(session) === connection) this.#connections.delete(session);
  }

  /** Whether a request that came through `server` comes from the owner; a session without one gets it now. */
  claim(session: SessionId, server: number): boolean {
    const owner = this.#owners.get(session);
    if (owner === undefined) this.#owners.set(session, server);
    return owner === undefined || owner === server;
  }

  /** The client has moved to another server. */
  move(session: SessionId, server: number): void {
    this.#owners.set(session, server);
  }

  ended(session: SessionId): void {
    this.#owners.delete(session);
  }
}
