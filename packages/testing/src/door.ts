// Where the clients of one server come in.

import type { Machine } from './machine.ts';
import { ServedConnection } from './served-connection.ts';
import type { ClientEnd, ServerEnd, Traffic } from './served-connection.ts';

/** Makes the server's end of a connection. */
export type Opener = (connection: ServedConnection, address: string) => ServerEnd;

export class Door {
  readonly connections = new Set<ServedConnection>();
  readonly #traffic: Traffic;
  readonly #open: Opener;
  isOpen = false;

  constructor(traffic: Omit<Traffic, 'ended'>, open: Opener) {
    this.#open = open;
    this.#traffic = Object.assign(Object.create(traffic) as Omit<Traffic, 'ended'>, {
      ended: (connection: ServedConnection) => void this.connections.delete(connection),
    });
  }

  /** `owner`: what the test knows this client by. */
  accept(client: ClientEnd, owner?: object): ServedConnection {
    const connection = new ServedConnection(this.#traffic, client, owner);
    this.connections.add(connection);
    connection.attach(this.#open(connection, client.address));
    return connection;
  }

  /** Nobody comes in any more, and who is in is cut off. */
  shut(): void {
    this.isOpen = false;
    for (const connection of [...this.connections]) connection.drop();
  }
}

/** Connections to a server in this process, each with a number of its own. */
export function openerOf(machine: Machine): Opener {
  let connections = 0;
  return (link, address) => {
    const connection = ++connections;
    machine.input({ kind: 'opened', connection, link, address });
    return {
      received: (bytes) => machine.input({ kind: 'received', connection, bytes, start: 0, end: bytes.length }),
      drained: () => machine.input({ kind: 'drained', connection }),
      closed: () => machine.feed({ kind: 'closed', connection }),
    };
  };
}
