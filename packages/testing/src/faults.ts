// Faults on demand: which request they strike, when, and what happens then. Nothing is left to chance, so a test that
// fails once fails always.

import type { ErrorName } from '@corral/protocol';
import type { FrameFacts, FrameOp } from './frames.ts';
import { milliseconds } from './time.ts';
import type { Duration } from './time.ts';

/** Operations that a fault may name: those of the protocol, and some of them together. */
export type FaultOp = FrameOp | keyof typeof groups;

const groups = {
  /** Every way to create a node. */
  create: ['create', 'create2', 'createContainer', 'createTTL'],
  get: ['getData'],
  set: ['setData'],
  children: ['getChildren', 'getChildren2'],
  /** Whatever changes nodes. */
  write: ['create', 'create2', 'createContainer', 'createTTL', 'delete', 'setData', 'setACL', 'multi', 'reconfig'],
  read: ['exists', 'getData', 'getACL', 'getChildren', 'getChildren2', 'multiRead', 'sync'],
} as const satisfies Record<string, readonly FrameOp[]>;

/** What goes wrong, and when. */
export interface Fault {
  /** What it strikes; without it, any operation. A multi is struck by the name of any of its parts, too. */
  readonly op?: FaultOp | readonly FaultOp[];
  /** The server's path, chroot included: exact, with `*` at the end for everything that begins so, or a pattern. */
  readonly path?: string | RegExp;
  /** Only requests of this session. */
  readonly session?: bigint;
  /** Strikes the nth request that fits, counted from one and from now; without it, the next. */
  readonly nth?: number;
  /** Strikes so many times in a row; `Infinity` for always. Once, unless given. */
  readonly times?: number;
  /**
   * beforeApply: the server has not seen the request. afterApply: it has been done, and the client does not know yet. Of a
   * connection (`connect`), the same about its session. Events are struck before they leave.
   */
  readonly when?: 'beforeApply' | 'afterApply';
  /**
   * disconnect: the connection breaks. expire: it breaks, and the session has expired. hold: the request, or its answer,
   * waits for `release()`. A function is called, and the request waits for what it returns.
   */
  readonly do:
    | 'disconnect'
    | 'expire'
    | 'hold'
    | { readonly delay: Duration }
    | { readonly error: ErrorName }
    | ((hit: FaultHit) => void | Promise<void>);
}

/** A request that was struck. */
export interface FaultHit {
  readonly op: FrameOp;
  readonly paths: readonly string[];
  readonly session: bigint;
  /** The server of the connection. */
  readonly server: number;
}

/** What happens to a frame; see Fault. */
export type Action =
  | { readonly kind: 'disconnect' | 'expire' }
  | { readonly kind: 'error'; readonly error: ErrorName }
  | { readonly kind: 'delay'; readonly ms: number }
  /** Goes on when the promise is settled. */
  | { readonly kind: 'wait'; readonly begin: () => void | Promise<void> };

/** A fault that waits for its request, or has struck. */
export class InjectedFault {
  /** What was asked for. */
  readonly fault: Fault;
  /** Resolves when it strikes for the first time. */
  readonly struck: Promise<FaultHit>;
  /** The requests that it has struck. */
  readonly hits: FaultHit[] = [];
  readonly #remove: (fault: InjectedFault) => void;
  readonly #released: Promise<void>;
  #strike: (hit: FaultHit) => void = () => undefined;
  #release: () => void = () => undefined;
  #seen = 0;

  constructor(fault: Fault, remove: (fault: InjectedFault) => void) {
    this.fault = fault;
    this.#remove = remove;
    this.struck = new Promise((resolve) => (this.#strike = resolve));
    this.#released = new Promise((resolve) => (this.#release = resolve));
  }

  /** Lets what it holds go on. */
  release(): void {
    this.#release();
  }

  /** It strikes no more, and what it holds goes on. */
  remove(): void {
    this.#remove(this);
    this.release();
  }

  /** What it does to this frame; undefined when it is not its turn. */
  meet(facts: FrameFacts, where: Pick<FaultHit, 'session' | 'server'>): this | undefined {
    const { nth = 1, times = 1 } = this.fault;
    if (!this.#fits(facts, where.session)) return undefined;
    this.#seen++;
    if (this.#seen < nth) return undefined;
    if (this.#seen >= nth + times - 1) this.#remove(this);
    return this;
  }

  /** For this package. */
  strike(facts: FrameFacts, where: Pick<FaultHit, 'session' | 'server'>): Action {
    const hit: FaultHit = { op: facts.op, paths: facts.paths, ...where };
    this.hits.push(hit);
    this.#strike(hit);
    const action = this.fault.do;
    if (typeof action === 'function') return { kind: 'wait', begin: () => action(hit) };
    if (action === 'hold') return { kind: 'wait', begin: () => this.#released };
    if (typeof action === 'string') return { kind: action };
    if ('delay' in action) return { kind: 'delay', ms: milliseconds(action.delay) };
    return { kind: 'error', error: action.error };
  }

  #fits({ op, parts, paths }: FrameFacts, session: bigint): boolean {
    const { fault } = this;
    if (fault.session !== undefined && fault.session !== session) return false;
    if (fault.op !== undefined) {
      const wanted = new Set([fault.op].flat().flatMap(operationsOf));
      if (!wanted.has(op) && !parts.some((part) => wanted.has(part))) return false;
    } else if (op === 'ping' || op === 'connect' || op === 'watchEvent') return false;
    const { path } = fault;
    return path === undefined || paths.some((each) => isMatch(path, each));
  }
}

/** Asked when the fault is injected: when it strikes, nobody is there to hear of a mistake. */
const isAction = (action: unknown): boolean =>
  typeof action === 'function' ||
  ['disconnect', 'expire', 'hold'].includes(action as string) ||
  (typeof action === 'object' && action !== null && ('delay' in action || 'error' in action));

const operationsOf = (name: FaultOp): readonly FrameOp[] =>
  Object.hasOwn(groups, name) ? groups[name as keyof typeof groups] : [name as FrameOp];

function isMatch(wanted: string | RegExp, path: string): boolean {
  if (typeof wanted !== 'string') return wanted.test(path);
  return wanted.endsWith('*') ? path.startsWith(wanted.slice(0, -1)) : path === wanted;
}

export class Faults {
  readonly #faults = new Set<InjectedFault>();

  inject(fault: Fault): InjectedFault {
    const ops: readonly FaultOp[] = fault.op === undefined ? [] : [fault.op].flat();
    if (!isAction(fault.do)) throw new TypeError(`a fault cannot do ${JSON.stringify(fault.do)}`);
    const isError = typeof fault.do === 'object' && 'error' in fault.do;
    if (isError && ops.some((op) => op === 'connect' || op === 'watchEvent'))
      throw new TypeError('only requests are answered with an error');
    const injected = new InjectedFault(fault, (done) => this.#faults.delete(done));
    this.#faults.add(injected);
    return injected;
  }

  /** Ends all of them. */
  clear(): void {
    for (const fault of [...this.#faults]) fault.remove();
  }

  /** The first fault whose turn it is with this frame. Every fault that fits counts it. */
  meet(facts: FrameFacts, where: Pick<FaultHit, 'session' | 'server'>): InjectedFault | undefined {
    let met: InjectedFault | undefined;
    for (const fault of [...this.#faults]) met = fault.meet(facts, where) ?? met;
    return met;
  }
}
