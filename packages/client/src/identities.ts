// Who the client claims to be: sent first on every connection, so that no call runs without the identity it counts on.

import { encodeAuth } from './handshake.ts';
import type { Credential } from './handshake.ts';

/** A credential and whether somebody waits for the server's verdict on it. */
export interface AddedCredential extends Credential {
  awaited: boolean;
}

export interface Verdict {
  readonly credential: AddedCredential;
  readonly refused: boolean;
}

export class Identities {
  #all: AddedCredential[];
  #inFlight: AddedCredential[] = [];

  constructor(credentials: readonly Credential[]) {
    this.#all = credentials.map((credential) => ({ ...credential, awaited: false }));
  }

  get all(): readonly AddedCredential[] {
    return this.#all;
  }
  /** True until the server has judged every identity sent on this connection. */
  get pending(): boolean {
    return this.#inFlight.length > 0;
  }

  /** The frames of a new connection. */
  begin(): Uint8Array[] {
    this.#inFlight = [...this.#all];
    return this.#all.map(encodeAuth);
  }

  add(credential: AddedCredential): void {
    this.#all.push(credential);
  }

  /** The frame of a newcomer on a connection that lives already. */
  send(credential: AddedCredential): Uint8Array {
    this.#inFlight.push(credential);
    return encodeAuth(credential);
  }

  /** Servers answer in order, without saying which identity they mean. */
  answered(err: number): Verdict | null {
    const credential = this.#inFlight.shift();
    return credential === undefined ? null : { credential, refused: err !== 0 };
  }

  forget(credential: AddedCredential): void {
    this.#all = this.#all.filter((other) => other !== credential);
  }
}
