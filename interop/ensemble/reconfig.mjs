// Reconfiguration with the tools people have: one server grows to three and five and shrinks to one again, by zkCli, kazoo
// and corral cluster, while a client keeps its session, its ephemeral node and a watch on the configuration.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { apacheClasspath } from '../apache.mjs';
import { equal, truthy } from '../lib/checks.mjs';
import { Dialogue } from '../lib/dialogue.mjs';
import { paths } from '../lib/install.mjs';
import { run } from '../lib/process.mjs';
import { freePort } from '../lib/server.mjs';
import { Wire, body, op } from '../lib/wire.mjs';
import { Member } from './member.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const corral = join(here, '..', '..', 'packages/cli/bin/corral.js');
const prompt = /\[zk: [^\]]*\(CONNECTED\) \d+\]/;
/** Of super:secret. */
const superDigest = 'super:lK75jTNcA+U9vtVEw5vB51mj/w4=';
const settings = {
  standaloneEnabled: false,
  reconfigEnabled: true,
  'DigestAuthenticationProvider.superDigest': superDigest,
  clientPort: undefined,
  clientPortAddress: undefined,
};

/** Keeps the configuration file that the server itself has rewritten. */
class GrowingMember extends Member {
  writeConfig() {
    const file = join(this.dir, 'zoo.cfg');
    return existsSync(file) && readFileSync(file, 'utf8').includes('dynamicConfigFile') ? file : super.writeConfig();
  }
}

class Growth {
  members = new Map();

  constructor(checks) {
    this.checks = checks;
    this.dir = mkdtempSync(join(tmpdir(), 'corral-reconfig-'));
  }

  async prepare(sid) {
    const dir = join(this.dir, `${sid}`);
    mkdirSync(dir);
    const member = new GrowingMember('corral', dir, { sid, role: 'participant', settings });
    member.port = await freePort();
    member.adminPort = await freePort();
    member.place = `127.0.0.1:${await freePort()}:${await freePort()}`;
    this.members.set(sid, member);
    return member;
  }

  line(sid, role = 'participant') {
    const { place, port } = this.members.get(sid);
    return `server.${sid}=${place}:${role};127.0.0.1:${port}`;
  }

  /** Starts a server that knows the members so far and itself; it follows without a vote until it is let in. */
  async launch(sid, ...others) {
    const member = await this.prepare(sid);
    member.setLines([...others.map((other) => this.line(other)), this.line(sid)]);
    member.launch();
    await member.ready();
    return member;
  }

  hosts(...sids) {
    return sids.map((sid) => `127.0.0.1:${this.members.get(sid).port}`).join(',');
  }

  /** Waits until every one of these serves in one of the roles, exactly one of them as leader. */
  async roles(expected, timeoutMs = 30_000) {
    const deadline = Date.now() + timeoutMs;
    const wanted = Object.entries(expected);
    for (;;) {
      const modes = await Promise.all(wanted.map(([sid]) => this.members.get(Number(sid)).mode()));
      const isVoter = (mode) => mode === 'leader' || mode === 'follower';
      const fits = wanted.every(([, role], i) => (role === 'voter' ? isVoter(modes[i]) : modes[i] === role));
      if (fits && modes.filter((mode) => mode === 'leader').length === 1) return;
      if (Date.now() > deadline) throw new Error(`roles ${JSON.stringify(expected)}, but ${modes.join(', ')}`);
      await sleep(100);
    }
  }

  async close(keep) {
    for (const member of this.members.values()) await member.stop('SIGKILL');
    if (keep) console.log(`       (data and logs are left in ${this.dir})`);
    else rmSync(this.dir, { recursive: true, force: true });
  }
}

const cluster = (hosts, ...args) =>
  run(process.execPath, [corral, '-s', `zk://super:secret@${hosts}`, 'cluster', ...args], { timeoutMs: 30_000 });

async function zkCli(hosts, ...lines) {
  const java = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-cp', apacheClasspath()];
  const cli = new Dialogue('java', [...java, 'org.apache.zookeeper.ZooKeeperMain', '-server', hosts]);
  try {
    await cli.say(null, /WatchedEvent state:SyncConnected/);
    await cli.say('addauth digest super:secret', prompt);
    for (const [line, ...patterns] of lines) await cli.say(line, ...patterns);
  } finally {
    await cli.end('SIGKILL');
  }
}

const kazoo = (hosts, { joining = '-', leaving = '-', members = '-' }) =>
  run(paths.python, [join(here, 'reconfig.py'), hosts, joining, leaving, members], { timeoutMs: 60_000 });

/** A client that must not notice: its session, its ephemeral node, and what its watch on the configuration says. */
class Witness {
  async open(port) {
    this.wire = await Wire.open(port, { timeout: 30_000 });
    await this.wire.call(op.create, body.create('/witness', Buffer.from('here'), 1));
  }

  /** Takes up its session at another server, and finds its node owned by it. */
  async moves(port) {
    const { sessionId, password, lastZxid } = this.wire;
    this.wire.drop();
    this.wire = await Wire.open(port, { timeout: 30_000, sessionId, password, lastZxid });
    equal(this.wire.sessionId, sessionId, 'session');
    const stat = (await this.wire.call(op.exists, body.pathWatch('/witness'))).stat();
    equal(stat.ephemeralOwner, sessionId, 'owner of the ephemeral node');
  }
}

export async function reconfiguration({ checks }) {
  const growth = new Growth(checks);
  const failedBefore = checks.failed;
  try {
    await grow(growth, checks);
  } finally {
    await growth.close(checks.failed > failedBefore);
  }
}

async function grow(growth, checks) {
  const witness = new Witness();
  const step = async (name, body) => {
    if (!(await checks.check(`reconfig: ${name}`, body))) throw new Error('the steps build on each other');
  };
  await step('a single member with standaloneEnabled=false leads itself', async () => {
    const first = await growth.launch(1);
    await growth.roles({ 1: 'leader' });
    await witness.open(first.port);
  });
  await step('one grows to three by zkCli, in two steps', () => byZkCli(growth));
  await step('three to five by kazoo at once, which sees its watch fire', () => byKazoo(growth));
  await step('the session goes on at a server that joined', () => witness.moves(growth.members.get(4).port));
  await step('a dry run shows the quorum and changes nothing', () => dryRun(growth));
  await step('a voter becomes an observer and a voter again, by corral cluster', () => changeRoles(growth));
  await step('members restart from the configuration they have written themselves', () => restarts(growth));
  await step('the whole list is replaced by kazoo; five become three', () => bulk(growth));
  await step('the leader itself is removed, and another leads at once', () => withoutLeader(growth));
  await step('down to one, by corral cluster', () => shrink(growth, witness));
}

async function byZkCli(growth) {
  await growth.launch(2, 1);
  await zkCli(growth.hosts(1), [`reconfig -add ${growth.line(2)}`, /Committed new configuration:/, /version=/, prompt]);
  await growth.roles({ 1: 'voter', 2: 'voter' });
  await growth.launch(3, 1, 2);
  const added = [`reconfig -add ${growth.line(3)}`, /Committed new configuration:/, /server\.3=/, prompt];
  await zkCli(growth.hosts(2), ['get -w /zookeeper/config', /server\.2=/, prompt], added, [
    'config -c',
    /127\.0\.0\.1:\d+,127\.0\.0\.1:\d+,127\.0\.0\.1:\d+/,
  ]);
  await growth.roles({ 1: 'voter', 2: 'voter', 3: 'voter' });
}

async function byKazoo(growth) {
  await growth.launch(4, 1, 2, 3);
  await growth.launch(5, 1, 2, 3);
  const text = await kazoo(growth.hosts(1, 2, 3), { joining: `${growth.line(4)},${growth.line(5)}` });
  truthy(text.includes(growth.line(4)) && text.includes(growth.line(5)), text);
  truthy(/^event CHANGED\/zookeeper\/config/m.test(text), text);
  await growth.roles({ 1: 'voter', 2: 'voter', 3: 'voter', 4: 'voter', 5: 'voter' });
}

async function dryRun(growth) {
  const before = await cluster(growth.hosts(1, 2), 'status');
  truthy(/5 voters, 5 up, survives 2 failures/.test(before), before);
  const shown = await cluster(growth.hosts(1, 2), 'remove', '5', '--dry-run');
  truthy(/survives 2 failures[\s\S]*survives 1 failure/.test(shown), shown);
  const after = await cluster(growth.hosts(1, 2), 'status');
  truthy(/5 voters, 5 up/.test(after), after);
}

async function changeRoles(growth) {
  await cluster(growth.hosts(1, 2), 'add', growth.line(5, 'observer'), '--yes');
  await growth.roles({ 1: 'voter', 2: 'voter', 3: 'voter', 4: 'voter', 5: 'observer' });
  const status = await cluster(growth.hosts(1, 2), 'status');
  truthy(/4 voters, 4 up, survives 1 failure; 1 observer, 1 up/.test(status), status);
  await cluster(growth.hosts(1, 2), 'add', growth.line(5));
  await growth.roles({ 1: 'voter', 2: 'voter', 3: 'voter', 4: 'voter', 5: 'voter' });
}

async function restarts(growth) {
  for (const sid of [1, 5]) {
    const member = growth.members.get(sid);
    await member.stop('SIGTERM');
    const config = readFileSync(join(member.dir, 'zoo.cfg'), 'utf8');
    const file = /^dynamicConfigFile=(.*)$/m.exec(config)?.[1];
    truthy(file !== undefined && !/^server\.\d/m.test(config), `zoo.cfg of server ${sid}: ${config}`);
    for (const other of [1, 2, 3, 4, 5])
      truthy(readFileSync(file, 'utf8').includes(growth.line(other)), `${file} lacks server ${other}`);
    await member.start();
  }
  await growth.roles({ 1: 'voter', 2: 'voter', 3: 'voter', 4: 'voter', 5: 'voter' });
}

async function bulk(growth) {
  const members = [1, 2, 3].map((sid) => growth.line(sid)).join(',');
  const text = await kazoo(growth.hosts(1, 2, 3), { members });
  truthy(!/^server\.[45]=/m.test(text), text);
  for (const sid of [4, 5]) await growth.members.get(sid).stop('SIGTERM');
  await growth.roles({ 1: 'voter', 2: 'voter', 3: 'voter' });
}

async function leaderOf(growth, sids) {
  for (const sid of sids) if ((await growth.members.get(sid).mode()) === 'leader') return sid;
  throw new Error('nobody leads');
}

async function withoutLeader(growth) {
  const leader = await leaderOf(growth, [1, 2, 3]);
  growth.left = [1, 2, 3].filter((sid) => sid !== leader);
  await cluster(growth.hosts(...growth.left), 'remove', `${leader}`, '--yes');
  await growth.roles(Object.fromEntries(growth.left.map((sid) => [sid, 'voter'])));
  await growth.members.get(leader).stop('SIGTERM');
}

async function shrink(growth, witness) {
  const [stays, goes] = growth.left;
  await cluster(growth.hosts(stays), 'remove', `${goes}`, '--yes');
  await growth.members.get(goes).stop('SIGTERM');
  await growth.roles({ [stays]: 'leader' });
  await witness.moves(growth.members.get(stays).port);
}
