// An item in the hands of a consumer. It is ours as long as our node in `taken` is there; every hand-over writes the item,
// so its version tells our hand-over from any other, also from one that happened while we were away.

import { kinds, ZkError } from '@corral/client';
import type { Acl, AclName, Client, Multi } from '@corral/client';
import { LostError } from '../errors.ts';
import type { Hold } from '../kernel/hold.ts';
import { join } from '../kernel/paths.ts';
import { encodeEnvelope, itemBase, keyName, parseItem } from './item.ts';
import type { Envelope } from './item.ts';
import type { Places } from './places.ts';
import { checked } from '../kernel/options.ts';
import type { Checks } from '../kernel/options.ts';

export interface Delivery {
  readonly dir: string;
  readonly name: string;
  /** Version of the item since this hand-over. */
  readonly version: number;
  readonly envelope: Envelope;
  readonly hold: Hold;
}

export interface QueueContext {
  readonly zk: Client;
  readonly places: Places;
  readonly acl: AclName | readonly Acl[];
  readonly maxAttempts: number;
  /** The servers' clock. */
  now(): Promise<number>;
}

/** Options of `nack`. */
export interface NackOptions {
  /** Milliseconds before it is handed out again. */
  readonly delay?: number | undefined;
}

const nackChecks: Checks<NackOptions> = { delay: kinds.span };

/** An item in the hands of a consumer. */
export class Message<T> {
  /** What was put. */
  readonly value: T;
  /** How often it was handed out, this time included. */
  readonly attempts: number;
  /** Resolves when it was acknowledged, given back or lost. */
  readonly settled: Promise<void>;
  readonly #context: QueueContext;
  readonly #delivery: Delivery;
  #settle: () => void = () => undefined;
  #isSettled = false;

  constructor(context: QueueContext, delivery: Delivery, value: T) {
    this.#context = context;
    this.#delivery = delivery;
    this.value = value;
    this.attempts = delivery.envelope.attempts;
    this.settled = new Promise((resolve) => (this.#settle = resolve));
    this.signal.addEventListener('abort', () => this.#markSettled(), { once: true });
  }

  /** Aborts when the item may be handed out to somebody else. */
  get signal(): AbortSignal {
    return this.#delivery.hold.signal;
  }
  /** Throws a LostError once it is lost. Asks the clock itself: no timer fires while the event loop is blocked. */
  throwIfLost(): void {
    this.#delivery.hold.throwIfLost();
  }
  /** Adds to a transaction that it must not happen unless this item is still ours. */
  guard: Hold['guard'] = (tx) => this.#delivery.hold.guard(tx);

  /** True when it was acknowledged, given back or lost. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Done: the item is removed. Rejects with a LostError when it was not ours any more; then it comes again. */
  async ack(): Promise<void> {
    const { dir, name, version } = this.#delivery;
    await this.#finish((tx) => tx.delete(join(dir, name), { version }), 'remove the key');
  }

  /** Not done: it is handed out again, or becomes a dead letter after too many attempts. */
  async nack(options: NackOptions = {}): Promise<void> {
    const { delay = 0 } = checked('nack', options, nackChecks);
    this.#delivery.hold.throwIfLost();
    const { acl, maxAttempts, places } = this.#context;
    const { dir, name, version, envelope } = this.#delivery;
    const item = join(dir, name);
    if (envelope.attempts >= maxAttempts) {
      return await this.#finish((tx) => bury(tx, places, { dir, name, version, envelope }, acl), 'keep the key');
    }
    if (delay <= 0) return await this.#finish((tx) => tx.check(item, version), 'keep the key');
    const due = (await this.#context.now()) + delay;
    const path = join(dir, `_c_${crypto.randomUUID()}-${itemBase(parseItem(name)!.priority, due)}`);
    const put = (tx: Multi) =>
      tx.delete(item, { version }).create(path, encodeEnvelope(envelope), { mode: 'persistentSequential', acl });
    await this.#finish(put, 'keep the key');
  }

  /** Together with the end of our claim, and only under the session that made it. */
  async #finish(change: (tx: Multi) => Multi<unknown[]>, then: 'remove the key' | 'keep the key'): Promise<void> {
    const { hold } = this.#delivery;
    try {
      await hold.releaseWith(() => this.#commit(change, then));
    } catch (error) {
      hold.abandon();
      throw ZkError.is(error) && error.code !== 'NoAuth' ? new LostError(hold.path, 'session', error.message) : error;
    }
  }

  /** Commits until that is answered. */
  async #commit(change: (tx: Multi) => Multi<unknown[]>, then: 'remove the key' | 'keep the key'): Promise<void> {
    const { zk, places } = this.#context;
    const { hold, envelope } = this.#delivery;
    let isInDoubt = false;
    for (;;) {
      const tx = change(zk.multi()).delete(hold.path);
      if (then === 'remove the key' && envelope.key !== null) tx.delete(join(places.keys, keyName(envelope.key)));
      try {
        await tx.commit({ pin: hold.session, timeout: Infinity });
        return;
      } catch (error) {
        // Gone after a lost answer: that was us, nobody else could pass the check of the version.
        if (isInDoubt && (ZkError.is(error, 'NoNode') || ZkError.is(error, 'BadVersion'))) return;
        if (!ZkError.is(error, 'ConnectionLoss') || zk.state === 'closed') throw error;
        isInDoubt = true;
      }
    }
  }

  #markSettled(): void {
    this.#isSettled = true;
    this.#settle();
  }
}

/** Moves an item to the dead letters; its key is free then. */
export function bury(
  tx: Multi,
  places: Places,
  { dir, name, version, envelope }: Omit<Delivery, 'hold'>,
  acl: AclName | readonly Acl[],
): Multi<unknown[]> {
  if (envelope.key !== null) tx.delete(join(places.keys, keyName(envelope.key)));
  return tx.delete(join(dir, name), { version }).create(join(places.dead, name), encodeEnvelope(envelope), { acl });
}
