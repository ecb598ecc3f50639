import { errorCodes, opcodes, xids } from '@corral/protocol';
import { describe, expect, test } from 'vitest';
import { base64 } from '../acl/base64.ts';
import { MemoryReplica, bytesOf, encodeRequest, open } from '../testing/memory-replica.ts';
import type { TestClient } from '../testing/memory-replica.ts';
import { multiBody, multiResults } from '../testing/multi.ts';

const { Ok, NoNode, NoAuth, InvalidAcl, MarshallingError, AuthFailed, BadVersion } = errorCodes;
const hashOf = (credential: string): string => base64(bytesOf(credential).reverse());
const world = (perms: number) => [{ perms, id: { scheme: 'world', id: 'anyone' } }];

/** Every operation that a permission guards, on /n with child /n/c. */
const guarded: readonly [name: string, bit: number, run: (client: TestClient) => number][] = [
  ['getData', 1, (c) => c.getData('/n').err],
  ['exists', 1, (c) => c.exists('/n').err],
  ['getChildren', 1, (c) => c.call('getChildren', { path: '/n', watch: false }).err],
  ['getChildren2', 1, (c) => c.call('getChildren2', { path: '/n', watch: false }).err],
  ['getAllChildrenNumber', 1, (c) => c.call('getAllChildrenNumber', { path: '/n' }).err],
  ['check', 1, (c) => multiResults(c.callRaw(opcodes.multi, multiBody([['check', { path: '/n', version: -1 }]])))[0].err],
  ['multiRead', 1, (c) => multiResults(c.callRaw(opcodes.multiRead, multiBody([['getData', { path: '/n', watch: false }]])))[0].err],
  ['setData', 2, (c) => c.setData('/n', 'x').err],
  ['create', 4, (c) => c.create('/n/d').err],
  ['delete', 8, (c) => c.delete('/n/c').err],
  ['setACL', 16, (c) => c.call('setACL', { path: '/n', acl: world(31), version: -1 }).err],
]; // prettier-ignore

describe('permissions', () => {
  test.each(guarded)('%s needs bit %i and no other', (_, bit, run) => {
    for (const perms of [bit, 31 ^ bit]) {
      const client = new MemoryReplica().connect();
      client.create('/n');
      client.create('/n/c');
      client.call('setACL', { path: '/n', acl: world(perms), version: -1 });
      expect(run(client)).toBe(perms === bit ? Ok : NoAuth);
    }
  });

  test('of getACL are READ or ADMIN', () => {
    for (const perms of [1, 2, 4, 8, 16, 0]) {
      const client = new MemoryReplica().connect();
      client.create('/n', { acl: world(perms) });
      expect(client.call('getACL', { path: '/n' }).err).toBe(perms === 1 || perms === 16 ? Ok : NoAuth);
    }
  });

  test('guard nothing when they are switched off, but lists are still checked', () => {
    const client = new MemoryReplica({ skipAcl: true }).connect();
    client.create('/n', { acl: world(0) });
    expect(client.setData('/n', 'x').err).toBe(Ok);
    expect(client.create('/m', { acl: [] }).err).toBe(InvalidAcl);
  });

  test("of a node's deletion are those of its parent only", () => {
    const client = new MemoryReplica().connect();
    client.create('/n', { acl: world(0) });
    expect(client.delete('/n').err).toBe(Ok);
  });

  test('are checked in the order of section 11', () => {
    const client = new MemoryReplica().connect();
    client.create('/closed', { acl: world(0) });
    const set = (path: string, version: number) => client.setData(path, 'x', version).err;
    expect([set('/missing', 9), set('/closed', 9)]).toEqual([NoNode, NoAuth]);
    const acl = (path: string, list: typeof open | null, version = 9) =>
      client.call('setACL', { path, acl: list, version }).err;
    expect([acl('/missing', null), acl('/missing', open), acl('/closed', open)]).toEqual([InvalidAcl, NoNode, NoAuth]);
    client.create('/open');
    expect(acl('/open', open)).toBe(BadVersion);
    expect(client.delete('/closed/x', 9).err).toBe(NoAuth);
  });
});

describe('identities', () => {
  test('accumulate, are not added twice, and show in whoAmI without their hash', () => {
    const client = new MemoryReplica().connect();
    for (const credential of ['ann:1', 'bob:2', 'ann:1', 'ann:3'])
      expect(client.authenticate('digest', credential)).toMatchObject({ xid: xids.auth, zxid: 0, err: Ok });
    expect(client.authenticate('ip', '').err).toBe(Ok);
    expect(client.call('whoAmI', {}).result.clientInfo).toEqual([
      { authScheme: 'ip', user: '10.0.0.1' },
      { authScheme: 'digest', user: 'ann' },
      { authScheme: 'digest', user: 'bob' },
      { authScheme: 'digest', user: 'ann' },
    ]);
  });

  test('of auth entries are expanded on create and setACL', () => {
    const client = new MemoryReplica().connect();
    const auth = [{ perms: 31, id: { scheme: 'auth', id: 'whatever' } }];
    expect(client.create('/n', { acl: auth }).err).toBe(InvalidAcl);
    client.authenticate('digest', 'ann:1');
    client.create('/n', { acl: auth });
    const stored = [{ perms: 31, id: { scheme: 'digest', id: `ann:${hashOf('ann:1')}` } }];
    expect(client.call('getACL', { path: '/n' }).result.acl).toEqual(stored);
    client.authenticate('digest', 'bob:2');
    client.call('setACL', { path: '/n', acl: auth, version: 0 });
    expect(client.call('getACL', { path: '/n' }).result).toMatchObject({
      acl: [...stored, { perms: 31, id: { scheme: 'digest', id: `bob:${hashOf('bob:2')}` } }],
      stat: { aversion: 1 },
    });
  });

  test('belong to the connection, not to the session', () => {
    const server = new MemoryReplica();
    const first = server.connect();
    first.authenticate('digest', 'ann:1');
    first.create('/n', { acl: [{ perms: 31, id: { scheme: 'auth', id: '' } }] });
    expect(server.connect(first.welcome).getData('/n').err).toBe(NoAuth);
  });

  test('that count for a request are those of the moment it arrived', () => {
    const server = new MemoryReplica();
    const client = server.connect();
    const hash = hashOf('ann:1');
    client.create('/n', { acl: [{ perms: 31, id: { scheme: 'digest', id: `ann:${hash}` } }] });
    server.isLogHeld = true;
    client.submit('create', { path: '/m', data: null, acl: open, flags: 0 }, 10);
    client.submit('getData', { path: '/n', watch: false }, 11);
    client.submit('auth', { type: 0, scheme: 'digest', auth: bytesOf('ann:1') }, xids.auth);
    client.submit('getData', { path: '/n', watch: false }, 12);
    server.settle();
    server.releaseLog();
    expect(client.replies().map(({ xid, err }) => [xid, err])).toEqual([
      [xids.auth, Ok],
      [10, Ok],
      [11, NoAuth],
      [12, Ok],
    ]);
  });

  test('of super pass everything and see everything', () => {
    const server = new MemoryReplica({ superDigest: `super:${hashOf('super:pw')}` });
    const [owner, other] = [server.connect(), server.connect()];
    owner.authenticate('digest', 'ann:1');
    owner.create('/n', { acl: [{ perms: 1, id: { scheme: 'auth', id: '' } }] });
    expect(other.setData('/n', 'x').err).toBe(NoAuth);
    other.authenticate('digest', 'super:pw');
    expect(other.setData('/n', 'x').err).toBe(Ok);
    expect(other.call('getACL', { path: '/n' }).result.acl?.[0]?.id.id).toBe(`ann:${hashOf('ann:1')}`);
    expect(owner.call('getACL', { path: '/n' }).result.acl?.[0]?.id.id).toBe('ann:x');
    expect(other.call('whoAmI', {}).result.clientInfo).toEqual([
      { authScheme: 'ip', user: '10.0.0.1' },
      { authScheme: 'super', user: '' },
      { authScheme: 'digest', user: 'super' },
    ]);
  });

  test('by address match ranges', () => {
    const server = new MemoryReplica();
    const near = server.connect();
    const far = server.open('2001:db8::7');
    far.greet({});
    far.greeting();
    near.create('/n', { acl: [{ perms: 1, id: { scheme: 'ip', id: '10.0.0.0/8' } }] });
    near.create('/m', { acl: [{ perms: 1, id: { scheme: 'ip', id: '2001:db8::/32' } }] });
    expect([near.getData('/n').err, far.getData('/n').err]).toEqual([Ok, NoAuth]);
    expect([near.getData('/m').err, far.getData('/m').err]).toEqual([NoAuth, Ok]);
  });
});

describe('an auth packet', () => {
  test.each([
    ['unknown', 'x'],
    [null, 'x'],
    ['digest', null],
    ['world', 'anyone'],
    ['super', 'pw'],
    ['x509', 'cn'],
    ['__proto__', 'x'],
  ])('of scheme %s with %s is refused, and the connection closed', (scheme, credential) => {
    const client = new MemoryReplica().connect();
    expect(client.authenticate(scheme, credential)).toMatchObject({ xid: -4, zxid: 0, err: AuthFailed });
    expect(client.isClosed).toBe(true);
  });

  test.each([opcodes.auth, opcodes.sasl])(
    'or sasl token (%i) that cannot be decoded closes the connection',
    (opcode) => {
      const client = new MemoryReplica().connect();
      client.submitRaw(opcode, Uint8Array.of(0, 0));
      expect(client.take()).toEqual([]);
      expect(client.isClosed).toBe(true);
    },
  );

  test('for sasl is answered with a null token; a null one closes', () => {
    const client = new MemoryReplica().connect();
    expect(client.call('sasl', { token: new Uint8Array(0) }, 9)).toMatchObject({
      xid: 9,
      zxid: 0,
      result: { token: null },
    });
    client.submit('sasl', { token: null });
    expect(client.take()).toEqual([]);
    expect(client.isClosed).toBe(true);
  });

  test('of a required scheme opens the way for everything else', () => {
    const server = new MemoryReplica({ requiredSchemes: ['digest', 'sasl'] });
    for (const op of ['ping', 'closeSession', 'whoAmI'] as const) {
      const client = server.connect();
      expect(client.call(op, {}, 3)).toMatchObject({ xid: 3, zxid: 0, err: errorCodes.SessionClosedRequireAuth });
      expect(client.isClosed).toBe(true);
    }
    const client = server.connect();
    client.authenticate('digest', 'ann:1');
    expect(client.create('/n').err).toBe(Ok);
  });

  test('with a null id string inside an ACL makes the request undecodable', () => {
    const client = new MemoryReplica().connect();
    const body = (scheme: string | null, id: string | null) =>
      encodeRequest('create', { path: '/n', data: null, acl: [{ perms: 31, id: { scheme, id } }], flags: 0 });
    expect(client.callRaw(opcodes.create, body('digest', null)).err).toBe(MarshallingError);
    expect(client.callRaw(opcodes.create, body(null, 'x')).err).toBe(InvalidAcl);
    expect(client.callRaw(opcodes.create, body(null, null)).err).toBe(InvalidAcl);
  });
});
