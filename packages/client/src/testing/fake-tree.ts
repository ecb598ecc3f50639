// A tree behind the ensemble in memory: enough of a real server's to see what a client's writes add up to, and a place to
// cut the link before or after one of them.

import { JuteReader, errorCodes, eventTypes, opName, ops, records } from '@corral/protocol';
import type { JuteWriter, OpName, OpRow } from '@corral/protocol';
import type { FakeServerLink, Received } from './fake-ensemble.ts';

interface FakeNode {
  readonly stat: ReturnType<typeof blankStat>;
  data: Uint8Array | null;
  nextSequence: number;
}

/** Cuts the link around this request, or lets it pass. */
export type Fault = 'cut before' | 'cut after' | undefined;

class Refusal extends Error {
  readonly code: number;
  constructor(code: keyof typeof errorCodes) {
    super(code);
    this.code = errorCodes[code];
  }
}

type Fields = {
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly flags: number;
  readonly version: number;
};

const blankStat = (zxid: bigint, owner: bigint) => ({
  czxid: zxid,
  mzxid: zxid,
  ctime: 1000,
  mtime: 1000,
  version: 0,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: owner,
  dataLength: 0,
  numChildren: 0,
  pzxid: zxid,
});

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';

export class FakeTree {
  #nodes = new Map<string, FakeNode>([['/', { stat: blankStat(0n, 0n), data: null, nextSequence: 0 }]]);
  #zxid = 100n;
  #watches: { readonly table: 'data' | 'children'; readonly path: string; readonly link: FakeServerLink }[] = [];
  /** Paths made as containers. */
  readonly containers = new Set<string>();
  /** Operations that this server does not know; it hangs up on who wants one. */
  readonly unknown = new Set<OpName>();
  /** How it hangs up: as soon as it has said so, unless given. */
  hangUp: (link: FakeServerLink) => void = (link) => link.fail();
  /** Called for every request. */
  fault: (received: Received, link: FakeServerLink) => Fault = () => undefined;

  get paths(): string[] {
    return [...this.#nodes.keys()].filter((path) => path !== '/').sort();
  }
  text(path: string): string | undefined {
    const found = this.#nodes.get(path);
    return found && new TextDecoder().decode(found.data ?? new Uint8Array(0));
  }
  /** A change by somebody else. */
  write(path: string, data: string | null): void {
    if (data === null) this.#delete({ path, version: -1, data: null, flags: 0 });
    else if (this.#nodes.has(path)) this.#set({ path, data: new TextEncoder().encode(data), version: -1, flags: 0 });
    else this.#create({ path, data: new TextEncoder().encode(data), flags: 0, version: 0 }, 'create2', 0n);
  }

  readonly handler = (received: Received, link: FakeServerLink): void => {
    const fault = this.fault(received, link);
    if (fault === 'cut before') return link.fail();
    let answer: (to: JuteWriter) => void = () => undefined;
    let code = 0;
    this.#watch(received, link);
    try {
      if (this.unknown.has(received.op)) throw new Refusal('Unimplemented');
      answer = received.op === 'multi' ? this.#multi(received, link) : this.#apply(received, link.sessionId);
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      code = thrown.code;
    }
    if (fault === 'cut after') return link.fail();
    link.raw(received.xid, code, answer, this.#zxid);
    if (this.unknown.has(received.op)) this.hangUp(link);
  };

  #apply({ op, request }: { op: OpName; request: object }, session: bigint): (to: JuteWriter) => void {
    const fields = request as Fields;
    const write = (response: unknown) => (to: JuteWriter) => (ops[op] as unknown as OpRow).response.write(to, response);
    switch (op) {
      case 'create':
      case 'create2':
      case 'createContainer':
        return write(this.#create(fields, op, session));
      case 'setData':
        return write({ stat: this.#set(fields) });
      case 'delete':
        return write(this.#delete(fields));
      case 'check':
        return write(void this.#at(fields));
      case 'exists':
        return write({ stat: this.#at({ path: fields.path }).stat });
      case 'getData':
        return write(this.#at({ path: fields.path }));
      case 'getChildren':
      case 'getChildren2':
        return write({ children: this.#childrenOf(fields.path), stat: this.#at({ path: fields.path }).stat });
      case 'sync':
        return write({ path: fields.path });
      default:
        throw new Refusal('Unimplemented');
    }
  }

  #multi({ body }: Received, link: FakeServerLink): (to: JuteWriter) => void {
    const reader = new JuteReader(body);
    const before = structuredClone(this.#nodes);
    const results: { readonly type: number; readonly write: (to: JuteWriter) => void }[] = [];
    let failedWith = 0;
    for (let at = records.multiHeader.read(reader); !at.done; at = records.multiHeader.read(reader)) {
      const op = opName(at.type)!;
      // Undecodable as a whole, for a server that does not know the operation.
      if (this.unknown.has(op)) throw new Refusal('MarshallingError');
      const request = (ops[op] as OpRow).request.read(reader) as object;
      if (failedWith !== 0) results.push(failure(errorCodes.RuntimeInconsistency));
      else {
        try {
          results.push({
            type: at.type,
            write: this.#apply({ op, request: structuredClone(request) }, link.sessionId),
          });
        } catch (thrown) {
          if (!(thrown instanceof Refusal)) throw thrown;
          failedWith = thrown.code;
          results.fill(failure(0));
          results.push(failure(thrown.code));
        }
      }
    }
    if (failedWith !== 0) this.#nodes = before;
    return (to) => {
      for (const { type, write } of results) {
        records.multiHeader.write(to, { type, done: false, err: 0 });
        write(to);
      }
      records.multiHeader.write(to, { type: -1, done: true, err: -1 });
    };
  }

  #at({ path, version = -1 }: { path: string; version?: number }): FakeNode {
    const found = this.#nodes.get(path);
    if (found === undefined) throw new Refusal('NoNode');
    if (version !== -1 && version !== found.stat.version) throw new Refusal('BadVersion');
    return found;
  }
  #childrenOf(path: string): string[] {
    const prefix = path === '/' ? '/' : `${path}/`;
    return this.paths.filter((other) => parentOf(other) === path).map((child) => child.slice(prefix.length));
  }

  #create(fields: Fields, op: OpName, session: bigint): { path: string; stat: FakeNode['stat'] } {
    const parent = this.#at({ path: parentOf(fields.path) });
    const sequential = fields.flags === 2 || fields.flags === 3;
    const path = sequential ? fields.path + String(parent.nextSequence++).padStart(10, '0') : fields.path;
    if (this.#nodes.has(path)) throw new Refusal('NodeExists');
    const owner = op !== 'createContainer' && (fields.flags & 1) === 1 ? session : 0n;
    if (op === 'createContainer') this.containers.add(path);
    const stat = { ...blankStat(++this.#zxid, owner), dataLength: fields.data?.length ?? 0 };
    this.#nodes.set(path, { stat, data: fields.data, nextSequence: 0 });
    this.#fire(eventTypes.nodeCreated, path, ['data']);
    this.#fire(eventTypes.nodeChildrenChanged, parentOf(path), ['children']);
    return { path, stat };
  }
  #set({ path, data, version }: Fields): FakeNode['stat'] {
    const found = this.#at({ path, version });
    found.data = data;
    found.stat.version = (found.stat.version + 1) | 0;
    found.stat.mzxid = ++this.#zxid;
    this.#fire(eventTypes.nodeDataChanged, path, ['data']);
    return found.stat;
  }
  #delete({ path, version }: Fields): void {
    this.#at({ path, version });
    if (this.#childrenOf(path).length > 0) throw new Refusal('NotEmpty');
    this.#nodes.delete(path);
    this.#zxid += 1n;
    this.#fire(eventTypes.nodeDeleted, path, ['data', 'children']);
    this.#fire(eventTypes.nodeChildrenChanged, parentOf(path), ['children']);
  }

  // One-shot watches; a new connection has none until the client sets them again, which this tree does not answer.

  #watch(received: { readonly op: OpName; readonly request: object }, link: FakeServerLink): void {
    const { path, watch } = received.request as { readonly path: string; readonly watch?: boolean };
    if (watch !== true || !(received.op === 'exists' || this.#nodes.has(path))) return;
    this.#watches.push({ table: received.op.startsWith('getChildren') ? 'children' : 'data', path, link });
  }
  #fire(type: number, path: string, tables: readonly ('data' | 'children')[]): void {
    const due = this.#watches.filter((watch) => watch.path === path && tables.includes(watch.table));
    this.#watches = this.#watches.filter((watch) => !due.includes(watch));
    for (const link of new Set(due.map((watch) => watch.link))) link.event(type, path);
  }
}

const failure = (code: number) => ({ type: -1, write: (to: JuteWriter) => to.int(code) });
