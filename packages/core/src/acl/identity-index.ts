// The identities of a connection, looked up instead of gone through: a client may prove a thousand of them, and every part
// of every request asks whether one is in an access list.

import type { Acl } from '@corral/protocol';
import type { Identity, Scheme } from './schemes.ts';

const nobody: ReadonlySet<string> = new Set();

export class IdentityIndex {
  readonly #byScheme = new Map<string, Set<string>>();
  /** What long lists give to these identities, as far as that was asked. */
  readonly given = new WeakMap<readonly Acl[], number>();
  readonly isSuper: boolean;

  constructor(identities: readonly Identity[]) {
    for (const { scheme, id } of identities) {
      const ids = this.#byScheme.get(scheme);
      if (ids === undefined) this.#byScheme.set(scheme, new Set([id]));
      else ids.add(id);
    }
    this.isSuper = this.#byScheme.has('super');
  }

  /** Whether one of the identities is what an access list names. */
  matches(scheme: string, id: string, rules: Scheme): boolean {
    const ids = this.#byScheme.get(scheme) ?? nobody;
    if (rules.isByName) return ids.has(id);
    for (const identity of ids) if (rules.matches(identity, id)) return true;
    return false;
  }
}
