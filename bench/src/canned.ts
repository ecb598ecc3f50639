// A server that only pretends: it answers the benchmark's requests with ready-made replies of the right size and keeps
// nothing but watches. What the load generator reaches against it is the generator's own ceiling, shown beside the
// figures of real servers. Started as `node canned.js PORT`.

import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { opcodes } from '@corral/protocol';
import { dataBytes, replyBytes } from './requests.ts';

const { header, stat, multiHeader } = replyBytes;
const connectReply = Buffer.alloc(4 + 37);
connectReply.writeInt32BE(37, 0);
connectReply.writeInt32BE(30_000, 8);
connectReply.writeInt32BE(16, 20);

/** Replies by opcode; create's depends on the path and the watch event is made by `changed`. */
const replies = new Map<number, Buffer>([
  [opcodes.getData, reply(4 + dataBytes + stat, (body) => body.writeInt32BE(dataBytes, 0))],
  [opcodes.setData, reply(stat)],
  [opcodes.multi, reply(10 * (multiHeader + stat) + multiHeader)],
  [opcodes.closeSession, reply(0)],
]);

function reply(bodyBytes: number, fill: (body: Buffer) => void = () => undefined): Buffer {
  const frame = Buffer.alloc(4 + header + bodyBytes);
  frame.writeInt32BE(header + bodyBytes, 0);
  fill(frame.subarray(4 + header));
  return frame;
}

const watches = new Map<string, Set<Connection>>();

class Connection {
  readonly #socket: Socket;
  #pending = Buffer.alloc(0);
  #out: Buffer[] = [];
  #open = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#data(bytes));
    // The generator ends connections as it likes.
    socket.on('error', () => socket.destroy());
  }

  push(frame: Buffer): void {
    this.#out.push(frame);
  }

  flush(): void {
    if (this.#out.length === 0) return;
    this.#socket.write(this.#out.length === 1 ? this.#out[0] : Buffer.concat(this.#out));
    this.#out = [];
  }

  #data(bytes: Buffer): void {
    const all = this.#pending.length > 0 ? Buffer.concat([this.#pending, bytes]) : bytes;
    let at = 0;
    while (all.length - at >= 4) {
      const end = at + 4 + all.readInt32BE(at);
      if (end > all.length) break;
      this.#frame(all, at + 4, end);
      at = end;
    }
    this.#pending = at < all.length ? Buffer.from(all.subarray(at)) : Buffer.alloc(0);
    this.flush();
  }

  #frame(bytes: Buffer, at: number, end: number): void {
    if (!this.#open) {
      this.#open = true;
      return this.push(connectReply);
    }
    const opcode = bytes.readInt32BE(at + 4);
    const ready = replies.get(opcode);
    const answer = ready === undefined ? createReply(bytes, at) : Buffer.from(ready);
    bytes.copy(answer, 4, at, at + 4);
    if (opcode === opcodes.getData && bytes[end - 1] === 1) this.#watch(pathOf(bytes, at));
    if (opcode === opcodes.setData && watches.size > 0) changed(pathOf(bytes, at));
    this.push(answer);
    if (opcode === opcodes.closeSession) {
      this.flush();
      this.#socket.end();
    }
  }

  #watch(path: string): void {
    const set = watches.get(path) ?? new Set();
    watches.set(path, set.add(this));
  }
}

const pathOf = (bytes: Buffer, at: number): string =>
  bytes.toString('latin1', at + 12, at + 12 + bytes.readInt32BE(at + 8));

function createReply(bytes: Buffer, at: number): Buffer {
  const pathBytes = bytes.readInt32BE(at + 8);
  return reply(4 + pathBytes, (body) => bytes.copy(body, 0, at + 8, at + 12 + pathBytes));
}

function changed(path: string): void {
  const watchers = watches.get(path);
  if (watchers === undefined) return;
  watches.delete(path);
  const event = reply(12 + path.length, (body) => {
    body.writeInt32BE(3, 0);
    body.writeInt32BE(3, 4);
    body.writeInt32BE(path.length, 8);
    body.write(path, 12, 'latin1');
  });
  event.writeInt32BE(-1, 4);
  for (const watcher of watchers) {
    watcher.push(event);
    watcher.flush();
  }
}

createServer({ noDelay: true }, (socket) => new Connection(socket)).listen({
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  backlog: 1024,
});
