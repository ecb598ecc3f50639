import { describe, expect, test } from 'vitest';
import { BadReply, FrameScanner, checkReply } from './scanner.ts';

/** A reply with a body of the given size whose last byte is 7. */
function reply(xid: number, err: number, bodyBytes: number): Buffer {
  const frame = Buffer.alloc(20 + bodyBytes);
  frame.writeInt32BE(16 + bodyBytes, 0);
  frame.writeInt32BE(xid, 4);
  frame.writeInt32BE(err, 16);
  if (bodyBytes > 0) frame[frame.length - 1] = 7;
  return frame;
}

/** What the scanner finds when the bytes arrive in pieces of `pieceBytes`. */
function scanned(bytes: Buffer, pieceBytes: number): string[] {
  const found: string[] = [];
  const scanner: FrameScanner = new FrameScanner(() => {
    found.push(`${scanner.xid} ${scanner.err} ${scanner.length} ${scanner.lastByte}`);
  });
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes);
    scanner.scan(piece, piece.length);
  }
  return found;
}

describe('frame scanner', () => {
  const stream = Buffer.concat([reply(1, 0, 0), reply(2, -101, 0), reply(-1, 0, 100), reply(3, 0, 1), reply(4, 0, 68)]);
  const expected = ['1 0 16 0', '2 -101 16 155', '-1 0 116 7', '3 0 17 7', '4 0 84 7'];

  test('finds the same frames however reads cut them', () => {
    for (let piece = 1; piece <= stream.length; piece++) expect(scanned(stream, piece)).toEqual(expected);
  });

  test('looks only at the bytes that arrived', () => {
    let frames = 0;
    const scanner = new FrameScanner(() => frames++);
    const buffer = Buffer.concat([reply(1, 0, 0), reply(2, 0, 0)]);
    scanner.scan(buffer, 20);
    expect(frames).toBe(1);
  });

  test('refuses a frame too short to be a reply', () => {
    const frame = reply(1, 0, 0);
    frame.writeInt32BE(15, 0);
    expect(() => scanned(frame, 20)).toThrow(BadReply);
  });
});

describe('reply check', () => {
  const check = (frame: Buffer, xid: number, bytes: number): void => {
    const scanner: FrameScanner = new FrameScanner(() => checkReply(scanner, xid, bytes));
    scanner.scan(frame, frame.length);
  };

  test('accepts the reply that is due', () => {
    expect(() => check(reply(5, 0, 68), 5, 84)).not.toThrow();
  });

  test('refuses one out of order, one with an error and one of the wrong size', () => {
    expect(() => check(reply(6, 0, 68), 5, 84)).toThrow('reply 6 came where 5 was due');
    expect(() => check(reply(5, -101, 68), 5, 84)).toThrow('error -101');
    expect(() => check(reply(5, 0, 67), 5, 84)).toThrow('83 bytes, not 84');
  });
});
