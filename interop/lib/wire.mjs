// A bare connection to a server: handshake, pipelined requests answered in order, nothing retried and nothing hidden.
// The kill test, the fuzz campaign and the data-directory checks all speak through it.

import { connect as tcpConnect } from 'node:net';
import { Reader, acl, bool, bytes, int, long, openAcl, text } from './jute.mjs';

export const op = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getAcl: 6,
  setAcl: 7,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  create2: 15,
  reconfig: 16,
  checkWatches: 17,
  removeWatches: 18,
  createContainer: 19,
  deleteContainer: 20,
  createTtl: 21,
  multiRead: 22,
  auth: 100,
  setWatches: 101,
  sasl: 102,
  getEphemerals: 103,
  getAllChildrenNumber: 104,
  setWatches2: 105,
  addWatch: 106,
  whoAmI: 107,
  createSession: -10,
  close: -11,
};

export class WireError extends Error {
  constructor(code, what) {
    super(`${what} answered ${code}`);
    this.code = code;
  }
}

export function frame(...parts) {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([int(length), ...parts], length + 4);
}

export function connectRequest({ lastZxid = 0n, timeout = 20_000, sessionId = 0n, password = Buffer.alloc(16) } = {}) {
  return frame(int(0), long(lastZxid), int(timeout), long(sessionId), bytes(password), bool(false));
}

/** Request bodies, one function per operation that the scripts use. */
export const body = {
  create: (path, data, flags = 0, acls = openAcl) => Buffer.concat([text(path), bytes(data), acl(acls), int(flags)]),
  createTtl: (path, data, flags, ttl, acls = openAcl) =>
    Buffer.concat([text(path), bytes(data), acl(acls), int(flags), long(ttl)]),
  path: (path) => text(path),
  pathWatch: (path, watch = false) => Buffer.concat([text(path), bool(watch)]),
  pathVersion: (path, version = -1) => Buffer.concat([text(path), int(version)]),
  setData: (path, data, version = -1) => Buffer.concat([text(path), bytes(data), int(version)]),
  setAcl: (path, acls, version = -1) => Buffer.concat([text(path), acl(acls), int(version)]),
  auth: (scheme, credential) => Buffer.concat([int(0), text(scheme), bytes(Buffer.from(credential))]),
  multi: (operations) =>
    Buffer.concat([
      ...operations.flatMap(([type, record]) => [int(type), bool(false), int(-1), record]),
      int(-1),
      bool(true),
      int(-1),
    ]),
};

export class Wire {
  pending = [];
  at = 0;
  dead = false;
  events = [];
  xid = 0;
  lastZxid = 0n;
  chunks = [];
  size = 0;

  constructor(socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('data', (chunk) => this.receive(chunk));
    socket.on('error', () => {});
    socket.once('close', () => this.fail(new Error('connection closed')));
  }

  /** Opens a connection and a session, or takes a session over; rejects when the server says it has expired. */
  static async open(port, options = {}) {
    const socket = tcpConnect({ port, host: options.host ?? '127.0.0.1', noDelay: true });
    const wire = new this(socket);
    const timer = options.openMs && setTimeout(() => socket.destroy(), options.openMs);
    const answer = await wire.expect(connectRequest(options), 'handshake').finally(() => clearTimeout(timer));
    const reader = new Reader(answer);
    reader.int();
    wire.timeout = reader.int();
    wire.sessionId = reader.long();
    wire.password = Buffer.from(reader.bytes());
    if (wire.timeout <= 0) {
      socket.destroy();
      throw new WireError(-112, 'handshake');
    }
    return wire;
  }

  expect(bytesToSend, kind) {
    return new Promise((resolve, reject) => {
      if (this.dead) return reject(new Error('connection closed'));
      this.pending.push({ resolve, reject, kind });
      this.socket.write(bytesToSend);
    });
  }

  /** Sends one request; resolves with { xid, zxid, err, body }, whatever err says. */
  request(type, record = Buffer.alloc(0), xid = ++this.xid) {
    return this.expect(frame(int(xid), int(type), record), type);
  }

  /** As request, but an error code throws. Returns a reader over the body. */
  async call(type, record, what = `op ${type}`) {
    const reply = await this.request(type, record);
    if (reply.err !== 0) throw new WireError(reply.err, what);
    return new Reader(reply.body);
  }

  receive(chunk) {
    this.chunks.push(chunk);
    this.size += chunk.length;
    if (this.size < 4 || this.size < this.wanted()) return;
    let buffer = this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks, this.size);
    let at = 0;
    while (buffer.length - at >= 4) {
      const end = at + 4 + buffer.readInt32BE(at);
      if (end > buffer.length) break;
      this.message(buffer.subarray(at + 4, end));
      at = end;
    }
    buffer = buffer.subarray(at);
    this.chunks = buffer.length > 0 ? [buffer] : [];
    this.size = buffer.length;
  }

  wanted() {
    if (this.chunks[0].length < 4) this.chunks = [Buffer.concat(this.chunks, this.size)];
    return 4 + this.chunks[0].readInt32BE(0);
  }

  message(payload) {
    if (this.pending[this.at]?.kind === 'handshake') {
      this.next().resolve(payload);
      return;
    }
    const xid = payload.readInt32BE(0);
    if (xid === -1) {
      const reader = new Reader(payload, 16);
      this.events.push({ type: reader.int(), state: reader.int(), path: reader.text() });
      return;
    }
    const zxid = payload.readBigInt64BE(4);
    if (zxid > this.lastZxid) this.lastZxid = zxid;
    const reply = { xid, zxid, err: payload.readInt32BE(12), body: payload.subarray(16) };
    if (this.at < this.pending.length) this.next().resolve(reply);
  }

  next() {
    const entry = this.pending[this.at++];
    if (this.at > 1024) {
      this.pending.splice(0, this.at);
      this.at = 0;
    }
    return entry;
  }

  fail(error) {
    this.dead = true;
    for (const entry of this.pending.splice(0).slice(this.at)) entry.reject(error);
    this.at = 0;
  }

  /** Ends the session properly. */
  async close() {
    await this.request(op.close).catch(() => {});
    this.socket.destroy();
  }

  /** Drops the TCP connection and leaves the session behind. */
  drop() {
    this.socket.destroy();
  }
}

/** Sends a four-letter word and returns all the text. */
export function fourLetter(port, word, timeoutMs = 2000, host = '127.0.0.1') {
  return new Promise((resolve, reject) => {
    const socket = tcpConnect({ port, host });
    let answer = '';
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`${word}: no answer`)));
    socket.on('data', (chunk) => (answer += chunk));
    socket.once('error', reject);
    socket.once('close', () => resolve(answer));
    socket.once('connect', () => socket.write(word));
  });
}
