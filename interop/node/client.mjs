// node-zookeeper-client against the server: every basic operation, and the same session across two server restarts.
// It lives in .interop/node, outside Corral's own dependencies: argv is the port, the folder to load it from and the
// kind of server.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { equal, truthy } from '../lib/checks.mjs';

const [port, home, kind] = process.argv.slice(2);
const zookeeper = createRequire(join(home, 'package.json'))('node-zookeeper-client');
const { CreateMode, Exception, ACL, Id, Permission } = zookeeper;
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

class Session {
  constructor() {
    this.client = zookeeper.createClient(`127.0.0.1:${port}`, { sessionTimeout: 10_000, spinDelay: 50 });
    const names = ['create', 'remove', 'setData', 'getData', 'setACL', 'getACL', 'exists', 'getChildren', 'mkdirp'];
    for (const name of names) this[name] = promisify(this.client[name]).bind(this.client);
    // Several results come back as several callback arguments; only the first would survive promisify.
    for (const name of ['getData', 'getACL', 'getChildren']) {
      this[name] = (...args) =>
        new Promise((resolve, reject) => {
          this.client[name](...args, (error, value, stat) => (error ? reject(error) : resolve([value, stat])));
        });
    }
  }

  async open() {
    const connected = new Promise((resolve) => this.client.once('connected', resolve));
    this.client.connect();
    await connected;
    return this;
  }

  get id() {
    return this.client.getSessionId().toString('hex');
  }

  async close() {
    const gone = new Promise((resolve) => this.client.once('disconnected', resolve));
    this.client.close();
    await gone;
  }
}

const zk = await new Session().open();

async function fails(promise, code) {
  const error = await promise.then(
    () => null,
    (reason) => reason,
  );
  truthy(error, `expected error ${code}, got success`);
  equal(error.getCode?.() ?? error.message, code, 'error code');
}

async function eventually(condition, what) {
  for (let tries = 0; tries < 500; tries += 1) {
    if (await condition()) return;
    await sleep(20);
  }
  throw new Error(`never happened: ${what}`);
}

async function crud() {
  await zk.mkdirp('/node/deep/er');
  equal(await zk.create('/node/a', Buffer.from('one')), '/node/a');
  const changed = await zk.setData('/node/a', Buffer.from('two'));
  equal([changed.version, changed.dataLength], [1, 3]);
  equal((await zk.getData('/node/a'))[0].toString(), 'two');
  equal(await zk.exists('/node/none'), null);
  await fails(zk.create('/node/a'), Exception.NODE_EXISTS);
  await fails(zk.getData('/node/none'), Exception.NO_NODE);
  await fails(zk.remove('/node/deep'), Exception.NOT_EMPTY);
  const [children, stat] = await zk.getChildren('/node');
  equal([children.sort(), stat.numChildren], [['a', 'deep'], 2]);
  await zk.create('/node/nothing', null);
  truthy(!(await zk.getData('/node/nothing'))[0]?.length, 'null data comes back empty');
  await zk.remove('/node/a', 1);
  equal(await zk.exists('/node/a'), null);
}

async function versions() {
  await zk.create('/node/v', Buffer.from('0'));
  for (let number = 0; number < 5; number += 1) {
    equal((await zk.setData('/node/v', Buffer.from(`${number}`), number)).version, number + 1);
  }
  await fails(zk.setData('/node/v', Buffer.from(''), 2), Exception.BAD_VERSION);
  await fails(zk.remove('/node/v', 4), Exception.BAD_VERSION);
  await zk.remove('/node/v', 5);
}

async function ephemerals() {
  const other = await new Session().open();
  await other.create('/node/eph', CreateMode.EPHEMERAL);
  const [, stat] = await zk.getData('/node/eph');
  equal(stat.ephemeralOwner.toString('hex'), other.id, 'owner');
  await fails(zk.create('/node/eph/child'), Exception.NO_CHILDREN_FOR_EPHEMERALS);
  await other.close();
  await eventually(async () => (await zk.exists('/node/eph')) === null, 'ephemeral gone');
}

async function sequences() {
  await zk.create('/node/seq');
  for (let number = 0; number < 20; number += 1) {
    const path = await zk.create('/node/seq/n-', CreateMode.PERSISTENT_SEQUENTIAL);
    equal(path, `/node/seq/n-${String(number).padStart(10, '0')}`);
  }
  equal(await zk.create('/node/seq/m-', CreateMode.EPHEMERAL_SEQUENTIAL), '/node/seq/m-0000000020');
}

async function watches() {
  const seen = [];
  const watcher = (event) => seen.push(`${event.getName()} ${event.getPath()}`);
  await zk.exists('/node/w', watcher);
  await zk.create('/node/w');
  await eventually(() => seen.length === 1, 'created event');
  await zk.getData('/node/w', watcher);
  await zk.getChildren('/node/w', watcher);
  await zk.create('/node/w/c');
  await zk.setData('/node/w', Buffer.from('x'));
  await eventually(() => seen.length === 3, 'child and data events');
  await zk.getData('/node/w/c', watcher);
  await zk.remove('/node/w/c');
  await eventually(() => seen.length === 4, 'deleted event');
  equal(seen, [
    'NODE_CREATED /node/w',
    'NODE_CHILDREN_CHANGED /node/w',
    'NODE_DATA_CHANGED /node/w',
    'NODE_DELETED /node/w/c',
  ]);
}

async function acls() {
  const owner = await new Session().open();
  owner.client.addAuthInfo('digest', Buffer.from('cat:secret'));
  const mine = [new ACL(Permission.ALL, new Id('auth', ''))];
  await owner.create('/node/private', Buffer.from('mine'), mine);
  await fails(zk.getData('/node/private'), Exception.NO_AUTH);
  await fails(zk.setData('/node/private', Buffer.from('')), Exception.NO_AUTH);
  await fails(zk.create('/node/bad', [new ACL(31, new Id('nosuch', 'x'))]), Exception.INVALID_ACL);
  const [[entry], stat] = await owner.getACL('/node/private');
  equal([entry.permission, entry.id.scheme, entry.id.id.split(':')[0]], [31, 'digest', 'cat']);
  equal(stat.aversion, 0);
  equal((await owner.setACL('/node/private', ACL.OPEN_ACL_UNSAFE, 0)).aversion, 1);
  equal((await zk.getData('/node/private'))[0].toString(), 'mine');
  await owner.close();
}

function commit(batch) {
  return new Promise((resolve) => batch.commit((error, results) => resolve({ error, results })));
}

async function multi() {
  const good = zk.client.transaction().create('/node/t', Buffer.from('1')).setData('/node/t', Buffer.from('2'), 0);
  const { error, results } = await commit(good.check('/node/t', 1).create('/node/t/c').remove('/node/t/c'));
  equal([error ?? null, results.length, results[0].path, results[1].stat.version], [null, 5, '/node/t', 1]);
  const bad = zk.client.transaction().create('/node/t2').check('/node/t', 7).remove('/node/t');
  equal((await commit(bad)).error.getCode(), Exception.BAD_VERSION);
  equal(await zk.exists('/node/t2'), null);
}

/** Apache, while starting, may take a handshake and never answer it, and this client would wait for ever. */
function nudge() {
  zk.client.connectionManager.socket.destroy();
}

async function restarts() {
  const session = zk.id;
  await zk.create('/node/alive', CreateMode.EPHEMERAL);
  await zk.create('/node/watched');
  for (const [round, signal] of ['SIGTERM', 'SIGKILL'].entries()) {
    const seen = [];
    await zk.getData('/node/watched', (event) => seen.push(event.getName()));
    const back = new Promise((resolve) => zk.client.once('connected', resolve));
    console.log(`@restart ${signal}`);
    await lines.next();
    const poke = kind === 'apache' ? setInterval(nudge, 3000) : undefined;
    await back;
    clearInterval(poke);
    await zk.setData('/node/watched', Buffer.from(`${round}`), round);
    await eventually(() => seen.includes('NODE_DATA_CHANGED'), 'watch of before the restart');
    equal(zk.id, session, 'session');
    const [, stat] = await zk.getData('/node/alive');
    equal(stat.ephemeralOwner.toString('hex'), session, 'owner');
  }
}

for (const body of [crud, versions, ephemerals, sequences, watches, acls, multi, restarts]) {
  try {
    await body();
    console.log(`ok ${body.name}`);
  } catch (error) {
    console.log(`not ok ${body.name}: ${String(error.message ?? error).replaceAll('\n', ' ')}`);
  }
}
await zk.close();
process.exit(0);
