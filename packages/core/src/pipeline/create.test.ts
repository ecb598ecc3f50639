import { createModes, errorCodes, isValidPath, opcodes, sequenceSuffix } from '@corral/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryReplica, bytesOf, encodeRequest, open } from '../testing/memory-replica.ts';
import type { TestClient } from '../testing/memory-replica.ts';

const { Ok, BadArguments, NoNode, Unimplemented, MarshallingError, NodeExists } = errorCodes;
const { InvalidAcl, NoAuth, NoChildrenForEphemerals } = errorCodes;
const readOnlyAcl = [{ perms: 1, id: { scheme: 'world', id: 'anyone' } }];

const createOps = ['create', 'create2', 'createContainer'] as const;
const ttlRequest = (path: string, flags: number, ttl: number) => ({ path, data: null, acl: open, flags, ttl });

describe('flags of the create operations', () => {
  test.each(createOps)('%s takes 0 to 4', (op) => {
    for (const extendedTypes of [false, true]) {
      const client = new MemoryReplica({ extendedTypes }).connect();
      for (let flags = -2; flags <= 9; flags++) {
        const isTtl = flags === 5 || flags === 6;
        const expected = flags >= 0 && flags <= 4 ? Ok : isTtl && !extendedTypes ? Unimplemented : BadArguments;
        const { err } = client.call(op, { path: `/${op}${flags}`, data: null, acl: open, flags });
        expect([flags, err]).toEqual([flags, expected]);
      }
      expect(client.isClosed).toBe(false);
    }
  });

  test('createTTL takes 5 and 6 with a positive TTL of 40 bits; anything else is refused and kills nothing', () => {
    const client = new MemoryReplica({ extendedTypes: true }).connect();
    const max = 0xffffffffff;
    for (let flags = -1; flags <= 7; flags++)
      for (const ttl of [-1, 0, 1, max, max + 1, -(2 ** 40)]) {
        const isFine = (flags === 5 || flags === 6) && ttl >= 1 && ttl <= max;
        const { err } = client.call('createTTL', ttlRequest(`/t${flags}x${ttl}`, flags, ttl));
        expect([flags, ttl, err]).toEqual([flags, ttl, isFine ? Ok : BadArguments]);
      }
    expect(client.exists('/t5x1').result.stat.ephemeralOwner).toBe(0n);
    expect(client.exists(`/t6x${max}0000000003`).err).toBe(Ok);
  });

  test('createTTL is unimplemented while extended types are off, and the connection stays', () => {
    const client = new MemoryReplica().connect();
    expect(client.call('createTTL', ttlRequest('/t', 5, 1000)).err).toBe(Unimplemented);
    expect(client.call('createTTL', ttlRequest('/t', 0, -1)).err).toBe(BadArguments);
    expect(client.isClosed).toBe(false);
  });

  test('4 by create makes an ordinary node; createContainer with 1 makes a container that its session does not own', () => {
    const world = new MemoryReplica();
    const client = world.connect();
    client.create('/plain', { flags: createModes.container });
    client.call('createContainer', { path: '/box', data: null, acl: open, flags: createModes.ephemeral });
    expect(world.tree.kind(world.tree.find('/plain'))).toBe('persistent');
    expect(world.tree.kind(world.tree.find('/box'))).toBe('container');
    expect(client.exists('/box').result.stat.ephemeralOwner).toBe(0n);
    expect(client.call('getEphemerals', { prefixPath: '' }).result.ephemerals).toEqual([]);
    client.call('closeSession', {});
    expect(world.connect().exists('/box').err).toBe(Ok);
  });

  test('an ephemeral belongs to its session, has no children and ends with it', () => {
    const world = new MemoryReplica();
    const owner = world.connect();
    const other = world.connect();
    owner.create('/e', { flags: 1 });
    expect(other.exists('/e').result.stat.ephemeralOwner).toBe(owner.session);
    expect(other.create('/e/c').err).toBe(NoChildrenForEphemerals);
    owner.call('closeSession', {});
    expect(other.exists('/e').err).toBe(NoNode);
  });
});

describe('sequence numbers', () => {
  test('count every create below a parent, whatever its prefix, and no failed one and no delete', () => {
    const client = new MemoryReplica().connect();
    const next = (path: string, flags = 2) =>
      client.call('create', { path, data: null, acl: open, flags }).result.path?.slice(-10);
    client.create('/s');
    expect(next('/s/a-')).toBe('0000000000');
    expect(next('/s/b-', 3)).toBe('0000000001');
    client.create('/s/plain');
    client.create('/s/plain');
    client.delete('/s/plain');
    expect(next('/s/')).toBe('0000000003');
    expect(next('/s/a-')).toBe('0000000004');
    expect(client.create('/s/x\u0001', { flags: 2 }).err).toBe(BadArguments);
    expect(next('/s/a-')).toBe('0000000005');
  });

  test('of pipelined creates follow each other', () => {
    const world = new MemoryReplica();
    const client = world.connect();
    world.isLogHeld = true;
    for (let i = 0; i < 5; i++) client.submit('create', { path: '/q-', data: null, acl: open, flags: 2 });
    world.settle();
    world.releaseLog();
    expect(client.replies().map((reply) => client.decode('create', reply).path)).toEqual(
      [0, 1, 2, 3, 4].map((n) => `/q-000000000${n}`),
    );
  });

  test('end at 2147483647, as those of Apache do: the next one has the same name', () => {
    const world = new MemoryReplica({ digestEnabled: false }); // the tree is changed behind the leader's back
    const client = world.connect();
    client.create('/w');
    const node = world.tree.find('/w');
    world.tree.nodes.cversion[node] = 0x7ffffffe;
    world.tree.digest.refresh(node);
    const answers = [1, 2, 3].map(() => client.call('create2', { path: '/w/n', data: null, acl: open, flags: 2 }));
    expect(answers.map(({ err }) => err)).toEqual([0, 0, errorCodes.NodeExists]);
    expect(world.tree.nodes.cversion[node]).toBe(0x7fffffff);
    expect(client.children('/w').sort()).toEqual(['n2147483646', 'n2147483647']);
    // A create that does not count moves no pzxid either.
    const before = client.exists('/w').result.stat.pzxid;
    expect(client.create('/w/plain').err).toBe(0);
    expect(client.exists('/w').result.stat).toMatchObject({ pzxid: before, numChildren: 3, cversion: -5 });
  });

  test('are written like %010d of an int', () => {
    expect([0, 7, 2147483647, -1, -10, -2147483648].map(sequenceSuffix)).toEqual([
      '0000000000', '0000000007', '2147483647', '-000000001', '-000000010', '-2147483648',
    ]); // prettier-ignore
  });
});

describe('the checks of a create', () => {
  test('come in the order of the specification', () => {
    const world = new MemoryReplica();
    const client = world.connect();
    client.create('/closed', { acl: readOnlyAcl });
    client.create('/e', { flags: 1 });
    const bad = null;
    const code = (path: string | null, flags: number, acl: typeof open | null) =>
      client.call('create', { path, data: null, acl, flags }).err;
    expect(code(null, 0, open)).toBe(MarshallingError);
    expect(code('nope', 5, bad)).toBe(Unimplemented);
    expect(code('nope', 9, bad)).toBe(BadArguments);
    expect(code('nope', 0, bad)).toBe(BadArguments);
    expect(code('/a\0/b', 0, bad)).toBe(BadArguments);
    expect(code('/missing/\u0001', 0, bad)).toBe(InvalidAcl);
    expect(code('/missing/\u0001', 0, open)).toBe(NoNode);
    expect(code('/closed/\u0001', 0, open)).toBe(NoAuth);
    expect(code('/e/\u0001', 0, open)).toBe(BadArguments);
    expect(code('/', 0, open)).toBe(NodeExists);
    expect(code('/e/x', 0, open)).toBe(NoChildrenForEphemerals);
  });

  test('consume a zxid when they fail, and none when the request cannot be decoded', () => {
    const world = new MemoryReplica();
    const client = world.connect();
    expect(client.create('/a/b')).toMatchObject({ err: NoNode, zxid: 2 });
    expect(client.callRaw(opcodes.create, Uint8Array.of(0, 0, 0, 9))).toMatchObject({ err: MarshallingError, zxid: 2 });
    expect(client.create('/a')).toMatchObject({ err: Ok, zxid: 3 });
  });

  test('keep null data apart from empty data', () => {
    const client = new MemoryReplica().connect();
    client.create('/null', { data: null });
    client.create('/empty', { data: '' });
    expect(client.getData('/null').result).toMatchObject({ data: null, stat: { dataLength: 0 } });
    expect(client.getData('/empty').result).toMatchObject({ data: new Uint8Array(0), stat: { dataLength: 0 } });
    client.call('setData', { path: '/empty', data: null, version: 0 });
    expect(client.getData('/empty').result).toMatchObject({ data: null, stat: { version: 1 } });
  });
});

describe('paths', () => {
  const forbidden = (unit: number): boolean =>
    unit <= 0x1f ||
    (unit >= 0x7f && unit <= 0x9f) ||
    (unit >= 0xd800 && unit <= 0xf8ff) ||
    (unit >= 0xfff0 && unit <= 0xffff);

  /** Section 9, as a sentence of its own. */
  const isLegal = (path: string): boolean =>
    path.startsWith('/') &&
    (path === '/' ||
      path
        .slice(1)
        .split('/')
        .every((element) => element !== '' && element !== '.' && element !== '..')) &&
    [...Array(path.length).keys()].every((at) => !forbidden(path.charCodeAt(at)));

  const anyPath = fc.oneof(
    fc.array(fc.constantFrom('/', '/', 'a', '.', '..', 'b', '\u0000', '\ud7ff', '\ud800', '\uf8ff', '\uf900'), {
      maxLength: 8,
    }),
    fc.array(fc.string({ unit: 'binary', maxLength: 3 }), { maxLength: 4 }).map((parts) => [`/${parts.join('/')}`]),
  ).map((parts) => parts.join('')); // prettier-ignore

  test('are valid exactly as section 9 says', () => {
    fc.assert(
      fc.property(anyPath, (path) => isValidPath(path) === isLegal(path)),
      { numRuns: 2000 },
    );
  });

  test('are valid or not by each code unit', () => {
    for (let unit = 0; unit <= 0xffff; unit++)
      if (unit !== 0x2f && isValidPath(`/a${String.fromCharCode(unit)}b`) === forbidden(unit)) expect(unit).toBe(-1);
  });

  test('of creates are cut at the last slash first, and validated last', () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        const client = new MemoryReplica().connect();
        client.create('/a');
        const { err } = client.create(path);
        const onWire = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytesOf(path));
        const cut = onWire.lastIndexOf('/');
        const parent = onWire.slice(0, Math.max(cut, 0));
        if (cut < 0 || onWire.includes('\0')) expect(err).toBe(BadArguments);
        else if (parent !== '' && parent !== '/a' && parent !== '/') expect(err).toBe(NoNode);
        else if (!isLegal(onWire)) expect(err).toBe(BadArguments);
        else expect(err).toBe(onWire === '/' || onWire === '/a' ? NodeExists : Ok);
      }),
      { numRuns: 150 },
    );
  });

  test('of other operations are checked as weakly as in ZooKeeper', () => {
    const client = new MemoryReplica().connect();
    client.create('/a');
    const del = (path: string | null) => client.call('delete', { path, version: -1 }).err;
    const protectedPaths = ['/', '/zookeeper', '/zookeeper/config', '/zookeeper/quota'];
    for (const path of ['', 'a', '/a\0', ...protectedPaths]) expect([path, del(path)]).toEqual([path, BadArguments]);
    expect(del('/a/')).toBe(NoNode);
    expect(del('//')).toBe(NoNode);
    expect(del(null)).toBe(MarshallingError);

    const set = (path: string | null) => client.call('setData', { path, data: null, version: -1 }).err;
    const acl = (path: string | null) => client.call('setACL', { path, acl: open, version: -1 }).err;
    for (const path of [null, '', 'a', '/a/', '//', '/./a', '/../a', '/\ufff0', '/😀']) {
      expect([path, set(path)]).toEqual([path, BadArguments]);
      expect([path, acl(path)]).toEqual([path, BadArguments]);
    }
    expect(set('/...')).toBe(NoNode);
  });

  test('of reads are not validated; the empty one is the root', () => {
    const client = new MemoryReplica().connect();
    const reads = {
      exists: (path: string | null) => client.call('exists', { path, watch: false }),
      getData: (path: string | null) => client.call('getData', { path, watch: false }),
      getACL: (path: string | null) => client.call('getACL', { path }),
      getChildren: (path: string | null) => client.call('getChildren', { path, watch: false }),
      getChildren2: (path: string | null) => client.call('getChildren2', { path, watch: false }),
      getAllChildrenNumber: (path: string | null) => client.call('getAllChildrenNumber', { path }),
    };
    for (const [op, read] of Object.entries(reads)) {
      expect([op, read('').err]).toEqual([op, Ok]);
      expect([op, read(null).err]).toEqual([op, MarshallingError]);
      expect([op, read('//').err]).toEqual([op, NoNode]);
      expect([op, read('/\0').err]).toEqual([op, op === 'exists' ? BadArguments : NoNode]);
    }
    expect(client.call('getAllChildrenNumber', { path: '/' }).result.totalNumber).toBe(3);
    expect(client.call('getAllChildrenNumber', { path: '' }).result.totalNumber).toBe(4);
    expect(client.call('getAllChildrenNumber', { path: '/zookeeper' }).result.totalNumber).toBe(2);
  });

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype', '__proto__/constructor'])(
    'may be named %s',
    (name) => {
      const client = new MemoryReplica({ enforceQuota: true }).connect();
      expect(client.getData(`/${name}`, true).err).toBe(NoNode);
      expect(client.exists(`/${name.split('/')[0]}`, true).err).toBe(NoNode);
      client.call('addWatch', { path: `/${name}`, mode: 0 });
      const parts = name.split('/');
      parts.forEach((_, i) => client.create(`/${parts.slice(0, i + 1).join('/')}`, { data: 'x' }));
      expect(client.events()).toContain(`created /${name}`);
      expect(client.children('/').sort()).toEqual([parts[0], 'zookeeper'].sort());
      expect(client.getData(`/${name}`).result.data).toEqual(bytesOf('x'));
      expect(client.create(`/${name}`).err).toBe(NodeExists);
      expect(client.delete(`/${name}`).err).toBe(Ok);
    },
  );
});

describe('a fresh tree', () => {
  const shown = (client: TestClient, path: string) => {
    const { cversion, aversion, version, numChildren, czxid, ctime, dataLength } = client.exists(path).result.stat;
    return { cversion, aversion, version, numChildren, czxid, ctime, dataLength };
  };
  const zero = { version: 0, aversion: 0, cversion: 0, numChildren: 0, czxid: 0n, ctime: 0, dataLength: 0 };

  test('looks as section 8 says', () => {
    const client = new MemoryReplica().connect();
    expect(shown(client, '/')).toEqual({ ...zero, cversion: -1, numChildren: 1 });
    expect(shown(client, '/zookeeper')).toEqual({ ...zero, cversion: -2, numChildren: 2 });
    expect(shown(client, '/zookeeper/config')).toEqual({ ...zero, aversion: -1 });
    expect(shown(client, '/zookeeper/quota')).toEqual(zero);
    expect(client.children('/zookeeper')).toEqual(['config', 'quota']);
    expect(client.getData('/zookeeper/config').result.data).toEqual(new Uint8Array(0));
    const acls = ['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config'].map(
      (path) => client.call('getACL', { path }).result.acl,
    );
    expect(acls).toEqual([open, open, open, readOnlyAcl]);
  });
});

describe('the Stat of a node', () => {
  test('follows the laws of section 8', () => {
    const world = new MemoryReplica();
    const client = world.connect();
    const stat = (path = '/n') => client.exists(path).result.stat;
    world.wall = 5000;
    const created = BigInt(client.create('/n', { data: 'abc' }).zxid);
    const born = { czxid: created, mzxid: created, pzxid: created, ctime: 5000, mtime: 5000, ephemeralOwner: 0n };
    const before = { ...born, version: 0, cversion: 0, aversion: 0, dataLength: 3, numChildren: 0 };
    expect(stat()).toEqual(before);
    world.wall = 6000;
    const set = BigInt(client.setData('/n', 'abc').zxid);
    const afterSet = { ...before, mzxid: set, mtime: 6000, version: 1 };
    expect(stat()).toEqual(afterSet);
    client.call('setACL', { path: '/n', acl: open, version: 0 });
    const afterAcl = { ...afterSet, aversion: 1 };
    expect(stat()).toEqual(afterAcl);
    const child = BigInt(client.create('/n/c').zxid);
    expect(stat()).toEqual({ ...afterAcl, pzxid: child, cversion: 1, numChildren: 1 });
    client.create('/n/c/g');
    client.setData('/n/c', 'x');
    expect(stat()).toEqual({ ...afterAcl, pzxid: child, cversion: 1, numChildren: 1 });
    client.delete('/n/c/g');
    const deleted = BigInt(client.delete('/n/c').zxid);
    expect(stat()).toEqual({ ...afterAcl, pzxid: deleted, cversion: 2 });
  });

  test('of a version is compared, except with -1; delete compares before it looks for children', () => {
    const client = new MemoryReplica().connect();
    client.create('/v');
    client.create('/v/c');
    for (const version of [-2, 1, 7]) {
      expect(client.setData('/v', 'x', version).err).toBe(errorCodes.BadVersion);
      expect(client.delete('/v', version).err).toBe(errorCodes.BadVersion);
    }
    expect(client.delete('/v', 0).err).toBe(errorCodes.NotEmpty);
    expect(client.setData('/v', 'x', 0).err).toBe(Ok);
    expect(client.setData('/v', 'y', -1).err).toBe(Ok);
    expect(client.call('setACL', { path: '/v', acl: open, version: 5 }).err).toBe(errorCodes.BadVersion);
    expect(encodeRequest('ping', {})).toHaveLength(0);
  });
});
