// What the client needs from the outside: a way to reach servers. The TCP implementation is tcp.ts; tests plug in an
// in-memory one, a browser could plug in a WebSocket.

/** A server as the user wrote it. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** One address of a server, ready to be dialled. */
export interface Target {
  /** Name from the connection string: TLS checks the certificate against it. */
  readonly host: string;
  readonly address: string;
  readonly port: number;
}

/** What a link tells its owner. */
export interface LinkEvents {
  opened(): void;
  received(bytes: Uint8Array): void;
  /** The last event of a link; the cause is null after a clean end by the other side. */
  closed(cause: Error | null): void;
}

/** One connection to a server. */
export interface Link {
  send(bytes: Uint8Array): void;
  /** Ends the link at once. No event follows. */
  close(): void;
  /** The process may end although the link is open. */
  unref?(): void;
}

/** A way to reach servers. */
export interface Transport {
  /** All addresses of a host, asked anew for every attempt: ensembles move. */
  resolve(host: string): Promise<readonly string[]>;
  /** Hosts and ports of a service record (SRV), for transports that can look one up. */
  resolveService?(name: string): Promise<readonly Endpoint[]>;
  open(target: Target, events: LinkEvents): Link;
}
