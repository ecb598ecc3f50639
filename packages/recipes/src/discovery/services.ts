// Service discovery: instances register below `<base>/<service>/<id>`, in Curator's format and places.

import { checkOptions, kinds } from '@corral/client';
import type { Client } from '@corral/client';
import { insist } from '../kernel/insist.ts';
import type { AclOption, CallSignal } from '../kernel/parents.ts';
import { whileServed } from '../kernel/patience.ts';
import { childName, join } from '../kernel/paths.ts';
import { abortable } from '../kernel/vigil.ts';
import { PersistentNode } from '../persistent-node.ts';
import { encodeInstance } from './instance.ts';
import type { Instance, PayloadCodec } from './instance.ts';
import { ServiceView } from './service-view.ts';
import { aclChecks, checkRecipe, checked, signalOf } from '../kernel/options.ts';
import type { Checks } from '../kernel/options.ts';

/** What an instance says of itself when it registers. */
export interface InstanceInput<P> {
  readonly name: string;
  /** A random one unless given. */
  readonly id?: string;
  readonly address?: string;
  readonly port?: number;
  readonly sslPort?: number;
  readonly payload?: P;
  readonly uriSpec?: unknown;
  /** Written only when given: older Curators do not know the field. */
  readonly enabled?: boolean;
}

const port = kinds.port;
const changeable = {
  address: kinds.text,
  port,
  sslPort: port,
  payload: kinds.anything,
  uriSpec: kinds.anything,
  enabled: kinds.boolean,
};
const inputChecks: Checks<InstanceInput<unknown>> = { name: kinds.text, id: kinds.text, ...changeable };

/** An instance that is registered, until it is closed. */
export class Registration<P> implements AsyncDisposable {
  readonly #node: PersistentNode;
  #instance: Instance<P>;

  constructor(node: PersistentNode, instance: Instance<P>) {
    this.#node = node;
    this.#instance = instance;
  }

  /** The instance as others see it. */
  get instance(): Instance<P> {
    return this.#instance;
  }

  /** Changes what others see. Also what is registered again under a later session. */
  async update(change: Partial<Omit<InstanceInput<P>, 'name' | 'id'>>, options: CallSignal = {}): Promise<void> {
    checkOptions('update', change, changeable);
    this.#instance = { ...this.#instance, ...change };
    await this.#node.set(encodeInstance(this.#instance), options);
  }

  /** Unregisters. Idempotent. */
  close(): Promise<void> {
    return this.#node.close();
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Services below one path. Made by `services`. */
export class Services {
  /** Path below which the services are. */
  readonly base: string;
  readonly #zk: Client;
  readonly #options: AclOption;

  constructor(zk: Client, base: string, options: AclOption = {}) {
    checkRecipe('services', { zk, path: base, options }, aclChecks);
    this.#zk = zk;
    this.base = base;
    this.#options = options;
  }

  /** Registers an instance. Resolves when others can see it. */
  async register<P = unknown>(input: InstanceInput<P>, options: CallSignal = {}): Promise<Registration<P>> {
    const signal = signalOf('register', options);
    checkOptions('an instance', input, inputChecks);
    const instance: Instance<P> = {
      address: null,
      port: null,
      sslPort: null,
      payload: null,
      uriSpec: null,
      id: crypto.randomUUID(),
      ...input,
      registeredAt: new Date(),
      serviceType: 'DYNAMIC',
    };
    const { name, id } = instance;
    const path = join(join(this.base, childName('a service', name)), childName('the id of an instance', id));
    const node = new PersistentNode(this.#zk, path, encodeInstance(instance), this.#options);
    try {
      await whileServed(this.#zk, path, signal, (inner) => abortable(node.ready, inner));
    } catch (error) {
      await node.abandon();
      throw error;
    }
    return new Registration(node, instance);
  }

  /** Names of the services that have, or lately had, instances. */
  async names(options: CallSignal = {}): Promise<string[]> {
    const signal = signalOf('names', options);
    const stat = await insist(this.#zk, () => this.#zk.exists(this.base, { signal }), signal);
    return stat === null ? [] : [...(await this.#zk.children(this.base, { signal })).children].sort();
  }

  /** The instances of a service. Close it, or `await using`. */
  of<P = unknown>(name: string, options: { readonly payloads?: PayloadCodec<P> } = {}): ServiceView<P> {
    const { payloads } = checked('of', options, { payloads: kinds.decoder });
    return new ServiceView(this.#zk, join(this.base, childName('a service', name)), payloads);
  }
}

/** Services below a path. */
export const services = (zk: Client, base: string, options: AclOption = {}): Services =>
  new Services(zk, base, options);
