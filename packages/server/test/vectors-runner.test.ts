// The runner itself: a replay that passes everything would prove nothing.

import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { replay } from './vectors.ts';
import type { Step } from './vectors.ts';

const frame = '00000004cafebabe';
const servers: Server[] = [];
afterEach(() => servers.splice(0).forEach((server) => server.close()));

/** A server that answers every chunk with fixed bytes. */
async function answering(hex: string, then: 'keep' | 'close' = 'keep'): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', () => {
      if (then === 'close') socket.end(Buffer.from(hex, 'hex'));
      else socket.write(Buffer.from(hex, 'hex'));
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function errorOf(port: number, step: Partial<Step>): Promise<string | undefined> {
  const steps: Step[] = [{ note: 'n', conn: 'a', open: true, sendHex: '00', timeoutMs: 300, ...step }];
  const vectors = { server: {}, scenarios: [{ name: 's', doc: 'd', steps }] };
  return (await replay('127.0.0.1', port, vectors, { profile: '3.9' }))[0].error;
}

describe('the vector runner', () => {
  it('accepts exactly the recorded bytes', async () => {
    expect(await errorOf(await answering(frame), { expectHex: frame })).toBeUndefined();
  });
  it('rejects a byte that differs, unless it is masked', async () => {
    const port = await answering(frame);
    expect(await errorOf(port, { expectHex: '00000004cafebabf' })).toContain('differs at offset 7');
    expect(await errorOf(port, { expectHex: '00000004cafebabf', mask: [[7, 1, 'zxid']] })).toBeUndefined();
  });
  it('rejects a missing frame and a frame too many', async () => {
    const port = await answering(frame);
    expect(await errorOf(port, { expectHex: frame + frame })).toContain('timed out');
    expect(await errorOf(await answering(frame + frame), { expectHex: frame })).toContain(
      'unexpected bytes at the end',
    );
  });
  it('tells a close from silence', async () => {
    const closing = await answering(frame, 'close');
    expect(await errorOf(closing, { expectHex: frame, closes: true })).toBeUndefined();
    expect(await errorOf(closing, { expectHex: frame, silentMs: 100 })).toContain('silence');
    expect(await errorOf(await answering(frame), { expectHex: frame, closes: true })).toContain('should have closed');
  });
  it('takes the 3.9 variant where there is one', async () => {
    const other = '00000004deadbeef';
    const alt = [{ server: '3.9', expectHex: other }];
    expect(await errorOf(await answering(other), { expectHex: frame, alt })).toBeUndefined();
    expect(await errorOf(await answering(frame), { expectHex: frame, alt })).toContain('differs');
  });
  it('compares vectors without regard to their order', async () => {
    const [a, b] = ['0000000161', '0000000162'];
    const port = await answering(`0000000e00000002${a}${b}`);
    const expectHex = `0000000e00000002${b}${a}`;
    expect(await errorOf(port, { expectHex })).toContain('differs');
    expect(await errorOf(port, { expectHex, sort: [[4, 'str']] })).toBeUndefined();
  });
});
