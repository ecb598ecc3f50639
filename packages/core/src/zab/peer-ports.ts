// Which part of a member a connection belongs to: the election, the present role, or, while there is none, the callers that
// wait for one.

import type { EnsembleInput, PeerLink, PeerPort } from '../effects.ts';
import { Callers } from './callers.ts';
import type { ElectionMesh } from './election-mesh.ts';
import type { Role } from './zab.ts';

type ConnectionInput = Extract<EnsembleInput, { kind: 'peerOpened' | 'peerReceived' | 'peerDrained' | 'peerClosed' }>;

export interface PortsOwner {
  readonly mesh: ElectionMesh;
  readonly role: () => Role | undefined;
  /** Whether this server may lead soon, without knowing it yet. */
  readonly mayLead: () => boolean;
  /** How long a caller waits for the role. */
  readonly waitMs: number;
}

export class PeerPorts {
  readonly #owner: PortsOwner;
  readonly #callers = new Callers();
  readonly #ports = new Map<number, PeerPort>();

  constructor(owner: PortsOwner) {
    this.#owner = owner;
  }

  step(input: ConnectionInput): void {
    const { connection, now } = input;
    const { mesh } = this.#owner;
    const role = this.#owner.role();
    const isElection = this.#ports.get(connection) === 'election';
    switch (input.kind) {
      case 'peerOpened':
        return this.#opened(connection, input.link, input.port, input.dial, now);
      case 'peerReceived': {
        const { bytes, start, end } = input;
        if (isElection) return mesh.received(connection, bytes, start, end, now);
        if (!this.#callers.received(connection, bytes, start, end)) role?.received(connection, bytes, start, end);
        return;
      }
      case 'peerDrained':
        return role?.drained(connection);
      case 'peerClosed':
        this.#ports.delete(connection);
        this.#callers.closed(connection);
        return isElection ? mesh.closed(connection, now) : role?.closed(connection);
    }
  }

  #opened(connection: number, link: PeerLink, port: PeerPort, dial: number | undefined, now: number): void {
    const { mesh, mayLead } = this.#owner;
    const role = this.#owner.role();
    this.#ports.set(connection, port);
    if (port === 'election') return mesh.opened(connection, link, dial, now);
    if (dial !== undefined || role?.kind === 'leading')
      return role === undefined ? link.close() : role.opened(connection, link, dial);
    // It may know before us that we lead; a follower has nothing to say to it.
    if (mayLead()) this.#callers.add(connection, link, now);
    else link.close();
  }

  /** A role has begun: the leader hears those that have called. */
  begun(role: Role): void {
    if (role.kind === 'leading') this.#callers.introduceTo(role);
    else this.#callers.dismissAll();
  }

  tick(now: number): void {
    this.#callers.dismissLate(now, this.#owner.waitMs);
  }
}
