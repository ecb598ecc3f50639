// One connection of the load generator: the handshake, frames out in one write per read, frames in through one static
// buffer that all connections share (a read is handled completely before the next one starts). What to send and what to
// do with a reply is up to the subclass.

import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { closeFrame, connectFrame, replyBytes } from './requests.ts';
import { BadReply, FrameScanner, checkReply } from './scanner.ts';

const readBuffer = Buffer.allocUnsafe(256 * 1024);
const connectResponseBytes = 37;

export interface LinkOptions {
  readonly port: number;
  /** Called once when the connection breaks or the server answers wrongly. */
  readonly fail: (error: Error) => void;
}

type Phase = 'connecting' | 'open' | 'closing' | 'closed';

export abstract class Link {
  protected readonly frame = new FrameScanner(() => this.#frameEnded());
  /** When the read that is being handled arrived, in milliseconds. */
  protected now = 0;
  protected xid = 0;
  readonly #socket: Socket;
  readonly #fail: (error: Error) => void;
  #phase: Phase = 'connecting';
  #out = Buffer.allocUnsafe(4096);
  #outLength = 0;
  #outView = this.#out;
  #closed: (() => void) | undefined;

  constructor(options: LinkOptions) {
    this.#fail = options.fail;
    this.#socket = createConnection({
      host: '127.0.0.1',
      port: options.port,
      noDelay: true,
      onread: { buffer: readBuffer, callback: (count: number, bytes: Uint8Array) => this.#read(count, bytes) },
    });
    this.#socket.once('connect', () => {
      this.append(connectFrame);
      this.flush();
    });
    this.#socket.once('error', (error) => this.#broken(error));
    this.#socket.once('close', () => this.#broken(new Error('the server closed the connection')));
  }

  /** The session is there: send the first requests (they are flushed afterwards). */
  protected abstract opened(): void;
  /** `this.frame` holds a reply or an event. */
  protected abstract received(): void;

  /** Copies a frame behind those waiting for the next flush; answers where it starts in `buffer`. */
  protected append(frame: Buffer): number {
    const at = this.#outLength;
    const end = at + frame.length;
    if (end > this.#out.length) {
      const grown = Buffer.allocUnsafe(Math.max(end, this.#out.length * 2));
      this.#out.copy(grown, 0, 0, at);
      this.#out = grown;
    }
    this.#out.set(frame, at);
    this.#outLength = end;
    return at;
  }

  /** Where appended frames are patched until the flush. */
  protected get buffer(): Buffer {
    return this.#out;
  }

  /** Appends a frame with the next xid in it; answers where it starts. */
  protected request(frame: Buffer): number {
    const at = this.append(frame);
    const out = this.#out;
    const xid = ++this.xid;
    out[at + 4] = xid >>> 24;
    out[at + 5] = xid >>> 16;
    out[at + 6] = xid >>> 8;
    out[at + 7] = xid;
    return at;
  }

  flush(): void {
    const length = this.#outLength;
    if (length === 0) return;
    this.#outLength = 0;
    if (this.#outView.length !== length || this.#outView.buffer !== this.#out.buffer) {
      this.#outView = this.#out.subarray(0, length);
    }
    this.#socket.write(this.#outView);
    // A write that the kernel did not take at once still needs the buffer: leave it and go on with another.
    if (this.#socket.writableLength > 0) {
      this.#out = Buffer.allocUnsafe(this.#out.length);
      this.#outView = this.#out;
    }
  }

  /** Ends the session with a closeSession; call it when nothing is in flight. */
  close(): Promise<void> {
    if (this.#phase === 'closed') return Promise.resolve();
    this.#phase = 'closing';
    const done = new Promise<void>((resolve) => (this.#closed = resolve));
    this.request(closeFrame);
    this.flush();
    return done;
  }

  /** Drops the connection without a word. */
  destroy(): void {
    this.#phase = 'closed';
    this.#socket.destroy();
  }

  #read(count: number, bytes: Uint8Array): boolean {
    this.now = performance.now();
    try {
      this.frame.scan(bytes, count);
      if (this.#phase === 'open') this.flush();
    } catch (error) {
      this.#broken(error instanceof Error ? error : new Error(String(error)));
    }
    return true;
  }

  #frameEnded(): void {
    if (this.#phase === 'open') this.received();
    else if (this.#phase === 'connecting') this.#handshakeDone();
    else if (this.#phase === 'closing' && this.frame.xid === this.xid) this.#sessionEnded();
  }

  #handshakeDone(): void {
    const timeoutMs = this.frame.zxidHigh;
    if (this.frame.length !== connectResponseBytes || timeoutMs <= 0) throw new BadReply('the session was refused');
    this.#phase = 'open';
    this.opened();
  }

  #sessionEnded(): void {
    checkReply(this.frame, this.xid, replyBytes.header);
    this.destroy();
    this.#closed?.();
  }

  #broken(error: Error): void {
    if (this.#phase === 'closed') return;
    this.destroy();
    this.#fail(error);
  }
}
