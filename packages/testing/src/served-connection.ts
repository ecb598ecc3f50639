// One client's connection, between its two ends: frames from the client on their way to the server, and frames back.
// Here they can be held up, cut off or struck by a fault; neither end can tell that from a network.

import type { Link } from '@corral/core';
import { JuteWriter } from '@corral/protocol';
import type { Faults, InjectedFault } from './faults.ts';
import {
  FrameCutter,
  eventFacts,
  greetedSession,
  greeting,
  harmless,
  refusal,
  replyXid,
  requestFacts,
} from './frames.ts';
import type { FrameFacts } from './frames.ts';
import { Lane } from './lane.ts';
import type { Holder } from './lane.ts';
import type { Time } from './time.ts';

/** The client's end. Calls come from inside of others: whoever implements it lets them happen later. */
export interface ClientEnd {
  /** Address without port. */
  readonly address: string;
  received(bytes: Uint8Array): void;
  /** The server's side is gone. */
  closed(): void;
}

/** The server's end. */
export interface ServerEnd {
  received(bytes: Uint8Array): void;
  drained(): void;
  /** The client's side is gone. */
  closed(): void;
}

/** What happens on connections, for whoever watches. */
export interface Traffic {
  readonly server: number;
  readonly time: Time;
  readonly faults: Faults;
  requested(connection: ServedConnection, facts: FrameFacts): void;
  greeted(connection: ServedConnection): void;
  ended(connection: ServedConnection): void;
  expire(session: bigint): void;
}

const watchEventXid = -1;

interface Awaited {
  readonly facts: FrameFacts;
  readonly fault: InjectedFault;
}

export class ServedConnection implements Link {
  readonly out = new JuteWriter(1024);
  readonly client: ClientEnd;
  /** What the test knows its client by. */
  readonly owner: object | undefined;
  session = 0n;
  readonly #traffic: Traffic;
  readonly #fromClient = new FrameCutter();
  readonly #fromServer = new FrameCutter();
  readonly #toServer: Lane;
  readonly #toClient: Lane;
  /** Requests whose answers are struck, by xid; the greeting's is 0. */
  readonly #awaited = new Map<number, Awaited>();
  #server: ServerEnd | undefined;
  #isGreeting = true;
  #isGreeted = false;
  #isOver = false;
  /** The server has seen a backlog, and waits for its end. */
  #isAwaited = false;

  constructor(traffic: Traffic, client: ClientEnd, owner: object | undefined) {
    this.#traffic = traffic;
    this.client = client;
    this.owner = owner;
    this.#toServer = new Lane((piece) => this.#request(piece));
    this.#toClient = new Lane((piece) => this.#reply(piece));
  }

  attach(server: ServerEnd): void {
    this.#server = server;
  }

  // The test.

  hold(holder: Holder): void {
    this.#toServer.hold(holder);
    this.#toClient.hold(holder);
  }

  unhold(holder: Holder): void {
    this.#toServer.release(holder);
    this.#toClient.release(holder);
  }

  /** Both ends find the connection broken. */
  drop(): void {
    if (this.#isOver) return;
    this.#end();
    this.client.closed();
    this.#server?.closed();
  }

  #end(): void {
    this.#isOver = true;
    this.#toServer.clear();
    this.#toClient.clear();
    this.#traffic.ended(this);
  }

  // The client's end.

  received(bytes: Uint8Array): void {
    if (this.#isOver) return;
    for (const frame of this.#fromClient.push(bytes)) this.#toServer.push(frame);
  }

  hungUp(): void {
    if (!this.#isOver) this.#toServer.push(null);
  }

  #request(frame: Uint8Array | null): void {
    if (frame === null) {
      this.#end();
      return this.#server?.closed();
    }
    const facts = this.#isGreeting ? greeting : requestFacts(frame);
    this.#isGreeting = false;
    if (facts === undefined) return this.#server?.received(frame);
    this.#traffic.requested(this, facts);
    const fault = this.#traffic.faults.meet(facts, this.#where);
    if (fault === undefined) return this.#server?.received(frame);
    if (fault.fault.when === 'afterApply') {
      this.#awaited.set(facts.xid, { facts, fault });
      return this.#server?.received(frame);
    }
    const action = fault.strike(facts, this.#where);
    if (action.kind !== 'error') return this.#suffer(action, this.#toServer, () => this.#server?.received(frame));
    this.#awaited.set(facts.xid, { facts, fault });
    this.#server?.received(harmless(facts.xid));
  }

  get #where(): { readonly session: bigint; readonly server: number } {
    return { session: this.session, server: this.#traffic.server };
  }

  #suffer(action: ReturnType<InjectedFault['strike']>, lane: Lane, goOn: () => void): void {
    const proceed = (): void => {
      if (this.#isOver) return;
      goOn();
      lane.release('fault');
    };
    const { turns } = this.#traffic.time;
    switch (action.kind) {
      case 'disconnect':
        return this.drop();
      case 'expire':
        this.drop();
        return this.#traffic.expire(this.session);
      case 'delay':
        lane.hold('fault');
        return void this.#traffic.time.later(action.ms, proceed);
      case 'wait':
        lane.hold('fault');
        return turns.post(async () => {
          await action.begin();
          turns.post(proceed);
        });
      case 'error':
        return goOn();
    }
  }

  // The server's end.

  get backlog(): number {
    const { bytes } = this.#toClient;
    this.#isAwaited ||= bytes > 0;
    return bytes;
  }

  flush(): void {
    this.sent(this.out.toBytes());
    this.out.clear();
  }

  /** The server has sent something. */
  sent(bytes: Uint8Array): void {
    if (this.#isOver) return;
    for (const frame of this.#fromServer.push(bytes)) this.#toClient.push(frame);
  }

  cut(): void {
    this.close();
  }

  close(): void {
    this.flush();
    if (!this.#isOver) this.#toClient.push(null);
  }

  pause(): void {
    this.#toServer.hold('server');
  }

  resume(): void {
    this.#traffic.time.turns.post(() => this.#toServer.release('server'));
  }

  #reply(frame: Uint8Array | null): void {
    if (frame === null) {
      this.#end();
      this.client.closed();
      return this.#server?.closed();
    }
    if (this.#isGreeted) return this.#answer(frame, replyXid(frame));
    this.#isGreeted = true;
    this.session = greetedSession(frame);
    this.#answer(frame, greeting.xid);
  }

  #answer(frame: Uint8Array, xid: number): void {
    const struck = xid === watchEventXid ? this.#event(frame) : this.#awaited.get(xid);
    if (struck === undefined) return this.#deliver(frame, xid);
    this.#awaited.delete(xid);
    const { facts, fault } = struck;
    const { do: what, when } = fault.fault;
    if (typeof what === 'object' && 'error' in what) {
      if (when === 'afterApply') fault.strike(facts, this.#where);
      return this.#deliver(refusal(frame, what.error), xid);
    }
    this.#suffer(fault.strike(facts, this.#where), this.#toClient, () => this.#deliver(frame, xid));
  }

  #event(frame: Uint8Array): Awaited | undefined {
    const facts = eventFacts(frame);
    const fault = this.#traffic.faults.meet(facts, this.#where);
    return fault && { facts, fault };
  }

  #deliver(frame: Uint8Array, xid: number): void {
    if (xid === greeting.xid && this.session !== 0n) this.#traffic.greeted(this);
    this.client.received(frame);
    if (!this.#isAwaited || this.#toClient.bytes > 0) return;
    this.#isAwaited = false;
    this.#traffic.time.turns.post(() => this.#server?.drained());
  }
}
