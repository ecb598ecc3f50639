// Data-directory interop: one side writes a tree of every kind of node and is killed with -9, the other side starts on
// the same directory and must serve the same tree: path, data, ACL and every Stat field. Then the roles swap: the
// second adds to it, is killed in its turn, and the first must read that.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { equal, show, truthy } from './lib/checks.mjs';
import { ensureApache } from './apache.mjs';
import { Server } from './lib/server.mjs';
import { Wire, body, op } from './lib/wire.mjs';

const digestAcl = [{ perms: 31, scheme: 'digest', id: 'ann:7RJfAeIvrl4zdj6sS2fXrQHDvHM=' }];
const mixedAcl = [
  { perms: 1, scheme: 'world', id: 'anyone' },
  { perms: 31, scheme: 'ip', id: '127.0.0.1' },
];
const settings = { snapCount: 200, preAllocSize: 64, 'znode.container.checkIntervalMs': 600_000 };

export async function diskInterop({ kind, checks }) {
  await direction({ checks, writer: kind, reader: 'apache' });
  if (kind !== 'apache') await direction({ checks, writer: 'apache', reader: kind });
}

async function direction({ checks, writer, reader }) {
  const name = `disk: ${writer} writes, ${reader} reads`;
  await ensureApache();
  const first = await Server.fresh(writer, settings);
  let session;
  let before;
  try {
    const filled = await checks.check(`${name}: fill and kill -9`, async () => {
      session = await fill(first.port);
      before = await dump(first.port);
      truthy(before.length > 500, `only ${before.length} nodes`);
      await first.stop('SIGKILL');
      const files = readdirSync(join(first.dataDir, 'version-2'));
      truthy(
        files.some((file) => /^snapshot\.(?!0$)/.test(file)),
        `no snapshot in ${files}`,
      );
      truthy(
        files.some((file) => file.startsWith('log.')),
        `no log in ${files}`,
      );
    });
    if (!filled) return;
    await handOver(checks, name, first, reader, session, before);
    await handOver(checks, `${name}, and back`, first, writer, session, null);
    await closeSession(checks, name, first, reader, session);
  } finally {
    await first.close();
  }
}

/** Starts the other kind on the directory, compares, writes some more, kills it. */
async function handOver(checks, name, server, kind, session, before) {
  server.kind = kind;
  await checks.check(`${name}: starts`, () => server.start());
  if (!server.alive()) return;
  const expected = before ?? server.lastDump;
  await checks.check(`${name}: same tree`, async () => compare(expected, await dump(server.port)));
  await checks.check(`${name}: ephemerals go with their session`, async () => {
    const again = await Wire.open(server.port, session);
    equal(again.sessionId, session.sessionId, 'session id');
    const path = (await again.call(op.create2, body.create('/eph/more-', Buffer.from('x'), 3))).text();
    const stat = (await again.call(op.exists, body.pathWatch(path))).stat();
    equal(stat.ephemeralOwner, session.sessionId, 'owner');
    again.drop();
  });
  await checks.check(`${name}: goes on writing`, () => addMore(server.port, kind));
  server.lastDump = await dump(server.port).catch(() => []);
  await server.stop('SIGKILL');
}

/** The session has lived through every hand-over; closing it must still remove what it owns. */
async function closeSession(checks, name, server, kind, session) {
  await checks.check(`${name}: closing the session removes its ephemerals`, async () => {
    server.kind = kind;
    await server.start();
    const wire = await Wire.open(server.port, session);
    await wire.close();
    const look = await Wire.open(server.port);
    const kids = (await look.call(op.getChildren, body.pathWatch('/eph'))).vector((r) => r.text());
    equal(kids, [], 'children of /eph');
    await look.close();
    await server.stop('SIGKILL');
  });
}

async function fill(port) {
  const wire = await Wire.open(port, { timeout: 40_000 });
  const make = (path, data, flags = 0, acls) => wire.call(op.create, body.create(path, data, flags, acls), path);
  const say = (word) => Buffer.from(word);
  await wire.call(op.auth, body.auth('digest', 'ann:secret'));
  for (const path of ['/eph', '/seq', '/many', '/deep', '/acl', '/kinds']) await make(path, say(path));
  await make('/kinds/null', null);
  await make('/kinds/empty', Buffer.alloc(0));
  await make('/kinds/binary', Buffer.from(Array.from({ length: 256 }, (_, at) => at)));
  await make('/kinds/large', Buffer.alloc(900_000, 0xa5));
  await make('/kinds/日本-ü-€', say('データ'));
  await wire.call(op.createContainer, body.create('/kinds/container', say('c'), 4));
  await wire.call(op.createTtl, body.createTtl('/kinds/ttl', say('t'), 5, 86_400_000));
  await wire.call(op.createTtl, body.createTtl('/kinds/ttl-', null, 6, 0xffffffffffn));
  await make('/kinds/container/child', say('x'));
  await make('/acl/digest', say('d'), 0, digestAcl);
  await make('/acl/mixed', say('m'), 0, mixedAcl);
  await make('/acl/changed', say('m'));
  await wire.call(op.setAcl, body.setAcl('/acl/changed', mixedAcl, 0));
  for (let at = 0; at < 5; at += 1) await make('/eph/e-', say(`${at}`), 3);
  for (let at = 0; at < 40; at += 1) await make('/seq/s-', say(`${at}`), 2);
  await wire.call(op.delete, body.pathVersion('/seq/s-0000000039'));
  await quota(wire, '/many');
  await bulk(wire);
  await gone(port);
  const session = { sessionId: wire.sessionId, password: wire.password, timeout: 40_000 };
  wire.drop();
  return session;
}

async function quota(wire, path) {
  const folder = `/zookeeper/quota${path}`;
  await wire.call(op.create, body.create(folder, null));
  await wire.call(op.create, body.create(`${folder}/zookeeper_limits`, Buffer.from('count=100000,bytes=-1')));
  await wire.call(op.create, body.create(`${folder}/zookeeper_stats`, Buffer.from('count=0,bytes=0')));
}

/** Enough transactions of every kind to pass several snapshots, failed ones among them. */
async function bulk(wire) {
  const jobs = [];
  let deep = '/deep';
  for (let at = 0; at < 500; at += 1) {
    const path = `/many/n${at}`;
    jobs.push(wire.call(op.create, body.create(path, Buffer.from(`${at}`))));
    if (at % 3 === 0) jobs.push(wire.call(op.setData, body.setData(path, Buffer.from('changed'), 0)));
    if (at % 10 === 9) jobs.push(wire.call(op.delete, body.pathVersion(path)));
    if (at % 20 === 0) jobs.push(wire.call(op.create, body.create((deep += '/d'), null)));
    if (at % 25 === 0) jobs.push(wire.request(op.create, body.create('/many/n0', null)));
    if (at % 25 === 1) jobs.push(wire.request(op.multi, body.multi(batch(at, at % 50 === 1))));
    if (jobs.length > 60) await Promise.all(jobs.splice(0));
  }
  await Promise.all(jobs);
}

function batch(at, good) {
  return [
    [op.create, body.create(`/many/multi${at}`, Buffer.from('m'))],
    [op.setData, body.setData(`/many/multi${at}`, Buffer.from('mm'), good ? 0 : 9)],
    [op.create2, body.create(`/many/multi${at}/kid-`, null, 2)],
  ];
}

/** A session that ended properly and left nothing, so that closeSession transactions are in the log too. */
async function gone(port) {
  const wire = await Wire.open(port);
  await wire.call(op.create, body.create('/eph/short', null, 1));
  await wire.close();
}

async function addMore(port, kind) {
  const wire = await Wire.open(port);
  const jobs = [];
  const parent = (await wire.call(op.create, body.create(`/many/${kind}-`, Buffer.from(kind), 2))).text();
  for (let at = 0; at < 300; at += 1) {
    jobs.push(wire.call(op.create, body.create(`${parent}/n`, Buffer.from(`${at}`), 2)));
  }
  await Promise.all(jobs);
  await wire.call(op.setData, body.setData('/kinds/null', Buffer.from(kind)));
  await wire.close();
}

/** The whole tree as [path, data, acl, stat], sorted; /zookeeper/config is rewritten at every boot and left out. */
async function dump(port) {
  const wire = await Wire.open(port);
  await wire.call(op.auth, body.auth('digest', 'ann:secret'));
  const nodes = [];
  const queue = ['/'];
  while (queue.length > 0) {
    const paths = queue.splice(0, 200);
    await Promise.all(
      paths.map(async (path) => {
        const data = await wire.call(op.getData, body.pathWatch(path), path);
        const bytes = data.bytes();
        const stat = data.stat();
        const acls = (await wire.call(op.getAcl, body.path(path), path)).acl();
        const kids = (await wire.call(op.getChildren, body.pathWatch(path), path)).vector((r) => r.text());
        for (const kid of kids) queue.push(path === '/' ? `/${kid}` : `${path}/${kid}`);
        if (path !== '/zookeeper/config') nodes.push([path, bytes && bytes.toString('base64'), acls, stat]);
      }),
    );
  }
  await wire.close();
  return nodes.sort(([a], [b]) => (a < b ? -1 : 1));
}

function compare(expected, actual) {
  const found = new Map(actual.map((node) => [node[0], show(node)]));
  const wrong = [];
  for (const node of expected) {
    const got = found.get(node[0]);
    if (got !== show(node)) wrong.push(`${node[0]}: expected ${show(node).slice(0, 400)}, got ${got?.slice(0, 400)}`);
    found.delete(node[0]);
  }
  for (const path of found.keys()) wrong.push(`${path}: should not be there`);
  if (wrong.length > 0) throw new Error(`${wrong.length} nodes differ; ${wrong.slice(0, 4).join('; ')}`);
}
