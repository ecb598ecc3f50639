import { perms } from '@corral/protocol';
import type { Acl } from '@corral/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { base64 } from './base64.ts';
import { inRange, parseRange } from './ip-address.ts';
import { Permissions } from './permissions.ts';
import { makeSchemes, superIdentity } from './schemes.ts';

const schemes = makeSchemes({ digestEnabled: true, digest: (bytes) => bytes, superDigest: 'super:c3VwZXI6cHc=' });
const permissions = new Permissions(schemes, false);
const acl = (scheme: string | null, id: string | null, bits: number = perms.all): Acl => ({
  perms: bits,
  id: { scheme, id },
});
const ip = { scheme: 'ip', id: '10.1.2.3' };
const ann = { scheme: 'digest', id: 'ann:hash' };
const bob = { scheme: 'digest', id: 'bob:hash' };

describe('a check', () => {
  test('passes with one common bit of a matching entry, and with no list at all', () => {
    expect(permissions.allows([], perms.read, [])).toBe(true);
    expect(permissions.allows([acl('world', 'anyone', 1)], perms.read, [ip])).toBe(true);
    expect(permissions.allows([acl('world', 'anyone', 1)], perms.write, [ip])).toBe(false);
    expect(permissions.allows([acl('world', 'anyone', 16)], perms.read | perms.admin, [ip])).toBe(true);
    expect(permissions.allows([acl('world', 'anyone', 0)], perms.all, [ip])).toBe(false);
    expect(permissions.allows([acl('world', 'anyone', -1)], perms.admin, [])).toBe(true);
    expect(permissions.allows([acl('digest', 'ann:hash'), acl('world', 'anyone', 1)], perms.read, [])).toBe(true);
    expect(permissions.allows([acl('digest', 'ann:hash')], perms.read, [ip, bob])).toBe(false);
    expect(permissions.allows([acl('digest', 'ann:hash')], perms.read, [ip, bob, ann])).toBe(true);
  });

  test('never matches across schemes, nor for schemes that do not exist', () => {
    expect(permissions.allows([acl('sasl', 'ann')], perms.read, [{ scheme: 'sasl', id: 'ann' }])).toBe(false);
    expect(permissions.allows([acl('digest', '10.1.2.3')], perms.read, [ip])).toBe(false);
    expect(permissions.allows([acl('super', '')], perms.read, [ip])).toBe(false);
    expect(permissions.allows([acl('__proto__', 'x')], perms.read, [{ scheme: '__proto__', id: 'x' }])).toBe(false);
    expect(permissions.allows([acl(null, null)], perms.read, [ip])).toBe(false);
    expect(permissions.allows([acl('world', 'someone')], perms.read, [ip])).toBe(false);
  });

  test('always passes for super and when checks are off', () => {
    expect(permissions.allows([acl('digest', 'ann:hash', 0)], perms.admin, [ip, superIdentity])).toBe(true);
    expect(new Permissions(schemes, true).allows([acl('digest', 'ann:hash', 0)], perms.admin, [])).toBe(true);
  });
});

/** Slowly and plainly: does one entry match? */
function allowsPlainly(list: readonly Acl[], mask: number, identities: readonly { scheme: string; id: string }[]) {
  return list.some(({ perms: bits, id }) => {
    if ((bits & mask) === 0) return false;
    if (id.scheme === 'world') return id.id === 'anyone';
    if (id.scheme === 'ip') return identities.some((i) => i.scheme === 'ip' && inRange(i.id, id.id!));
    return id.scheme === 'digest' && identities.some((i) => i.scheme === 'digest' && i.id === id.id);
  });
}

describe('a list of any length, asked about any number of identities,', () => {
  const octet = fc.constantFrom(9, 10, 127, 200);
  const address = fc.oneof(
    fc.tuple(octet, octet, octet, octet).map((parts) => parts.join('.')),
    fc.constantFrom('::1', 'fe80::1', '::ffff:10.9.9.9', 'no address', ''),
  );
  const range = fc.oneof(
    address,
    fc.tuple(address, fc.constantFrom(0, 1, 7, 8, 9, 24, 32, 64, 128, 129)).map(([a, bits]) => `${a}/${bits}`),
  );
  const entry = fc.oneof(
    fc.tuple(fc.constant('ip'), range),
    fc.tuple(fc.constant('digest'), fc.constantFrom('ann:hash', 'bob:hash', 'eve:hash')),
    fc.tuple(fc.constantFrom('world', 'sasl', 'super', '__proto__', null), fc.constantFrom('anyone', 'someone', null)),
  );
  const list = fc.array(
    fc.tuple(entry, fc.integer({ min: 0, max: 31 })).map(([[scheme, id], bits]) => acl(scheme, id, bits)),
    { minLength: 1, maxLength: 40 },
  );
  const identities = fc
    .tuple(address, fc.subarray([ann, bob]), fc.nat(50))
    .map(([id, more, strangers]) => [
      { scheme: 'ip', id },
      ...Array.from({ length: strangers }, (_, at) => ({ scheme: 'digest', id: `stranger${at}:hash` })),
      ...more,
    ]);

  test('says the same as its entries one by one', () => {
    fc.assert(
      fc.property(list, fc.integer({ min: 1, max: 31 }), identities, (entries, mask, who) => {
        const expected = allowsPlainly(entries, mask, who);
        expect(permissions.allows(entries, mask, who)).toBe(expected);
        expect(permissions.allows(entries, mask, who)).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  test('takes no longer for a thousand identities than for their names', () => {
    const who = Array.from({ length: 1000 }, (_, at) => ({ scheme: 'digest', id: `u${at}:hash` }));
    const list = 'abcdefg'
      .split('')
      .map((name) => acl('digest', `${name}:hash`))
      .concat(acl('digest', 'u999:hash'));
    let looks = 0;
    const counted = who.map(({ scheme, id }) => ({
      scheme,
      get id() {
        looks++;
        return id;
      },
    }));
    for (let asked = 0; asked < 1000; asked++) expect(permissions.allows(list, perms.read, counted)).toBe(true);
    expect(looks).toBe(1000);
  });

  test('is gone through once, however often and by however many identities it is asked', () => {
    let looks = 0;
    const long = Array.from({ length: 5000 }, (_, i) => {
      const id = { scheme: i % 2 === 0 ? 'ip' : 'digest', id: i % 2 === 0 ? `9.9.${i >> 8}.${i & 255}` : `u${i}:hash` };
      return { perms: 1, get id() { return (looks++, id); } }; // prettier-ignore
    });
    const many = Array.from({ length: 1000 }, (_, i) => ({ scheme: 'digest', id: `v${i}:hash` }));
    for (let i = 0; i < 100; i++) expect(permissions.allows(long, perms.read, [ip, ...many])).toBe(false);
    expect(permissions.allows(long, perms.read, [{ scheme: 'digest', id: 'u4999:hash' }])).toBe(true);
    expect(looks).toBeLessThan(2 * long.length);
  });
});

describe('the list as it is stored', () => {
  const cases: readonly [title: string, asked: readonly Acl[] | null, stored: readonly Acl[] | undefined][] = [
    ['is refused when it is null', null, undefined],
    ['is refused when it is empty', [], undefined],
    ['is refused for world:somebody', [acl('world', 'somebody')], undefined],
    ['is refused for a scheme that does not exist', [acl('kerberos', 'x')], undefined],
    ['is refused for super', [acl('super', '')], undefined],
    ['is refused for a null scheme', [acl(null, 'x')], undefined],
    ['is refused for a null id', [acl('digest', null)], undefined],
    ['is refused as a whole for one bad entry', [acl('world', 'anyone'), acl('ip', 'x')], undefined],
    ['keeps bits that mean nothing', [acl('world', 'anyone', 0x7fffffff)], [acl('world', 'anyone', 0x7fffffff)]],
    [
      'loses exact duplicates and keeps the order',
      [acl('ip', '1.1.1.1'), acl('world', 'anyone', 1), acl('ip', '1.1.1.1'), acl('world', 'anyone', 3)],
      [acl('ip', '1.1.1.1'), acl('world', 'anyone', 1), acl('world', 'anyone', 3)],
    ],
    [
      'has an entry for each proven identity in the place of auth, duplicates included',
      [acl('digest', 'ann:hash', 5), acl('auth', 'ignored', 5)],
      [acl('digest', 'ann:hash', 5), acl('digest', 'ann:hash', 5), acl('digest', 'bob:hash', 5)],
    ],
  ];
  test.each(cases)('%s', (_, asked, stored) => {
    expect(permissions.fixUp(asked, [ip, ann, superIdentity, bob], 1000)).toEqual(stored);
  });

  test('takes auth without an id, which some clients send as null', () => {
    const unnamed = { perms: 5, id: { scheme: 'auth', id: null } };
    expect(permissions.fixUp([unnamed], [ann], 1000)).toEqual([acl('digest', 'ann:hash', 5)]);
    expect(permissions.fixUp([{ perms: 5, id: { scheme: 'digest', id: null } }], [ann], 1000)).toBeUndefined();
  });

  test('cannot name auth without a proven identity', () => {
    expect(permissions.fixUp([acl('auth', '')], [ip, superIdentity], 1000)).toBeUndefined();
  });

  test('takes digest ids of exactly two parts', () => {
    for (const id of ['u:h', ':x', 'u:h:', 'u:h::'])
      expect([id, permissions.fixUp([acl('digest', id)], [], 1000)?.length]).toEqual([id, 1]);
    for (const id of ['u', 'u:', ':', '', 'u:h:x'])
      expect([id, permissions.fixUp([acl('digest', id)], [], 1000)]).toEqual([id, undefined]);
  });
});

describe('a list that is shown', () => {
  const list = [
    acl('digest', 'ann:secret:more', 1),
    acl('world', 'anyone', 1),
    acl('ip', '1.2.3.4', 16),
    acl('digest', 'x\n:y\nz'),
  ];
  test('hides hashes from those without ADMIN', () => {
    expect(permissions.redact(list, [ip])).toEqual([
      acl('digest', 'ann:x', 1),
      acl('world', 'anyone', 1),
      acl('ip', '1.2.3.4', 16),
      acl('digest', 'x\n:x'),
    ]);
  });
  test('is complete for those with ADMIN', () => {
    expect(permissions.redact(list, [{ scheme: 'ip', id: '1.2.3.4' }])).toEqual(list);
    expect(permissions.redact(list, [superIdentity])).toEqual(list);
  });
});

describe('addresses', () => {
  test.each([
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.2.4', false],
    ['10.1.2.3', '10.0.0.0/8', true],
    ['10.1.2.3', '0.0.0.0/0', true],
    ['10.1.2.3', '10.1.2.0/30', true],
    ['10.1.2.4', '10.1.2.0/30', false],
    ['10.1.2.3', '10.1.130.3/16', true],
    ['10.1.2.3', '10.1.130.3/17', false],
    ['::1', '::1', true],
    ['2001:db8::5', '2001:db8::/32', true],
    ['2001:db9::5', '2001:db8::/32', false],
    ['2001:db9::5', '2001:db8::/31', true],
    ['fe80::1%eth0', 'fe80::/10', true],
    ['10.1.2.3', '::/0', false],
    ['::1', '0.0.0.0/0', false],
    ['::ffff:10.1.2.3', '10.1.2.0/24', true],
  ])('%s lies in %s: %s', (address, range, expected) => {
    expect(inRange(address, range)).toBe(expected);
  });

  test.each(['', '1.2.3', '1.2.3.4.5', '1.2.3.256', '1.2.3.x', '1.2.3.4/33', '1.2.3.4/', '1.2.3.4/-1', '1.2.3.4/8/8',
    'x', ':', ':::', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1::2::3', '12345::', '::/129', '::1.2.3', 'g::'])(
    '%s is not one',
    (text) => expect(parseRange(text)).toBeUndefined(),
  ); // prettier-ignore

  test('match a prefix exactly when the leading bits agree', () => {
    const bytes = fc.uint8Array({ minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(bytes, bytes, fc.integer({ min: 0, max: 32 }), (a, b, bits) => {
        const number = (x: Uint8Array): number => new DataView(x.buffer, x.byteOffset, 4).getUint32(0);
        const agree = bits === 0 || number(a) >>> (32 - bits) === number(b) >>> (32 - bits);
        return inRange(a.join('.'), `${b.join('.')}/${bits}`) === agree;
      }),
    );
  });
});

describe('the digest scheme', () => {
  const digest = schemes.get('digest')!;
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  test('names the user before the first colon and hashes the whole credential', () => {
    expect(digest.authenticate(bytes('ann:p:w'), { address: '' })).toEqual([
      { scheme: 'digest', id: 'ann:YW5uOnA6dw==' },
    ]);
    expect(digest.authenticate(bytes('ann'), { address: '' })).toEqual([{ scheme: 'digest', id: 'ann:YW5u' }]);
    expect(digest.authenticate(null, { address: '' })).toBeUndefined();
    expect(digest.userName('ann:hash')).toBe('ann');
  });
  test('knows super by its digest, and adds its own identity as well', () => {
    expect(digest.authenticate(bytes('super:pw'), { address: '' })).toEqual([
      superIdentity,
      { scheme: 'digest', id: 'super:c3VwZXI6cHc=' },
    ]);
  });
  test('does not exist when it is switched off', () => {
    expect(makeSchemes({ digestEnabled: false, digest: (b) => b, superDigest: undefined }).has('digest')).toBe(false);
  });
});

test('base64 is the standard one', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (b) => base64(b) === Buffer.from(b).toString('base64')));
});
