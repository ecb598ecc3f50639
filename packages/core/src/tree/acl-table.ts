// Access control lists, each stored once: znodes name them by a small number, as snapshots do. Open to everyone is -1 and
// needs no entry. Ids are never given a second meaning, so that a snapshot being written may resolve them later.

import type { Acl } from '@corral/protocol';
import { ProtocolError, isOpenAcl, openAcl } from '@corral/protocol';

export const openAclId = -1;
const idMax = 0x7fffffff;

interface Entry {
  readonly acl: readonly Acl[];
  readonly key: string;
  references: number;
}

const keyOf = (acl: readonly Acl[]): string => JSON.stringify(acl.map((a) => [a.perms, a.id.scheme, a.id.id]));

export class AclTable {
  readonly #byId = new Map<number, Entry>();
  readonly #byKey = new Map<string, number>();
  #lastId = 0;
  readonly #expected = new Set<number>();

  get(id: number): readonly Acl[] {
    return id === openAclId ? openAcl : this.#byId.get(id)!.acl;
  }

  has(id: number): boolean {
    return id === openAclId || this.#byId.has(id);
  }

  /** Id of a list, with one more reference. */
  acquire(acl: readonly Acl[]): number {
    if (acl === openAcl || isOpenAcl(acl)) return openAclId;
    const key = keyOf(acl);
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      this.#byId.get(known)!.references++;
      return known;
    }
    const id = ++this.#lastId;
    this.#add(id, acl, key, 1);
    return id;
  }

  /** One more reference to a known id. */
  retain(id: number): void {
    if (id !== openAclId) this.#byId.get(id)!.references++;
  }

  release(id: number): void {
    const entry = this.#byId.get(id);
    if (entry === undefined || --entry.references > 0) return;
    this.#byId.delete(id);
    if (this.#byKey.get(entry.key) === id) this.#byKey.delete(entry.key);
  }

  /** An entry of a snapshot, without references yet. */
  load(id: number, acl: readonly Acl[]): void {
    this.#add(id, acl, keyOf(acl), 0);
    this.#lastId = Math.max(this.#lastId, id);
  }

  /**
   * A node of a snapshot has this id. Apache writes its table before the nodes: one that was made in between may have a list
   * that is not in it, which the log brings. Until then nobody may touch the node.
   */
  expect(id: number): void {
    if (this.has(id)) return;
    if (!(id > 0 && id <= idMax)) throw new ProtocolError(`there can be no ACL ${id}`);
    this.load(id, []);
    this.#expected.add(id);
  }

  /** Nodes whose list was expected and never came. */
  get missing(): number {
    let nodes = 0;
    for (const id of this.#expected) nodes += this.#byId.get(id)?.references ?? 0;
    return nodes;
  }

  /** Drops entries that no loaded node uses. */
  dropUnused(): void {
    for (const [id, entry] of this.#byId) if (entry.references === 0) this.release(id);
  }

  entries(): [id: number, acl: readonly Acl[]][] {
    return [...this.#byId].map(([id, entry]) => [id, entry.acl]);
  }

  #add(id: number, acl: readonly Acl[], key: string, references: number): void {
    this.#byId.set(id, { acl, key, references });
    this.#byKey.set(key, id);
  }
}
