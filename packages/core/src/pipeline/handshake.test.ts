import { errorCodes, formatSessionId, opcodes } from '@corral/protocol';
import type { SessionId } from '@corral/protocol';
import { describe, expect, test } from 'vitest';
import { sessionPassword } from '../sessions/session-id.ts';
import { MemoryReplica, bytesOf, encodeRequest, frameOf, greetingFrame, open } from '../testing/memory-replica.ts';

const join = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
const authFrame = frameOf(-4, opcodes.auth, encodeRequest('auth', { type: 0, scheme: 'digest', auth: bytesOf('u:p') }));

describe('a new session', () => {
  test('gets the clamped timeout, 16 bytes of password and an id with the server number on top', () => {
    const world = new MemoryReplica({ serverId: 5 });
    const cases = [
      [-5, 2000],
      [0, 2000],
      [1999, 2000],
      [7777, 7777],
      [20_001, 20_000],
    ] as const;
    for (const [asked, given] of cases) {
      const welcome = world.connect({ timeoutMs: asked }).welcome!;
      expect(welcome.timeoutMs).toBe(given);
      expect(welcome.password).toEqual(sessionPassword(welcome.sessionId));
      expect(BigInt.asUintN(64, welcome.sessionId) >> 56n).toBe(5n);
    }
    expect(world.tree.lastZxid).toBe(cases.length);
  });

  test.each([undefined, false, true])('answers a read-only byte of %s in kind', (readOnly) => {
    const client = new MemoryReplica().connect({ readOnly });
    expect(client.welcome?.extraBytes).toBe(readOnly === undefined ? 0 : 1);
  });

  test.each([null, new Uint8Array(0), new Uint8Array(40)])('does not look at the password %s', (password) => {
    expect(new MemoryReplica().connect({ password }).welcome?.timeoutMs).toBe(10_000);
  });

  test('is refused without an answer when the client has seen a later zxid', () => {
    const client = new MemoryReplica().open();
    client.greet({ lastZxidSeen: 1n });
    expect(client.greeting()).toBeUndefined();
    expect(client.isClosed).toBe(true);
  });

  test('is refused without an answer when the request is cut short', () => {
    const client = new MemoryReplica().open();
    client.send(Uint8Array.of(0, 0, 0, 5, 0, 0, 0, 0, 0));
    expect(client.greeting()).toBeUndefined();
    expect(client.isClosed).toBe(true);
  });

  test('answers requests that were pipelined behind the handshake after its own answer, in order', () => {
    const world = new MemoryReplica();
    const client = world.open();
    const create = encodeRequest('create', { path: '/a', data: null, acl: open, flags: 1 });
    const ping = frameOf(-2, opcodes.ping, new Uint8Array(0));
    client.send(join(greetingFrame({}), authFrame, frameOf(1, opcodes.create, create), ping, authFrame));
    expect(client.greeting()?.timeoutMs).toBe(10_000);
    expect(client.replies().map(({ xid }) => xid)).toEqual([-4, -4, 1, -2]);
    expect(client.call('whoAmI', {}).result.clientInfo).toEqual([
      { authScheme: 'ip', user: '10.0.0.1' },
      { authScheme: 'digest', user: 'u' },
    ]);
  });

  test('sends no answer to anything before its own, also when requests arrive one by one while the disk is busy', () => {
    const world = new MemoryReplica();
    world.isLogHeld = true;
    const client = world.open();
    client.greet({});
    client.send(authFrame);
    client.send(frameOf(1, 12345, new Uint8Array(0)));
    world.settle();
    expect(client.link.arrived.length).toBe(0);
    world.releaseLog();
    expect(client.greeting()?.timeoutMs).toBe(10_000);
    expect(client.replies().map(({ xid, err }) => [xid, err])).toEqual([
      [-4, 0],
      [1, errorCodes.Unimplemented],
    ]);
    expect(client.isClosed).toBe(true);
  });

  test('is welcomed before it is told that it has to authenticate', () => {
    const client = new MemoryReplica({ requiredSchemes: ['digest'] }).open();
    client.send(join(greetingFrame({}), frameOf(-2, opcodes.ping, new Uint8Array(0))));
    expect(client.greeting()?.timeoutMs).toBe(10_000);
    expect(client.replies()).toMatchObject([{ xid: -2, zxid: 0, err: errorCodes.SessionClosedRequireAuth }]);
    expect(client.isClosed).toBe(true);
  });

  test('exists even when its connection breaks before it is decided, and expires', () => {
    const world = new MemoryReplica();
    world.isLogHeld = true;
    const client = world.open();
    client.greet({ timeoutMs: 4000 });
    world.settle();
    client.drop();
    world.releaseLog();
    expect(world.state.sessions.size).toBe(1);
    world.pass(7000);
    expect(world.state.sessions.size).toBe(0);
  });
});

describe('a session that comes back', () => {
  test('keeps id, password and ephemerals, gets a new timeout, and its old connection is closed', () => {
    const world = new MemoryReplica();
    const first = world.connect({ timeoutMs: 8000 });
    first.create('/e', { flags: 1 });
    const { sessionId, password } = first.welcome!;
    const zxid = world.tree.lastZxid;
    const second = world.connect({ timeoutMs: 5000, sessionId, password });
    expect(second.welcome).toMatchObject({ sessionId, password, timeoutMs: 5000 });
    expect(first.isClosed).toBe(true);
    expect(world.tree.lastZxid).toBe(zxid);
    expect(second.call('getEphemerals', { prefixPath: null }).result.ephemerals).toEqual(['/e']);
    expect(world.notes).toEqual([{ kind: 'sessionMoved', session: sessionId, address: '10.0.0.1' }]);
  });

  test('notices nothing of a stranger with a wrong password', () => {
    const world = new MemoryReplica();
    const owner = world.connect();
    const { sessionId, password } = owner.welcome!;
    const stranger = world.connect({ sessionId, password: new Uint8Array(16) });
    expect(stranger.welcome).toMatchObject({
      timeoutMs: 0,
      sessionId: 0n,
      password: new Uint8Array(16),
      extraBytes: 1,
    });
    expect(stranger.isClosed).toBe(true);
    expect(owner.isClosed).toBe(false);
    expect(owner.create('/still-here').err).toBe(0);
    expect(world.connect({ sessionId, password }).welcome?.sessionId).toBe(sessionId);
    expect(owner.isClosed).toBe(true);
  });

  test.each([null, new Uint8Array(0), new Uint8Array(15), new Uint8Array(17)])(
    'is refused with password %s',
    (password) => {
      const world = new MemoryReplica();
      const { sessionId } = world.connect().welcome!;
      expect(world.connect({ sessionId, password }).welcome?.timeoutMs).toBe(0);
    },
  );

  test('is refused when it is unknown, closed, closing or expired', () => {
    const world = new MemoryReplica();
    const unknown = 0x1234n as SessionId;
    expect(world.connect({ sessionId: unknown, password: sessionPassword(unknown) }).welcome?.timeoutMs).toBe(0);

    const closed = world.connect();
    closed.call('closeSession', {});
    expect(world.connect(closed.welcome).welcome).toMatchObject({ timeoutMs: 0, sessionId: 0n });

    const closing = world.connect();
    world.isLogHeld = true;
    closing.submit('closeSession', {});
    world.settle();
    expect(world.connect(closing.welcome).welcome).toMatchObject({ timeoutMs: 0, sessionId: 0n });
    world.releaseLog();

    const expired = world.connect({ timeoutMs: 2000 });
    expired.drop();
    world.pass(4000);
    expect(world.connect(expired.welcome).welcome).toMatchObject({ timeoutMs: 0, sessionId: 0n });
  });

  test('with a shorter timeout expires by that one', () => {
    const world = new MemoryReplica();
    const first = world.connect({ timeoutMs: 20_000 });
    const second = world.connect({ ...first.welcome!, timeoutMs: 2000 });
    second.drop();
    world.pass(3500);
    expect(world.notes.at(-1), formatSessionId(first.session)).toEqual({
      kind: 'sessionExpired',
      session: first.session,
    });
  });

  test('gets nothing that belongs to its old connection', () => {
    const world = new MemoryReplica();
    const first = world.connect();
    world.isLogHeld = true;
    first.submit('create', { path: '/a', data: null, acl: open, flags: 0 });
    world.settle();
    const second = world.open();
    second.greet(first.welcome!);
    second.submit('exists', { path: '/a', watch: true }, 1);
    world.releaseLog();
    expect(second.greeting()?.sessionId).toBe(first.session);
    // The read was answered before the write was applied, and its watch saw the write.
    expect(second.take()).toMatchObject([
      { kind: 'reply', xid: 1, err: errorCodes.NoNode },
      { kind: 'event', type: 1, path: '/a' },
    ]);
    expect(first.link.arrived.length).toBe(4 + 37);
  });
});

test('a connection that never says who it is is closed after ten seconds', () => {
  const world = new MemoryReplica();
  const silent = world.open();
  const known = world.connect({ timeoutMs: 20_000 });
  world.pass(9500);
  expect(silent.isClosed).toBe(false);
  world.pass(1000);
  expect(silent.isClosed).toBe(true);
  expect(known.isClosed).toBe(false);
});
