// How a client proves who it is in several steps. DIGEST-MD5 is built in; Kerberos (GSSAPI) needs a library that this
// package does not bring: give an object of this shape.

/** A way to prove an identity in several steps. */
export interface SaslMechanism {
  /** A new exchange, for a new connection. `host` is the server's name as the user wrote it. */
  start(host: string): SaslExchange;
}

/** One conversation of a mechanism with a server. */
export interface SaslExchange {
  /**
   * Answers a challenge of the server; the first one is empty. Null when the server has shown all it had to. Throws when
   * the server is not who it should be.
   */
  step(challenge: Uint8Array): Uint8Array | null | Promise<Uint8Array | null>;
}
