// Bad input by name: for each, what the protocol says must come back, or that the connection ends and nothing else.

import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { equal, truthy } from '../lib/checks.mjs';
import { Reader, bool, bytes, int, text } from '../lib/jute.mjs';
import { Wire, body, connectRequest, frame, op } from '../lib/wire.mjs';

/** Sends raw bytes on a fresh connection; resolves with what came back and whether the server closed in time. */
export function exchange(port, data, waitMs = 3000) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const chunks = [];
    const end = (closed) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ closed, bytes: Buffer.concat(chunks) });
    };
    const timer = setTimeout(() => end(false), waitMs);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => end(true));
    socket.write(data);
  });
}

async function withWire(port, work) {
  const wire = await Wire.open(port, { timeout: 10_000 });
  try {
    return await work(wire);
  } finally {
    await Promise.race([wire.close(), sleep(500)]);
    wire.drop();
  }
}

async function code(wire, type, record) {
  return (await wire.request(type, record)).err;
}

/** The reply or the close: for requests after which the connection may or must end. */
function replyOrClose(wire, type, record) {
  return wire.request(type, record).catch(() => 'closed');
}

export const directed = {
  'frame lengths: negative, zero, too large end the connection': async ({ port }) => {
    for (const length of [-1, 0, -0x80000000, 0x7fffffff, 1_048_576]) {
      const result = await exchange(port, Buffer.concat([connectRequest(), int(length), Buffer.alloc(64)]));
      truthy(result.closed, `length ${length} left the connection open`);
    }
  },

  'the largest legal frame is served': async ({ port }) => {
    await withWire(port, async (wire) => {
      const record = body.setData('/big', Buffer.alloc(0));
      await wire.call(op.create, body.create('/big', null));
      const data = Buffer.alloc(1_048_575 - 8 - record.length, 7);
      equal(await code(wire, op.setData, body.setData('/big', data)), 0, 'error');
      equal((await wire.call(op.getData, body.pathWatch('/big'))).bytes().length, data.length, 'length');
      await wire.call(op.delete, body.pathVersion('/big'));
    });
  },

  'unknown opcodes are answered -6 and end the connection': async ({ port }) => {
    for (const type of [10, 23, 99, 108, 0, -1, -2, 0x7fffffff]) {
      await withWire(port, async (wire) => {
        const reply = await replyOrClose(wire, type);
        if (reply !== 'closed') equal(reply.err, -6, `opcode ${type}`);
        truthy(await closesSoon(wire), `opcode ${type} left the connection open`);
      });
    }
  },

  'server-internal opcodes are refused to clients': async ({ port, apache }) => {
    if (apache) return;
    await withWire(port, (wire) => wire.call(op.createContainer, body.create('/directed-box', null, 4)));
    await withWire(port, async (wire) => {
      const reply = await replyOrClose(wire, op.deleteContainer, body.path('/directed-box'));
      truthy(reply === 'closed' || reply.err !== 0, 'deleteContainer was carried out');
    });
    await withWire(port, async (wire) => {
      const reply = await replyOrClose(wire, op.createSession, int(10_000));
      truthy(reply === 'closed' || reply.err !== 0, 'createSession was carried out');
    });
    await withWire(port, (wire) => wire.call(op.delete, body.pathVersion('/directed-box'), 'the container afterwards'));
  },

  'createTTL with other flags and a TTL of -1 is a bad argument': async ({ port, apache }) => {
    if (apache) return;
    await withWire(port, async (wire) => {
      for (const flags of [0, 1, 2, 3, 4]) {
        equal(await code(wire, op.createTtl, body.createTtl('/ttl', null, flags, -1)), -8, `flags ${flags}`);
      }
      for (const ttl of [0, -1, -0x8000000000000000n, 0x10000000000n]) {
        equal(await code(wire, op.createTtl, body.createTtl('/ttl', null, 5, ttl)), -8, `ttl ${ttl}`);
      }
      for (const flags of [7, -1, 0x7fffffff]) {
        equal(await code(wire, op.create, body.create('/flags', null, flags)), -8, `flags ${flags}`);
      }
    });
  },

  'bad paths are refused and the connection stays': async ({ port }) => {
    await withWire(port, async (wire) => {
      for (const path of badPaths) {
        const record = Buffer.concat([bytes(path), int(-1), int(1), int(31), text('world'), text('anyone'), int(0)]);
        const err = await code(wire, op.create, record);
        truthy([-8, -101, -5].includes(err), `create ${JSON.stringify(path.toString('latin1'))} answered ${err}`);
        if (path.length === 0) continue; // an empty path is an alias of the root for reads
        const look = await code(wire, op.exists, Buffer.concat([bytes(path), bool(false)]));
        truthy([-8, -101, -5].includes(look), `exists ${JSON.stringify(path.toString('latin1'))} answered ${look}`);
      }
      equal(await code(wire, op.exists, body.pathWatch('/')), 0, 'the connection afterwards');
    });
  },

  'names every JavaScript object has are ordinary names': async ({ port }) => {
    await withWire(port, async (wire) => {
      for (const name of objectNames) {
        equal(await code(wire, op.exists, body.pathWatch(`/${name}`)), -101, `exists /${name}`);
        equal(await code(wire, op.create, body.create(`/${name}`, Buffer.from(name))), 0, `create /${name}`);
        equal(await code(wire, op.create, body.create(`/${name}/${name}`, null)), 0, `create below /${name}`);
        const kids = (await wire.call(op.getChildren, body.pathWatch(`/${name}`))).vector((r) => r.text());
        equal(kids, [name], `children of /${name}`);
        equal(await code(wire, op.delete, body.pathVersion(`/${name}/${name}`)), 0, 'delete below');
        equal(await code(wire, op.delete, body.pathVersion(`/${name}`)), 0, `delete /${name}`);
        const acls = [{ perms: 31, scheme: name, id: name }];
        equal(await code(wire, op.create, body.create('/acl', null, 0, acls)), -114, `ACL scheme ${name}`);
      }
    });
  },

  'unknown auth schemes are refused and end the connection': async ({ port }) => {
    for (const scheme of [...objectNames, 'nosuch', '']) {
      await withWire(port, async (wire) => {
        const reply = await replyOrClose(wire, op.auth, body.auth(scheme, 'a:b'));
        if (reply !== 'closed') equal(reply.err, -115, `scheme ${scheme}`);
        truthy(await closesSoon(wire), `scheme ${scheme} left the connection open`);
      });
    }
  },

  'a multi of 100,000 entries is too large; one as large as fits is dealt with': async ({ port, control }) => {
    const entry = [int(op.check), bool(false), int(-1), text('/'), int(-1)];
    const single = Buffer.concat(entry);
    const end = Buffer.concat([int(-1), bool(true), int(-1)]);
    const multi = (count) => Buffer.concat([...Array(count).fill(single), end]);
    const tooLarge = frame(int(1), int(op.multi), multi(100_000));
    truthy((await exchange(port, Buffer.concat([connectRequest(), tooLarge]))).closed, 'left open');
    await withWire(port, async (wire) => {
      const count = Math.floor((1_048_575 - 8 - end.length) / single.length);
      const reply = await wire.request(op.multi, multi(count));
      equal(reply.err, 0, 'error');
      equal(new Reader(reply.body).int(), op.check, 'first result');
    });
    truthy(!control.failure, control.failure);
  },

  'a multi inside a multi, or reads among writes, cannot be decoded': async ({ port }) => {
    await withWire(port, async (wire) => {
      const nested = body.multi([[op.multi, body.multi([[op.check, body.pathVersion('/')]])]]);
      equal(await code(wire, op.multi, nested), -5, 'nested');
      const mixed = body.multi([
        [op.check, body.pathVersion('/')],
        [op.getData, body.path('/')],
      ]);
      equal(await code(wire, op.multi, mixed), -5, 'mixed');
    });
  },

  'what is sent right behind a handshake is answered after it': async ({ port }) => {
    const requests = {
      auth: frame(int(-4), int(op.auth), body.auth('digest', 'a:b')),
      'refused auth': frame(int(-4), int(op.auth), body.auth('nosuch', 'a:b')),
      exists: frame(int(5), int(op.exists), body.pathWatch('/')),
      ping: frame(int(-2), int(op.ping)),
      'unknown opcode': frame(int(6), int(99)),
    };
    const wrong = [];
    for (const [name, request] of Object.entries(requests)) {
      const result = await exchange(port, Buffer.concat([connectRequest(), request]), 300);
      const first = result.bytes.length >= 4 ? result.bytes.readInt32BE(0) : 0;
      if (first !== 37 || result.bytes.length < 4 + 37 + 4 + 16) wrong.push(`${name}: first answer has ${first} bytes`);
    }
    equal(wrong, [], 'out of order');
  },

  'odd handshakes': async ({ port }) => {
    for (const timeout of [0x7fffffff, -0x80000000, 0, -1]) {
      const wire = await Wire.open(port, { timeout });
      truthy(wire.timeout >= 1000 && wire.timeout <= 40_000, `timeout ${timeout} became ${wire.timeout}`);
      await wire.close();
    }
    const early = await exchange(port, connectRequest({ lastZxid: 0x7ffffffffffffff0n }));
    truthy(early.closed && early.bytes.length === 0, 'a client from the future was let in');
    const stranger = await exchange(port, connectRequest({ sessionId: 0x1234567812345678n }));
    truthy(stranger.closed, 'an unknown session was left open');
    equal(new Reader(stranger.bytes, 8).int(), 0, 'timeout for an unknown session');
  },
};

const objectNames = [
  '__proto__',
  'constructor',
  'prototype',
  'hasOwnProperty',
  'toString',
  'valueOf',
  '__defineGetter__',
];

const badPaths = [
  ...['', 'a', '/a/', '//', '/a//b', '/..', '/.', '/x/../y', '/\0', '/a\0b', '/\u0001', '/\u007f', '/\u009f'],
  ...['/\ue000', '/\ufff0', '/\uffff', '/\u{1f600}'],
]
  .map((path) => Buffer.from(path))
  .concat(
    [
      [0x2f, 0xff],
      [0x2f, 0xc0, 0xaf],
      [0x2f, 0xed, 0xa0, 0x80],
      [0x2f, 0xe2, 0x82],
    ].map((list) => Buffer.from(list)),
  );

async function closesSoon(wire) {
  return (await Promise.race([wire.closed, sleep(3000, 'open')])) !== 'open';
}
