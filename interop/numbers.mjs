// Numbers at the end of their range: both servers start on the same written snapshot, in which counters are about to
// overflow and quotas stand at their limits, get the same requests, and must give the same answers. Then again after kill -9.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { equal } from './lib/checks.mjs';
import { bytes, int, long, openAcl, text } from './lib/jute.mjs';
import { Server } from './lib/server.mjs';
import { Wire, body, op } from './lib/wire.mjs';

const max = 0x7fffffff;
const min = -0x80000000;
const settings = { enforceQuota: true, 'znode.container.checkIntervalMs': 600_000 };
const check = 13;

export async function sameNumbers({ kind, checks }) {
  const answers = {};
  for (const server of ['apache', kind]) {
    await checks.check(`numbers: ${server} answers to the end`, async () => (answers[server] = await ask(server)));
  }
  await checks.check(`numbers: ${kind} answers as Apache does`, () => {
    answers.apache.forEach((answer, at) => equal(answers[kind][at], answer, `answer ${at}`));
  });
}

async function ask(kind) {
  const server = await Server.fresh(kind, settings);
  try {
    await server.stop();
    const folder = join(server.dataDir, 'version-2');
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    writeFileSync(join(folder, 'snapshot.0'), snapshot());
    await server.start();
    const first = await questions(server.port, 'a');
    await server.restart('SIGKILL');
    return [...first, ...(await questions(server.port, 'b'))];
  } finally {
    await server.close();
  }
}

async function questions(port, name) {
  const answers = [];
  const wire = await Wire.open(port, { timeout: 20_000 });
  /** Sends a request and notes its code, then the numbers of a node. */
  const note = async (what, type, record, path) => {
    const { err } = await wire.request(type, record);
    answers.push(`${what}: ${err} ${path === undefined ? '' : await stat(path)}`);
  };
  const stat = async (path) => {
    const { version, cversion, aversion, numChildren, pzxid } = (
      await wire.call(op.exists, body.pathWatch(path))
    ).stat();
    return [version, cversion, aversion, numChildren, pzxid].join(' ');
  };
  for (let i = 0; i < 3; i += 1) await note('sequence', op.create, body.create('/w/n', null, 2), '/w');
  await note('beside', op.create, body.create(`/w/${name}`, null), '/w');
  await note('delete', op.delete, body.pathVersion(`/w/${name}`), '/w');
  const twice = [0, 1].map(() => [op.create, body.create('/w/m', null, 2)]);
  await note('in one multi', op.multi, body.multi(twice), '/w');
  for (let i = 0; i < 4; i += 1) await note('from below', op.create, body.create(`/below/${name}`, null, 2), '/below');
  for (const version of [max - 1, max, -1, min, min + 1])
    await note(`version ${version}`, op.setData, body.setData('/v', Buffer.from('x'), version), '/v');
  for (const version of [max - 1, max, -1, min])
    await note(`aversion ${version}`, op.setAcl, body.setAcl('/v', openAcl, version), '/v');
  for (const version of [-3, -2, -1, 0]) {
    await note(`check ${version}`, op.multi, body.multi([[check, body.pathVersion('/minus', version)]]));
    await note(`minus ${version}`, op.setData, body.setData('/minus', null, version), '/minus');
  }
  for (const ttl of [0n, 1n, -1n, 0xffffffffffn, 0x10000000000n, 2n ** 63n - 1n])
    await note(`ttl ${ttl}`, op.createTtl, body.createTtl(`/ttl-${name}-${ttl}`, null, 5, ttl));
  for (const xid of [max, min, -3]) answers.push((await wire.request(op.exists, body.pathWatch('/v'), xid)).err);
  answers.push(...(await quotas(wire, name)));
  await wire.close();
  for (const timeout of [-5, 0, 1, max, min]) {
    const other = await Wire.open(port, { timeout });
    answers.push(`timeout ${timeout}: ${other.timeout}`);
    await other.close();
  }
  return answers;
}

/** Limits as large as they may be, and figures of quotas of which one lies in the other, right after a start. */
async function quotas(wire, name) {
  const answers = [];
  const limits = '/zookeeper/quota/q/zookeeper_limits';
  const usage = async () => {
    for (const quota of ['/q', '/q/in']) {
      const data = await wire.call(op.getData, body.pathWatch(`/zookeeper/quota${quota}/zookeeper_stats`));
      answers.push(`usage: ${data.bytes()}`);
    }
  };
  const note = async (type, record) => answers.push(`quota: ${(await wire.request(type, record)).err}`);
  await usage();
  await note(op.create, body.create(`/q/${name}`, Buffer.from('abc')));
  await usage();
  await note(
    op.setData,
    body.setData(limits, Buffer.from('count=-1,bytes==;byteHardLimit=9223372036854775807;countHardLimit=3')),
  );
  await note(op.create, body.create(`/q/more-${name}`, null));
  await note(op.setData, body.setData(limits, Buffer.from('count=9223372036854775808')));
  await note(op.create, body.create(`/q/most-${name}`, null));
  await note(op.setData, body.setData(limits, Buffer.from('count=9223372036854775807,bytes=9223372036854775807')));
  await note(op.delete, body.pathVersion(`/q/${name}`));
  await usage();
  return answers;
}

/** A snapshot as Apache writes it, without digest. */
function snapshot() {
  const quota = '/zookeeper/quota';
  const all = 'count=9223372036854775807,bytes=9223372036854775807';
  const nodes = [
    node(''),
    node('/zookeeper'),
    node(quota),
    node('/zookeeper/config'),
    node('/w', { cversion: max - 1 }),
    node('/v', { version: max - 1, aversion: max - 1 }),
    node('/below', { cversion: -3 }),
    node('/minus', { version: -3 }),
    node('/q'),
    node('/q/in', { data: '12345' }),
    node(`${quota}/q`),
    node(`${quota}/q/zookeeper_limits`, { data: all }),
    node(`${quota}/q/zookeeper_stats`, { data: 'count=9,bytes=9' }),
    node(`${quota}/q/in`),
    node(`${quota}/q/in/zookeeper_limits`, { data: 'count=5,bytes=5' }),
    node(`${quota}/q/in/zookeeper_stats`, { data: 'no numbers' }),
  ];
  const tree = Buffer.concat([Buffer.from('ZKSN'), int(2), long(-1), int(0), int(0), ...nodes, text('/')]);
  return Buffer.concat([tree, long(adler32(tree)), text('/')]);
}

const openAclId = -1;

const node = (path, { data = '', version = 0, cversion = 0, aversion = 0 } = {}) =>
  Buffer.concat([
    ...[text(path), bytes(Buffer.from(data)), long(openAclId)],
    ...[long(0), long(0), long(0), long(0), int(version), int(cversion), int(aversion), long(0), long(0)],
  ]);

function adler32(buffer) {
  let [a, b] = [1, 0];
  for (const byte of buffer) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}
