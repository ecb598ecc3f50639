// Corral's own client, the whole of its surface, against a server of any kind: `client.mjs HOST:PORT`. What a server is
// too old for is checked to fall back, or to say so.

import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { ZkError, connect, json, text } from '@corral/client';
import { equal, truthy } from '../lib/checks.mjs';
import { Wire } from '../lib/wire.mjs';
import { report } from './report.mjs';

const [address, release] = process.argv.slice(2);
/** Releases before 3.5 know neither containers nor persistent watches. */
const old = release === '3.4';
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const zk = await connect(`${address}/suite`, { sessionTimeout: 40_000 });
const bare = await connect(address, { sessionTimeout: 40_000 });
await bare.create('/suite');

async function refused(promise, code) {
  const error = await promise.then(
    () => null,
    (reason) => reason,
  );
  truthy(ZkError.is(error, code), `expected ${code}, got ${error?.message ?? 'success'}`);
  return error;
}

async function eventually(condition, what) {
  for (let round = 0; round < 200; round++) {
    if (await condition()) return;
    await sleep(50);
  }
  throw new Error(`never: ${what}`);
}

async function restart() {
  console.log('@restart SIGKILL');
  await lines.next();
}

await report('create answers path and Stat in every mode', async () => {
  equal((await zk.create('/plain', 'x')).path, '/plain', 'path');
  const { path, stat } = await zk.create('/s-', 'y', { mode: 'ephemeralSequential' });
  truthy(
    /^\/s-\d{10}$/.test(path) && stat.ephemeral && stat.ephemeralOwner === zk.session.id,
    'a sequential ephemeral',
  );
  if (old) return refused(zk.create('/c', '', { mode: 'container' }), 'Unimplemented');
  truthy(!(await zk.create('/c', '', { mode: 'container' })).stat.ephemeral, 'a container is no ephemeral');
  truthy(
    !(await zk.create('/t', '', { mode: 'ttl', ttl: 60_000 })).stat.ephemeral,
    'nor is a node with a time to live',
  );
});

await report('missing parents come with their child', async () => {
  await zk.create('/p/q/r', 'x', { parents: 'container' });
  equal(await zk.getText('/p/q/r'), 'x', 'the child');
  if (old) return;
  await zk.create('/gone/soon', '', { parents: 'container' });
  await zk.delete('/gone/soon');
  await eventually(async () => (await zk.exists('/gone')) === null, 'the empty container goes away');
});

await report('get, set, delete and their versions', async () => {
  const { version } = await zk.set('/plain', 'one', { version: 0 });
  equal([version, await zk.getText('/plain')].join(), '1,one', 'version and data');
  equal((await refused(zk.set('/plain', '', { version: 0 }), 'BadVersion')).expected, 0, 'expected');
  await refused(zk.delete('/plain', { version: 0 }), 'BadVersion');
  await zk.delete('/plain', { version: 1 });
  equal(await zk.exists('/plain'), null, 'exists');
  await zk.create('/null', null);
  equal((await zk.get('/null')).data.length, 0, 'no data');
});

await report('typed data and update', async () => {
  await zk.create('/n', '{"n":1}');
  await Promise.all([1, 2, 3, 4].map(() => zk.update('/n', json(), ({ n }) => ({ n: n + 1 }))));
  equal((await zk.get('/n', { codec: json() })).data.n, 5, 'n');
});

await report('children, sync, and what later releases add', async () => {
  await zk.sync('/p');
  equal((await zk.children('/p')).children.join(), 'q', 'children');
  const later = [zk.countDescendants('/p'), zk.ephemerals('/s-')];
  if (old) return Promise.all(later.map((call) => refused(call, 'Unimplemented')));
  const [count, mine] = await Promise.all(later);
  equal([count, mine.length].join(), '2,1', 'descendants and ephemerals');
  truthy(
    (await zk.whoAmI()).some(({ scheme }) => scheme === 'ip'),
    'whoAmI',
  );
});

await report('access control by digest', async () => {
  const owner = await connect(address, { auth: [{ scheme: 'digest', id: 'ann:secret' }] });
  await owner.create('/ann', 'hers', { acl: 'creatorAll' });
  await refused(bare.get('/ann'), 'NoAuth');
  equal((await owner.getAcl('/ann')).acl[0].scheme, 'digest', 'scheme');
  await bare.addAuth('digest', 'ann:secret');
  equal(await bare.getText('/ann'), 'hers', 'data');
  await owner.setAcl('/ann', 'readOnly', { version: 0 });
  await owner.close();
});

await report('a transaction happens as a whole or not at all', async () => {
  const [stat, checked, deleted] = await zk.multi().set('/n', '2').check('/n', 5).delete('/null').commit();
  equal([stat.version, checked, deleted].join(), '5,,', 'results');
  const error = await refused(zk.multi().set('/n', '3').delete('/missing').commit(), 'NoNode');
  equal([error.index, error.path].join(), '1,/missing', 'the operation to blame');
  equal(await zk.getText('/n'), '2', 'nothing changed');
  if (!old) equal((await zk.multi().create('/m', 'x').commit())[0].path, '/m', 'created');
});

await report('several reads in one request', async () => {
  const reads = zk.read().get('/n').children('/p').get('/missing').commit();
  if (old) return refused(reads, 'Unimplemented');
  const [data, names, missing] = await reads;
  equal([text.decode(data.value.data), names.value[0], missing.error.code].join(), '2,q,NoNode', 'entries');
});

await report('a watch that fires once, and the next change as a promise', async () => {
  const events = [];
  await zk.get('/n', { watch: ({ type }) => events.push(type) });
  const next = zk.changed('/n');
  const born = zk.changed('/born');
  await zk.exists('/n');
  await bare.set('/suite/n', '3');
  await bare.set('/suite/n', '4');
  await bare.create('/suite/born');
  equal([(await next).type, (await born).type].join(), 'changed,created', 'next');
  await zk.sync();
  equal(events.join(), 'changed', 'once');
});

await report('a stream of everything below a node', async () => {
  await zk.create('/w');
  const stream = zk.watch('/w', { recursive: true });
  await stream.ready;
  const seen = [];
  const loop = (async () => {
    for await (const { type, path } of stream) if (seen.push(`${type} ${path}`) === 4) break;
  })();
  for (const step of [
    () => bare.create('/suite/w/a', '1'),
    () => bare.set('/suite/w/a', '2'),
    () => bare.delete('/suite/w/a'),
    () => bare.set('/suite/w', 'x'),
  ]) {
    const before = seen.length;
    await step();
    await eventually(() => seen.length > before, 'an event');
  }
  await loop;
  equal(seen.join(), 'created /w/a,changed /w/a,deleted /w/a,changed /w', 'events');
  await eventually(() => zk.stats().watches === 0, 'the watches are gone');
});

await report('a protected create carries its mark, and cleans up when given up', async () => {
  const { path } = await zk.create('/p/lock-', '', { mode: 'ephemeralSequential', protected: true });
  truthy(/^\/p\/_c_[0-9a-f-]{36}-lock-\d{10}$/.test(path), path);
  await zk.delete(path, { idempotent: true });
});

await report('calls end with their signal and their time', async () => {
  await refused(zk.changed('/never', { timeout: 50 }), 'OperationTimeout');
  const reason = await zk.changed('/never', { signal: AbortSignal.timeout(20) }).catch((error) => error.name);
  equal(reason, 'TimeoutError', 'reason');
  truthy((await zk.rtt()) < 5000, 'rtt');
});

await report('a session, its ephemerals and its watches live through a restart of the server', async () => {
  const { id } = zk.session;
  await zk.create('/mine', '', { mode: 'ephemeral' });
  const events = [];
  const stream = zk.watch('/watched');
  await stream.ready;
  const loop = (async () => {
    for await (const { type } of stream) if (events.push(type) > 0 && type === 'created') break;
  })();
  await zk.exists('/once', { watch: ({ type }) => events.push(`once ${type}`) });
  await restart();
  const read = zk.getText('/n');
  equal(await read, '4', 'a read waits for the connection');
  equal(zk.session.id, id, 'session');
  truthy((await zk.exists('/mine')).ephemeralOwner === id, 'the ephemeral');
  await bare.create('/suite/once');
  await bare.create('/suite/watched');
  await loop;
  await eventually(() => events.includes('once created'), 'the one-shot watch');
  truthy(events.includes('suspended') && events.includes('reset'), events.join());
});

await report('an update is made once over a restart', async () => {
  await zk.create('/sum', '0');
  let sum = 0;
  const restarted = restart();
  let open = true;
  restarted.then(() => (open = false));
  while (open || sum < 5) {
    await zk.update('/sum', json(), (n) => n + 1);
    sum += 1;
  }
  equal(await zk.getText('/sum'), String(sum), 'sum');
});

await report('the next session follows one that is over', async () => {
  const lost = zk.session.id;
  const next = new Promise((resolve) => zk.on('session', (change) => resolve(change)));
  await zk.create('/lost', '', { mode: 'ephemeral' });
  // The way test tools end a session: take it over and close it.
  const { id, password, timeoutMs } = zk.session;
  const thief = await Wire.open(Number(address.split(':')[1]), { sessionId: id, password, timeout: timeoutMs });
  await thief.close();
  const change = await next;
  equal(change.old, lost, 'the lost one');
  await refused(zk.set('/n', '', { pin: lost }), 'SessionExpired');
  equal(await zk.exists('/lost'), null, 'the ephemeral went with it');
});

await report('close ends the session, drains what is under way, and may be said twice', async () => {
  await zk.create('/last', '', { mode: 'ephemeral' });
  const write = zk.set('/n', 'end');
  await Promise.all([zk.close({ drain: true }), zk.close({ drain: true })]);
  await write;
  equal(zk.state, 'closed', 'state');
  equal(await bare.exists('/suite/last'), null, 'ephemerals');
  await refused(zk.get('/n'), 'Closing');
});

await bare.close();
process.stdin.destroy();
