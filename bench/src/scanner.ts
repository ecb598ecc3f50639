// Finds the frames in what a server sends, wherever reads happen to cut them, and decodes of each only what the load
// generator checks: length, xid, error and the last byte. Bodies are skipped, never copied, so that the generator stays
// cheaper than any server it measures.

const headBytes = 20;

/** Bytes of the reply header: a shorter frame is no reply. */
const replyHeaderBytes = 16;

/** A reply that breaks the protocol: out of order, with an error, or of the wrong size. */
export class BadReply extends Error {
  override readonly name = 'BadReply';
}

export class FrameScanner {
  /** Fields of the frame that just ended; valid inside the `ended` callback. */
  length = 0;
  xid = 0;
  /** High half of the reply's zxid; in a ConnectResponse the negotiated timeout stands here. */
  zxidHigh = 0;
  err = 0;
  lastByte = 0;
  /** Start of a frame that a read has cut before its header was complete. */
  readonly #head = new Uint8Array(headBytes);
  #headLength = 0;
  /** Bytes of the current frame's body that are still to come. */
  #skip = 0;
  readonly #ended: () => void;

  constructor(ended: () => void) {
    this.#ended = ended;
  }

  /** Takes bytes[0, end). */
  scan(bytes: Uint8Array, end: number): void {
    let at = this.#finishCutFrame(bytes, end);
    while (end - at >= headBytes) {
      this.#decode(bytes, at);
      const next = at + 4 + this.length;
      if (next > end) {
        this.#skip = next - end;
        return;
      }
      this.lastByte = bytes[next - 1]!;
      at = next;
      this.#ended();
    }
    while (at < end) this.#head[this.#headLength++] = bytes[at++]!;
  }

  /** Goes on with the frame that the last read left unfinished; answers where the next frame starts. */
  #finishCutFrame(bytes: Uint8Array, end: number): number {
    let at = 0;
    if (this.#headLength > 0) {
      while (at < end && this.#headLength < headBytes) this.#head[this.#headLength++] = bytes[at++]!;
      if (this.#headLength < headBytes) return end;
      this.#headLength = 0;
      this.#decode(this.#head, 0);
      this.#skip = this.length - replyHeaderBytes;
      if (this.#skip === 0) {
        this.lastByte = this.#head[headBytes - 1]!;
        this.#ended();
        return at;
      }
    }
    if (this.#skip === 0) return at;
    const taken = Math.min(this.#skip, end - at);
    this.#skip -= taken;
    at += taken;
    if (this.#skip === 0 && taken > 0) {
      this.lastByte = bytes[at - 1]!;
      this.#ended();
    }
    return at;
  }

  #decode(bytes: Uint8Array, at: number): void {
    this.length = intAt(bytes, at);
    if (this.length < replyHeaderBytes) throw new BadReply(`a frame of ${this.length} bytes is no reply`);
    this.xid = intAt(bytes, at + 4);
    this.zxidHigh = intAt(bytes, at + 8);
    this.err = intAt(bytes, at + 16);
  }
}

function intAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}

/** Throws unless the reply in `frame` is the one expected: xids in request order, no error, the size its operation has. */
export function checkReply(frame: FrameScanner, xid: number, replyBytes: number): void {
  if (frame.xid !== xid) throw new BadReply(`reply ${frame.xid} came where ${xid} was due`);
  if (frame.err !== 0) throw new BadReply(`request ${xid} failed with error ${frame.err}`);
  if (frame.length !== replyBytes) throw new BadReply(`reply ${xid} has ${frame.length} bytes, not ${replyBytes}`);
}
