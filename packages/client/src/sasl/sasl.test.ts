import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestMd5 } from './digest-md5.ts';
import { md5 } from './md5.ts';

describe('MD5', () => {
  it('is the one that everybody else computes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (data) => {
        expect(Buffer.from(md5(data)).toString('hex')).toBe(createHash('md5').update(data).digest('hex'));
      }),
    );
  });
});

describe('DIGEST-MD5', () => {
  const text = (bytes: unknown): string => new TextDecoder().decode(bytes as Uint8Array);
  const bytes = (words: string): Uint8Array => new TextEncoder().encode(words);
  const challenge = bytes(
    'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8',
  );
  const example = (): ReturnType<ReturnType<typeof digestMd5>['start']> =>
    digestMd5({
      username: 'chris',
      password: 'secret',
      digestUri: 'imap/elwood.innosoft.com',
      clientNonce: () => 'OA6MHXh6VqTrRk',
    }).start('elwood');

  it('gives the answers of the example in RFC 2831', () => {
    const exchange = example();
    expect(exchange.step(new Uint8Array(0))).toEqual(new Uint8Array(0));
    const answer = text(exchange.step(challenge));
    expect(answer).toContain('response=d388dad90d4bbd760a152321f2143af7');
    expect(answer).toContain('username="chris",realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",nc=00000001');
    expect(exchange.step(bytes('rspauth=ea40f60335c427b5527b84dbabcdfffd'))).toBeNull();
  });

  it('leaves a server that does not know the password, or speaks something else', () => {
    const exchange = example();
    void exchange.step(challenge);
    expect(() => exchange.step(bytes('rspauth=00000000000000000000000000000000'))).toThrow(
      'does not know the password',
    );
    expect(() => example().step(bytes('nonce="x",algorithm=sha-256'))).toThrow('something else');
  });

  it('takes quotes in names and nonces of its own making', () => {
    const answer = text(digestMd5({ username: 'a"b', password: 'ü' }).start('h').step(bytes('nonce="q\\"uote"')));
    expect(answer).toContain('username="a\\"b",realm="",nonce="q\\"uote"');
    expect(answer).toMatch(/cnonce="[0-9a-f]{32}"/);
  });
});
