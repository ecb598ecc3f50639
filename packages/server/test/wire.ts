// A bare client for tests of the server itself: one socket, requests encoded with the operation table, replies in order.

import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { JuteReader, JuteWriter, ops } from '@corral/protocol';
import type { OpName, OpRequest, OpResponse } from '@corral/protocol';

const eventXid = -1;

export const openAcl = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];

/** What a handshake may ask for. */
export interface OpenOptions {
  readonly timeoutMs?: number;
  /** The client can do with a server that has no leader. */
  readonly readOnly?: boolean;
}

export class WireClient {
  readonly socket: Socket;
  sessionId = 0n;
  password: Uint8Array = new Uint8Array(16);
  timeoutMs = 0;
  /** The server has no leader: it answers reads only. */
  isReadOnly = false;
  #bytes = Buffer.alloc(0);
  #xid = 0;
  readonly #events: ((event: { type: number; path: string | null }) => void)[] = [];
  readonly #waiting: { resolve: (frame: Uint8Array) => void; reject: (error: Error) => void }[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => this.#received(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('the connection was closed'));
    });
  }

  /** Opens a session, or takes up an earlier one. */
  static async open(
    port: number,
    earlier?: { sessionId: bigint; password: Uint8Array },
    { timeoutMs = 10_000, readOnly = false }: OpenOptions = {},
  ): Promise<WireClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const client = new WireClient(socket);
    const frame = await client.exchange((w) => {
      w.int(0);
      w.longNumber(0);
      w.int(timeoutMs);
      w.long(earlier?.sessionId ?? 0n);
      w.buffer(earlier?.password ?? new Uint8Array(16));
      w.bool(readOnly);
    });
    const reader = new JuteReader(frame);
    reader.int();
    client.timeoutMs = reader.int();
    client.sessionId = reader.long();
    client.password = reader.buffer() ?? new Uint8Array(16);
    client.isReadOnly = reader.bool();
    return client;
  }

  /** Sends a frame and resolves to the frame that answers it. */
  exchange(write: (to: JuteWriter) => void): Promise<Uint8Array> {
    const writer = new JuteWriter();
    const start = writer.beginFrame();
    write(writer);
    writer.endFrame(start);
    this.socket.write(writer.toBytes());
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** One request; resolves to its error code and, without error, its response. */
  async call<N extends OpName>(
    name: N,
    request: OpRequest<N>,
  ): Promise<{ err: number; response: OpResponse<N> | undefined }> {
    const row = ops[name];
    const frame = await this.exchange((w) => {
      w.int(++this.#xid);
      w.int(row.code);
      row.request.write(w, request as never);
    });
    const reader = new JuteReader(frame);
    reader.int();
    reader.long();
    const err = reader.int();
    return { err, response: err === 0 ? (row.response.read(reader) as OpResponse<N>) : undefined };
  }

  create(path: string, data: string, flags = 0): Promise<{ err: number }> {
    return this.call('create', { path, data: Buffer.from(data), acl: openAcl, flags });
  }

  set(path: string, data: string): Promise<{ err: number }> {
    return this.call('setData', { path, data: Buffer.from(data), version: -1 });
  }

  /** Everything decided before this was asked is there when it is answered. */
  sync(): Promise<{ err: number }> {
    return this.call('sync', { path: '/' });
  }

  async text(path: string): Promise<string | undefined> {
    const { response } = await this.call('getData', { path, watch: false });
    return response === undefined ? undefined : Buffer.from(response.data ?? []).toString();
  }

  /** The next watch event. */
  nextEvent(): Promise<{ readonly type: number; readonly path: string | null }> {
    return new Promise((resolve) => this.#events.push(resolve));
  }

  #frame(frame: Uint8Array): void {
    const reader = new JuteReader(frame);
    if (this.sessionId === 0n || reader.int() !== eventXid) return this.#waiting.shift()?.resolve(frame);
    reader.at += 12;
    const type = reader.int();
    reader.int();
    this.#events.shift()?.({ type, path: reader.text() });
  }

  #received(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= 4 && this.#bytes.length >= 4 + this.#bytes.readInt32BE(0)) {
      const end = 4 + this.#bytes.readInt32BE(0);
      this.#frame(new Uint8Array(this.#bytes.subarray(4, end)));
      this.#bytes = this.#bytes.subarray(end);
    }
  }
}
