// A server's side of its connections: what it hears goes to the core as inputs, what it sends goes to the network.

import type { Input, Moment } from '@corral/core';
import { JuteWriter } from '@corral/protocol';
import type { DiskOp } from './machine.ts';
import type { Network } from './network.ts';
import type { Connection, End, NetPort, Pipe } from './pipe.ts';

type WithoutMoment<T> = T extends Moment ? Omit<T, keyof Moment> : never;
/** An input without the time, which its receiver adds. */
export type InputBody = WithoutMoment<Input>;

/** The process that has these connections. */
export interface EndOwner {
  readonly isAlive: boolean;
  readonly peers: Numbers;
  readonly clients: Numbers;
  input(input: InputBody): void;
  checkFence(durable: DiskOp): void;
}

/** Small numbers, unique while in use. */
export class Numbers {
  readonly #used = new Set<number>();

  take(): number {
    let number = 0;
    while (this.#used.has(number)) number++;
    this.#used.add(number);
    return number;
  }

  free(number: number): void {
    this.#used.delete(number);
  }
}

export class PeerEnd implements End {
  readonly address: string;
  #connection: Connection | undefined;
  readonly #process: EndOwner;
  readonly #network: Network;
  readonly #port: 'election' | 'quorum';
  readonly #dial: number | undefined;
  #number = -1;

  constructor(process: EndOwner, network: Network, port: NetPort, dial: number | undefined, address: string) {
    this.#process = process;
    this.#network = network;
    this.#port = port as 'election' | 'quorum';
    this.#dial = dial;
    this.address = address;
  }

  get isAlive(): boolean {
    return this.#process.isAlive;
  }

  // What comes.

  opened(connection: Connection): void {
    this.#connection = connection;
    this.#number = this.#process.peers.take();
    const [port, dial] = [this.#port, this.#dial];
    this.#process.input({ kind: 'peerOpened', connection: this.#number, link: this, port, dial });
  }
  received(bytes: Uint8Array, start: number, end: number): void {
    this.#process.input({ kind: 'peerReceived', connection: this.#number, bytes, start, end });
  }
  drained(): void {
    this.#process.input({ kind: 'peerDrained', connection: this.#number });
  }
  closed(): void {
    this.#process.input({ kind: 'peerClosed', connection: this.#number });
    this.#process.peers.free(this.#number);
  }

  // What goes.

  get #out(): Pipe {
    const { toAcceptor, toDialler } = this.#connection!;
    return this.#dial === undefined ? toDialler : toAcceptor;
  }
  get #in(): Pipe {
    const { toAcceptor, toDialler } = this.#connection!;
    return this.#dial === undefined ? toAcceptor : toDialler;
  }
  get backlog(): number {
    return this.#network.backlog(this.#out);
  }
  send(bytes: Uint8Array, durable: DiskOp): void {
    this.#process.checkFence(durable);
    this.#network.send(this.#out, bytes);
  }
  close(): void {
    this.#network.close(this.#out, this.#in);
  }
  pause(): void {
    this.#in.isPaused = true;
  }
  resume(): void {
    this.#in.isPaused = false;
    this.#network.resumed(this.#in);
  }
}

export class ClientEnd implements End {
  readonly out = new JuteWriter(256);
  readonly #process: EndOwner;
  readonly #network: Network;
  readonly #connection: Connection;
  #number = -1;

  constructor(process: EndOwner, network: Network, connection: Connection) {
    this.#process = process;
    this.#network = network;
    this.#connection = connection;
  }

  get isAlive(): boolean {
    return this.#process.isAlive;
  }

  opened(): void {
    this.#number = this.#process.clients.take();
    const address = `10.1.0.${-this.#connection.dialler}`;
    this.#process.input({ kind: 'opened', connection: this.#number, link: this, address });
  }
  received(bytes: Uint8Array, start: number, end: number): void {
    this.#process.input({ kind: 'received', connection: this.#number, bytes, start, end });
  }
  drained(): void {
    this.#process.input({ kind: 'drained', connection: this.#number });
  }
  closed(): void {
    this.#process.input({ kind: 'closed', connection: this.#number });
    this.#process.clients.free(this.#number);
  }

  get backlog(): number {
    return this.#network.backlog(this.#connection.toDialler);
  }
  flush(durable: DiskOp): void {
    if (this.out.length === 0) return;
    this.#process.checkFence(durable);
    this.#send();
  }
  close(): void {
    this.#send();
    this.#network.close(this.#connection.toDialler, this.#connection.toAcceptor);
  }
  cut(): void {
    this.close();
  }
  pause(): void {
    this.#connection.toAcceptor.isPaused = true;
  }
  resume(): void {
    this.#connection.toAcceptor.isPaused = false;
    this.#network.resumed(this.#connection.toAcceptor);
  }

  #send(): void {
    const bytes = this.out.toBytes();
    this.out.clear();
    this.#network.send(this.#connection.toDialler, bytes);
  }
}
