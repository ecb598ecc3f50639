// May these identities do that to a node with this ACL? And: what ACL does a client's list become when it is stored?

import { perms } from '@corral/protocol';
import type { Acl } from '@corral/protocol';
import { IdentityIndex } from './identity-index.ts';
import type { Grant, Grants, Identity, SchemeTable } from './schemes.ts';

/** A list longer than this is prepared once; to go through a shorter one costs less. */
const shortListMax = 8;
/** So many comparisons cost less than a look into the index of identities. */
const comparisonsMax = 16;
/** Every permission there is. */
const allBits = perms.all;
const nothing: Grants = () => 0;
/** Permissions and the lengths of scheme and id. */
const aclEntryBytes = 12;

export class Permissions {
  readonly #schemes: SchemeTable;
  readonly #skip: boolean;
  /** Long lists that were asked about: what they give, by scheme. They are never changed. */
  readonly #prepared = new WeakMap<readonly Acl[], ReadonlyMap<string, Grants>>();
  readonly #indexes = new WeakMap<readonly Identity[], IdentityIndex>();

  constructor(schemes: SchemeTable, skipAcl: boolean) {
    this.#schemes = schemes;
    this.#skip = skipAcl;
  }

  /** Whether one of the identities holds one of the permission bits in `mask`. */
  allows(acl: readonly Acl[], mask: number, identities: readonly Identity[]): boolean {
    if (this.#skip || acl.length === 0) return true;
    const first = acl[0];
    if ((first.perms & mask) !== 0 && first.id.scheme === 'world' && first.id.id === 'anyone') return true;
    if (acl.length * identities.length <= comparisonsMax) {
      if (identities.some((identity) => identity.scheme === 'super')) return true;
      return acl.some((entry) => (entry.perms & mask) !== 0 && this.#matches(entry, identities));
    }
    const index = this.#indexOf(identities);
    if (index.isSuper) return true;
    if (acl.length <= Math.max(shortListMax, identities.length))
      return acl.some((entry) => (entry.perms & mask) !== 0 && this.#isNamed(entry, index));
    let given = index.given.get(acl);
    if (given === undefined) index.given.set(acl, (given = this.#givenByLongList(acl, identities)));
    return (given & mask) !== 0;
  }

  /** Lists of identities are never changed either. */
  #indexOf(identities: readonly Identity[]): IdentityIndex {
    let index = this.#indexes.get(identities);
    if (index === undefined) this.#indexes.set(identities, (index = new IdentityIndex(identities)));
    return index;
  }

  #isNamed({ id: { scheme, id } }: Acl, index: IdentityIndex): boolean {
    if (scheme === null || id === null) return false;
    if (scheme === 'world') return id === 'anyone';
    const rules = this.#schemes.get(scheme);
    return rules !== undefined && index.matches(scheme, id, rules);
  }

  /** Any client may store a list of tens of thousands of entries: every request for its node would go through them all. */
  #givenByLongList(acl: readonly Acl[], identities: readonly Identity[]): number {
    let grants = this.#prepared.get(acl);
    if (grants === undefined) this.#prepared.set(acl, (grants = this.#prepare(acl)));
    let given = (grants.get('world') ?? nothing)('anyone');
    for (const { scheme, id } of identities) {
      if (given === allBits) break;
      given |= (grants.get(scheme) ?? nothing)(id);
    }
    return given;
  }

  #prepare(acl: readonly Acl[]): ReadonlyMap<string, Grants> {
    const byScheme = new Map<string, Grant[]>();
    let world = 0;
    for (const { perms: bits, id } of acl) {
      if (id.scheme === null || id.id === null) continue;
      if (id.scheme === 'world') {
        if (id.id === 'anyone') world |= bits;
        continue;
      }
      const list = byScheme.get(id.scheme);
      if (list === undefined) byScheme.set(id.scheme, [{ id: id.id, perms: bits }]);
      else list.push({ id: id.id, perms: bits });
    }
    const grants = new Map<string, Grants>([['world', () => world]]);
    for (const [scheme, list] of byScheme) {
      const rules = this.#schemes.get(scheme);
      if (rules !== undefined) grants.set(scheme, rules.grants(list));
    }
    return grants;
  }

  /** Whether the list itself names one of these identities, or one is super: what everyone may do does not count. */
  names(acl: readonly Acl[], mask: number, identities: readonly Identity[]): boolean {
    if (identities.some((identity) => identity.scheme === 'super')) return true;
    return acl.some(
      (entry) => entry.id.scheme !== 'world' && (entry.perms & mask) !== 0 && this.#matches(entry, identities),
    );
  }

  #matches(entry: Acl, identities: readonly Identity[]): boolean {
    const { scheme, id } = entry.id;
    if (scheme === null || id === null) return false;
    if (scheme === 'world') return id === 'anyone';
    const rules = this.#schemes.get(scheme);
    if (rules === undefined) return false;
    return identities.some((identity) => identity.scheme === scheme && rules.matches(identity.id, id));
  }

  /**
   * The list as it is stored: `auth` entries stand for the connection's identities, duplicates go. Undefined when it is
   * empty or names a scheme or id that does not exist; `tooLong` when it would take more bytes than that, which is found
   * out before they are there: a thousand entries times a thousand identities are a short request.
   */
  fixUp(
    acl: readonly Acl[] | null,
    identities: readonly Identity[],
    bytesMax: number,
  ): readonly Acl[] | 'tooLong' | undefined {
    if (acl === null || acl.length === 0) return undefined;
    const proven = identities.filter((identity) => this.#schemes.get(identity.scheme)?.authenticated);
    const fixed: Acl[] = [];
    let bytes = 0;
    for (const entry of withoutDuplicates(acl)) {
      const expanded = this.#expand(entry, proven);
      if (expanded === undefined) return undefined;
      for (const { id } of expanded) bytes += aclEntryBytes + (id.scheme?.length ?? 0) + (id.id?.length ?? 0);
      if (bytes > bytesMax) return 'tooLong';
      fixed.push(...expanded);
    }
    return fixed;
  }

  #expand(entry: Acl, proven: readonly Identity[]): readonly Acl[] | undefined {
    const { scheme, id } = entry.id;
    // Some clients write the empty id of `auth` as none; it is never looked at.
    if (scheme === null || (id === null && scheme !== 'auth')) return undefined;
    if (scheme === 'world') return id === 'anyone' ? [entry] : undefined;
    if (scheme !== 'auth' && id !== null) return this.#schemes.get(scheme)?.isValidId(id) ? [entry] : undefined;
    if (proven.length === 0) return undefined;
    return proven.map((identity) => ({ perms: entry.perms, id: { scheme: identity.scheme, id: identity.id } }));
  }

  /** What a caller may see: without ADMIN, digest ids lose their hash. */
  redact(acl: readonly Acl[], identities: readonly Identity[]): readonly Acl[] {
    if (this.allows(acl, perms.admin, identities)) return acl;
    return acl.map((entry) => {
      if (entry.id.scheme !== 'digest' || entry.id.id === null) return entry;
      const cut = entry.id.id.indexOf(':');
      const user = cut < 0 ? entry.id.id : entry.id.id.slice(0, cut);
      return { perms: entry.perms, id: { scheme: 'digest', id: cut < 0 ? user : `${user}:x` } };
    });
  }
}

function withoutDuplicates(acl: readonly Acl[]): Acl[] {
  const seen = new Set<string>();
  return acl.filter((entry) => {
    const { scheme, id } = entry.id;
    // A scheme's length tells where it ends, a sign whether there is an id.
    const key = `${entry.perms} ${scheme?.length ?? -1} ${scheme ?? ''}${id === null ? '-' : '+'}${id ?? ''}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
