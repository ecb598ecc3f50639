// Every operation, word and command with its greedy forms: thousand times more than anybody needs, and the largest that is
// let in. `run` is what is measured, `before` is not. The bounds are the same for all where nothing else is said; a form
// that is allowed more says why. What has no row here fails the test.

import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { bytes, int, long, text } from '../lib/jute.mjs';
import { body, connectRequest, fourLetter, frame, op } from '../lib/wire.mjs';
import { everybody, frameBytes, strangers } from './attacker.mjs';

/** The loop stands still no longer, in milliseconds of the reference machine; memory rises by no more, in megabytes. */
export const bounds = { stallMs: 50, grownMb: 150 };

const many = 100_000;
const megabyte = Buffer.alloc(frameBytes, 1);
const deep = (levels) => '/d'.repeat(levels);
const numbered = (prefix) => (at) => `${prefix}${String(at).padStart(6, '0')}`;

/** A transaction is applied at once or not at all, so its size bounds the time; no frame holds more than a megabyte. */
const isAtomic = 'parts of one transaction become visible together';

async function http(context, path, method = 'GET', headers = {}) {
  const response = await fetch(`http://127.0.0.1:${context.server.adminPort}${path}`, { method, headers });
  return (await response.arrayBuffer()).byteLength;
}

/** A node with a megabyte, and as many requests for it as fit a few writes; nobody reads the answers. */
async function unread(context, count) {
  const sockets = [];
  const request = frame(int(1), int(op.getData), body.pathWatch('/megabyte'));
  const all = Buffer.concat([connectRequest({ timeout: 4000 }), ...Array.from({ length: 500 }, () => request)]);
  for (let at = 0; at < count; at++) {
    const socket = connect({ port: context.port, host: '127.0.0.1' });
    socket.on('error', () => {});
    socket.pause();
    socket.write(all);
    sockets.push(socket);
  }
  await sleep(1000);
  for (const socket of sockets) socket.destroy();
}

const flatChildren = (type) => [
  { what: 'children of a node with 100,000', run: ({ a }) => a.request(type, body.pathWatch('/flat')) },
  { what: 'the same 30 times in one write', run: ({ a }) => a.burst(30, type, body.pathWatch('/flat')) },
];

const creates = (type, record) => [
  {
    what: '5,000 in one write',
    run: ({ a, next }) => a.burst(5000, type, (at) => record(numbered(`/many/${next()}`)(at), null)),
  },
  {
    what: '20 with a megabyte each',
    run: ({ a, next }) => a.burst(20, type, (at) => record(`/many/${next()}m${at}`, megabyte)),
  },
  {
    what: '10 with an ACL of 25,000 entries',
    run: ({ a, next }) => a.burst(10, type, (at) => record(`/many/${next()}a${at}`, null, strangers(25_000 + at))),
  },
];

export const operations = {
  create: [
    ...creates(op.create, (path, data, acls) => body.create(path, data, 0, acls)),
    {
      what: 'a path of a megabyte',
      run: ({ a }) => a.request(op.create, body.create(`/${'p'.repeat(frameBytes)}`, null)),
    },
    {
      what: 'an ACL of 1,100 auth entries by 1,000 identities',
      before: ({ a }) => a.prove(990),
      run: ({ a }) => {
        const acls = Array.from({ length: 1100 }, (_, at) => ({ perms: 1 + (at % 31), scheme: 'auth', id: `${at}` }));
        return a.burst(10, op.create, body.create('/auths', null, 0, acls));
      },
    },
  ],
  create2: creates(op.create2, (path, data, acls) => body.create(path, data, 0, acls)),
  createContainer: creates(op.createContainer, (path, data, acls) => body.create(path, data, 4, acls)),
  createTTL: creates(op.createTtl, (path, data, acls) => body.createTtl(path, data, 5, 86_400_000, acls)),
  delete: [
    {
      what: '10,000 in one write',
      before: ({ a }) => a.plant(10_000, numbered('/many/del')),
      run: ({ a }) => a.burst(10_000, op.delete, (at) => body.pathVersion(numbered('/many/del')(at))),
    },
  ],
  exists: [
    {
      what: 'a path of a megabyte',
      run: ({ a }) => a.request(op.exists, body.pathWatch(`/${'p'.repeat(frameBytes)}`)),
    },
    {
      what: 'half a million slashes',
      run: ({ a }) => a.request(op.exists, body.pathWatch('/p'.repeat(frameBytes / 2))),
    },
    {
      what: '100,000 watches in one write',
      run: ({ a }) => a.burst(many, op.exists, (at) => body.pathWatch(numbered('/no/')(at), true)),
    },
    {
      what: '30 watches on paths of a megabyte',
      run: ({ a }) => a.burst(30, op.exists, (at) => body.pathWatch(`/${at}${'p'.repeat(frameBytes)}`, true)),
    },
  ],
  getData: [
    { what: 'a megabyte 500 times, read', run: ({ a }) => a.burst(500, op.getData, body.pathWatch('/megabyte')) },
    {
      what: 'a megabyte 500 times by 20 clients that do not read',
      run: (context) => unread(context, 20),
      grownMb: 400,
    },
    {
      what: '1,000 identities and an ACL of 25,000 entries, 1,000 times',
      before: async ({ a }) => {
        await a.prove(1000);
        await a.request(op.create, body.create('/guarded', null, 0, strangers(25_000)));
      },
      run: ({ a }) => a.burst(1000, op.getData, body.pathWatch('/guarded')),
    },
  ],
  setData: [
    { what: '30 of a megabyte in one write', run: ({ a }) => a.burst(30, op.setData, body.setData('/mine', megabyte)) },
    { what: '10,000 in one write', run: ({ a }) => a.burst(10_000, op.setData, body.setData('/mine', null)) },
  ],
  getACL: [
    {
      what: '25,000 entries 100 times in one write',
      before: ({ a }) => a.request(op.setAcl, body.setAcl('/mine', [everybody, ...strangers(25_000)])),
      run: ({ a }) => a.burst(100, op.getAcl, body.path('/mine')),
    },
    {
      what: '25,000 entries 100 times without ADMIN: every hash is masked',
      before: ({ a }) =>
        a.request(op.create, body.create('/masked', null, 0, [{ ...everybody, perms: 1 }, ...strangers(25_000)])),
      run: ({ a }) => a.burst(100, op.getAcl, body.path('/masked')),
    },
  ],
  setACL: [
    {
      what: '10 lists of 25,000 entries in one write',
      run: ({ a }) => a.burst(10, op.setAcl, (at) => body.setAcl('/mine', [everybody, ...strangers(25_000 + at)])),
    },
  ],
  getChildren: flatChildren(op.getChildren),
  getChildren2: flatChildren(op.getChildren2),
  sync: [{ what: '50,000 in one write', run: ({ a }) => a.burst(50_000, op.sync, body.path('/')) }],
  ping: [{ what: '100,000 in one write', run: ({ a }) => a.burst(many, op.ping, Buffer.alloc(0)) }],
  check: [
    {
      what: 'a multi of 45,000',
      run: ({ a }) => a.multi(45_000, op.check, () => body.pathVersion('/')),
      stallMs: 100,
      why: isAtomic,
    },
    {
      what: 'a multi of 40,000 by 1,000 identities on a node whose ACL names the last one of them',
      before: async ({ a }) => {
        await a.prove(1000);
        const last = await a.request(op.whoAmI);
        const acls = [...strangers(7), { perms: 31, scheme: 'auth', id: '' }];
        await a.request(op.create, body.create('/late', null, 0, acls));
        return last;
      },
      run: ({ a }) => a.multi(30_000, op.check, () => body.pathVersion('/late')),
      stallMs: 100,
      why: isAtomic,
    },
  ],
  multi: [
    {
      what: '10,000 creates',
      run: ({ a, next }) => a.multi(10_000, op.create, (at) => body.create(numbered(`/many/${next()}x`)(at), null)),
      stallMs: 120,
      why: isAtomic,
    },
    {
      what: '10,000 setData',
      run: ({ a }) => a.multi(10_000, op.setData, (at) => body.setData(numbered('/flat/n')(at), Buffer.from('y'))),
      stallMs: 120,
      why: isAtomic,
    },
    {
      what: '10,000 deletes',
      before: ({ a }) => a.plant(10_000, numbered('/many/gone')),
      run: ({ a }) => a.multi(10_000, op.delete, (at) => body.pathVersion(numbered('/many/gone')(at))),
      stallMs: 120,
      why: isAtomic,
    },
    {
      what: 'a path of 600 levels under a recursive watch',
      before: ({ a }) => a.request(op.addWatch, Buffer.concat([body.path('/'), int(1)])),
      run: ({ a }) => a.multi(600, op.create, (at) => body.create(deep(at + 1), null)),
    },
    {
      what: '200 times a quota and its end over 100,000 nodes',
      before: async ({ a }) => {
        await a.request(op.create, body.create('/zookeeper/quota/flat', null));
        await a.request(
          op.create,
          body.create('/zookeeper/quota/flat/zookeeper_limits', Buffer.from('count=-1,bytes=-1')),
        );
        await a.request(op.create, body.create('/zookeeper/quota/flat/zookeeper_stats', null));
      },
      run: ({ a }) => {
        const stats = '/zookeeper/quota/flat/zookeeper_stats';
        const pair = [
          [op.delete, body.pathVersion(stats)],
          [op.create, body.create(stats, null)],
        ];
        return a.request(op.multi, body.multi(Array.from({ length: 200 }, () => pair).flat()));
      },
    },
    {
      what: '60 of 10,000 parts that fail at the last, in one write',
      run: ({ a }) => {
        const parts = Array.from({ length: 10_000 }, () => [op.check, body.pathVersion('/')]);
        return a.burst(60, op.multi, body.multi([...parts, [op.check, body.pathVersion('/nothing')]]));
      },
    },
  ],
  reconfig: [
    {
      what: '20 of a megabyte',
      run: ({ a }) =>
        a.burst(20, op.reconfig, Buffer.concat([text('s'.repeat(frameBytes)), text(null), text(null), long(-1)])),
    },
  ],
  checkWatches: [
    {
      what: '100,000 in one write',
      run: ({ a }) => a.burst(many, op.checkWatches, (at) => Buffer.concat([text(`/w${at}`), int(3)])),
    },
  ],
  removeWatches: [
    {
      what: '60,000 in one write',
      before: ({ a }) => a.restore([[], Array.from({ length: 60_000 }, (_, at) => `/r${at}`), []]),
      run: ({ a }) => a.burst(60_000, op.removeWatches, (at) => Buffer.concat([text(`/r${at}`), int(3)])),
    },
  ],
  deleteContainer: [
    {
      what: 'a path of a megabyte',
      run: ({ a }) => a.request(op.deleteContainer, text(`/${'p'.repeat(frameBytes)}`)).catch(() => {}),
    },
  ],
  multiRead: [
    { what: 'a megabyte 5,000 times', run: ({ a }) => a.multiRead(5000, op.getData, '/megabyte') },
    { what: '25,000 small parts', run: ({ a }) => a.multiRead(25_000, op.getData, '/mine') },
    {
      what: 'children of a node with 100,000, 1,000 times',
      run: ({ a }) => a.multiRead(1000, op.getChildren, '/flat'),
    },
    {
      what: '25,000 parts by 1,000 identities on a node whose ACL names them',
      before: async ({ a }) => {
        await a.prove(1000);
        await a.request(
          op.create,
          body.create('/shared', null, 0, [...strangers(7), { perms: 31, scheme: 'auth', id: '' }]),
        );
      },
      run: ({ a }) => a.multiRead(25_000, op.getData, '/shared'),
    },
  ],
  auth: [
    { what: '10,000 in one write', run: ({ a }) => a.prove(10_000) },
    {
      what: '30 of a megabyte',
      run: ({ a }) => a.burst(30, op.auth, (at) => body.auth('digest', `u${at}:${'p'.repeat(frameBytes)}`)),
    },
  ],
  setWatches: [
    {
      what: '60,000 nodes that do not exist',
      run: ({ a }) => a.restore([[], Array.from({ length: 60_000 }, (_, at) => `/w${at}`), []]),
      stallMs: 100,
      why: 'one answer says that all are set, and what happens after it must be seen',
    },
    {
      what: '60,000 nodes that are gone: an event for each',
      run: ({ a }) => a.restore([Array.from({ length: 60_000 }, (_, at) => `/w${at}`), [], []]),
      stallMs: 100,
      why: 'one answer says that all are set, and what happens after it must be seen',
    },
  ],
  setWatches2: [
    {
      what: '60,000 recursive watches',
      run: ({ a }) => a.restore([[], [], [], [], Array.from({ length: 60_000 }, (_, at) => `/w${at}`)]),
      stallMs: 100,
      why: 'one answer says that all are set, and what happens after it must be seen',
    },
  ],
  sasl: [{ what: '20 tokens of a megabyte', run: ({ a }) => a.burst(20, op.sasl, bytes(megabyte)) }],
  getEphemerals: [
    {
      what: 'a session with 100,000, 20 times in one write',
      before: ({ a }) => a.plant(many, numbered('/eph/g'), 1),
      run: ({ a }) => a.burst(20, op.getEphemerals, text('/')),
    },
    {
      what: 'the same for a prefix that nothing has',
      before: ({ a }) => a.plant(many, numbered('/eph/h'), 1),
      run: ({ a }) => a.burst(100, op.getEphemerals, text('/nothing')),
    },
    {
      what: 'a prefix of a megabyte of blanks',
      run: ({ a }) => a.request(op.getEphemerals, text(`${' '.repeat(frameBytes)}x`)),
    },
  ],
  getAllChildrenNumber: [
    {
      what: '10,000 times over 100,000 nodes in one write',
      run: ({ a }) => a.burst(10_000, op.getAllChildrenNumber, text('/flat')),
    },
  ],
  addWatch: [
    {
      what: '60,000 recursive ones in one write',
      run: ({ a }) => a.burst(60_000, op.addWatch, (at) => Buffer.concat([text(`/a${at}`), int(1)])),
    },
  ],
  whoAmI: [
    {
      what: '1,000 identities, 10,000 times in one write',
      before: ({ a }) => a.prove(1000),
      run: ({ a }) => a.burst(10_000, op.whoAmI, Buffer.alloc(0)),
    },
  ],
  createSession: [
    {
      what: '1,000 sessions at once, each left behind',
      run: async ({ open }) => {
        const wires = await Promise.all(Array.from({ length: 1000 }, () => open({ timeout: 4000 })));
        for (const wire of wires) wire.drop();
        await sleep(100);
      },
    },
  ],
  closeSession: [
    {
      what: 'a session with 100,000 ephemeral nodes',
      before: ({ a }) => a.plant(many, numbered('/eph/c'), 1),
      run: ({ a }) => a.close(),
      stallMs: 200,
      why: 'its locks are gone together, or others would find half of them',
    },
    {
      what: 'a connection with 300,000 watches is cut',
      before: async ({ a }) => {
        for (const kind of ['x', 'y', 'z', 'u', 'v'])
          await a.restore([[], Array.from({ length: 60_000 }, (_, at) => `/${kind}${at}`), []]);
      },
      run: async ({ a }) => {
        a.drop();
        await sleep(300);
      },
    },
  ],
};

/** 160,000 watches that another client holds. */
const watched = async ({ a }) => {
  for (const kind of ['x', 'y', 'z'])
    await a.restore([[], Array.from({ length: 55_000 }, (_, at) => `/${kind}${at}`), []]);
};
const ephemerals = ({ a }) => a.plant(many, numbered('/eph/w'), 1);
const befores = { wchs: watched, wchc: watched, wchp: watched, dump: ephemerals };

/** A word ten times at once. */
export const word = (name) => ({
  what: `${name}, three at once, with 165,000 watches or 100,000 ephemerals`,
  before: befores[name],
  run: ({ port }) => Promise.all(Array.from({ length: 3 }, () => fourLetter(port, name, 60_000))),
});

const commandBefores = { watches: watched, watches_by_path: watched, watch_summary: watched, dump: ephemerals };

/** A command of the AdminServer three times at once. */
export const command = (name) => ({
  what: `/commands/${name}, three at once`,
  before: commandBefores[name],
  run: (context) => Promise.all(Array.from({ length: 3 }, () => http(context, `/commands/${name}`))),
});
