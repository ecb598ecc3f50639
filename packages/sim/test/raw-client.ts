// A client of a simulated ensemble that does nothing by itself: it connects where it is told to, sends requests without
// waiting for answers, and writes down everything that comes, in order. For what the scenario language cannot say.

import { JuteWriter, encodeText, openAcl, opcodes, ops, records, xids } from '@corral/protocol';
import type { OpName, OpRequest, JuteReader } from '@corral/protocol';
import type { Cluster } from '../src/cluster.ts';
import { FrameReader } from '../src/frame-reader.ts';
import type { Connection, End } from '../src/pipe.ts';

export interface Answer {
  readonly kind: 'answer';
  readonly xid: number;
  readonly zxid: number;
  readonly error: number;
  readonly body: JuteReader;
}

export interface WatchEvent {
  readonly kind: 'event';
  readonly type: number;
  readonly path: string;
}

export class RawClient {
  /** Answers and events as they came. */
  readonly heard: (Answer | WatchEvent)[] = [];
  session = 0n;
  isConnected = false;
  isExpired = false;
  lastZxid = 0;
  readonly #cluster: Cluster;
  readonly #id: number;
  readonly #timeoutMs: number;
  #password: Uint8Array = new Uint8Array(16);
  #connection: Connection | undefined;
  #attempt = 0;
  #xid = 0;

  constructor(cluster: Cluster, id: number, timeoutMs = 20_000) {
    this.#cluster = cluster;
    this.#id = id;
    this.#timeoutMs = timeoutMs;
  }

  get answers(): Answer[] {
    return this.heard.filter((heard) => heard.kind === 'answer');
  }

  get events(): WatchEvent[] {
    return this.heard.filter((heard) => heard.kind === 'event');
  }

  /** Asks a server to take the session up, or to make one. */
  connect(server: number): void {
    const attempt = ++this.#attempt;
    let frames = new FrameReader();
    const isCurrent = (): boolean => attempt === this.#attempt;
    const end: End = {
      isAlive: true,
      opened: (connection) => {
        if (!isCurrent()) return;
        frames = new FrameReader();
        this.#connection = connection;
        this.#greet();
      },
      received: (bytes, start, stop) => {
        frames.push(bytes, start, stop);
        for (let frame = frames.next(); frame !== undefined && isCurrent(); frame = frames.next()) this.#take(frame);
      },
      drained: () => undefined,
      closed: () => {
        if (isCurrent()) this.isConnected = false;
      },
    };
    this.#cluster.network.dial(-this.#id, server, 'client', end, () => end.closed());
  }

  /** Connects, again and again, until a server has taken the session. */
  join(server: number, ms = 20_000): void {
    const end = this.#cluster.queue.now + ms;
    while (!this.isConnected && !this.isExpired && this.#cluster.queue.now < end) {
      this.connect(server);
      this.#cluster.runUntil(() => this.isConnected || this.isExpired, 500);
    }
    if (!this.isConnected && !this.isExpired) throw new Error(`server ${server} takes no client`);
  }

  /** Breaks the connection. */
  leave(): void {
    this.#attempt++;
    this.isConnected = false;
    if (this.#connection !== undefined) this.#cluster.network.resetConnection(this.#connection);
    this.#connection = undefined;
  }

  #greet(): void {
    const w = new JuteWriter(64);
    const frame = w.beginFrame();
    records.connectRequest.write(w, {
      protocolVersion: 0,
      lastZxidSeen: BigInt(this.lastZxid),
      timeOut: this.#timeoutMs,
      sessionId: this.session,
      passwd: this.#password,
    });
    w.bool(false);
    w.endFrame(frame);
    this.#send(w.toBytes());
  }

  #send(bytes: Uint8Array): void {
    if (this.#connection !== undefined) this.#cluster.network.send(this.#connection.toAcceptor, bytes);
  }

  #take(frame: JuteReader): void {
    if (!this.isConnected) {
      const { sessionId, passwd } = records.connectResponse.read(frame);
      if (sessionId === 0n) this.isExpired = true;
      else {
        this.session = sessionId;
        this.#password = passwd!.slice();
        this.isConnected = true;
      }
      return;
    }
    const [xid, zxid, error] = [frame.int(), frame.longNumber(), frame.int()];
    if (xid === xids.watchEvent) {
      const { type, path } = records.watcherEvent.read(frame);
      this.heard.push({ kind: 'event', type, path: path! });
      return;
    }
    if (zxid > this.lastZxid) this.lastZxid = zxid;
    if (xid !== xids.ping) this.heard.push({ kind: 'answer', xid, zxid, error, body: frame });
  }

  /** Sends a request, and does not wait. Returns its number. */
  send<N extends OpName>(op: N, request: OpRequest<N>, xid = ++this.#xid): number {
    const w = new JuteWriter(64);
    const frame = w.beginFrame();
    w.int(xid);
    w.int(opcodes[op]);
    (ops[op].request as { write(w: JuteWriter, value: OpRequest<N>): void }).write(w, request);
    w.endFrame(frame);
    this.#send(w.toBytes());
    return xid;
  }

  create(path: string, { flags = 0, data = '' } = {}): number {
    return this.send('create', { path, data: encodeText(data), acl: openAcl, flags });
  }

  set(path: string, data: string): number {
    return this.send('setData', { path, data: encodeText(data), version: -1 });
  }

  ping(): void {
    this.send('ping', {}, xids.ping);
  }

  /** Lets the ensemble run until a request is answered. */
  answerTo(xid: number): Answer {
    const find = (): Answer | undefined => this.answers.find((answer) => answer.xid === xid);
    if (!this.#cluster.runUntil(() => find() !== undefined, 20_000)) throw new Error(`request ${xid} is not answered`);
    return find()!;
  }

  /** Sends a request and waits for what comes of it. */
  call<N extends OpName>(op: N, request: OpRequest<N>): Answer {
    return this.answerTo(this.send(op, request));
  }
}

export const textOf = (data: Uint8Array | null): string => String.fromCharCode(...(data ?? []));
