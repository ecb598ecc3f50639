// The network of the fault test: every server in a network namespace of its own, joined by a bridge, everything inside a
// namespace that nobody else sees and that ends with the test.
//
// A link is cut in one direction by telling the sender a wrong hardware address: what it sends disappears without a
// word, as in a real partition, and what the other side sends still arrives.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { aptInstall } from '../lib/install.mjs';
import { run } from '../lib/process.mjs';

const inside = 'CORRAL_FAULTS_INSIDE';
const goodMac = (id) => `02:00:00:00:00:${id.toString(16).padStart(2, '0')}`;
const badMac = '02:00:00:00:ff:ff';
const clientsId = 254;

/** True in the process that has its own namespaces. */
export const isInside = () => process.env[inside] === '1';

/** Runs this program again in namespaces of its own and returns its exit code. Needs root or user namespaces. */
export async function runInside() {
  const missing = [
    ['ip', 'iproute2'],
    ['unshare', 'util-linux'],
  ].filter(([command]) => !isInstalled(command));
  if (missing.length > 0) await aptInstall(missing.map(([, name]) => name));
  const user = process.getuid() === 0 ? [] : ['--user', '--map-root-user'];
  const args = [...user, '--net', '--mount', process.execPath, ...process.argv.slice(1)];
  const child = spawn('unshare', args, { stdio: 'inherit', env: { ...process.env, [inside]: '1' } });
  // A signal ends this process first: what runs inside must not go on alone.
  process.once('exit', () => child.kill());
  const [code] = await once(child, 'exit');
  return code ?? 1;
}

const isInstalled = (command) => process.env.PATH.split(delimiter).some((folder) => existsSync(join(folder, command)));

export class Network {
  constructor(count) {
    this.ids = Array.from({ length: count }, (_, at) => at + 1);
  }

  address(id) {
    return `10.77.0.${id}`;
  }

  /** What to put in front of a command so that it runs at this server's place. */
  at(id) {
    return ['ip', ['netns', 'exec', `s${id}`]];
  }

  async up() {
    // Names of namespaces live below /run; the mount hides them from everybody else.
    await run('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
    await ip('link add br0 type bridge', `link set br0 address ${goodMac(clientsId)} up`, 'link set lo up');
    await ip(`addr add ${this.address(clientsId)}/24 dev br0`);
    for (const id of this.ids) {
      await ip(`netns add s${id}`, `link add v${id} type veth peer name eth0 netns s${id}`);
      await ip(`link set v${id} master br0 up`, `-n s${id} link set eth0 address ${goodMac(id)} up`);
      await ip(`-n s${id} link set lo up`, `-n s${id} addr add ${this.address(id)}/24 dev eth0`);
    }
    await this.heal();
  }

  /** Nothing that `from` sends reaches `to` any more; the other way stays. */
  async cutOneWay(from, to) {
    await this.route(from, to, badMac);
  }

  async cut(one, other) {
    await this.cutOneWay(one, other);
    await this.cutOneWay(other, one);
  }

  /** Cuts every link between the two sets of servers. */
  async part(some, others) {
    for (const one of some) for (const other of others) await this.cut(one, other);
  }

  async heal() {
    for (const from of this.ids) for (const to of this.ids) if (from !== to) await this.route(from, to, goodMac(to));
  }

  route(from, to, mac) {
    return ip(`-n s${from} neigh replace ${this.address(to)} lladdr ${mac} dev eth0 nud permanent`);
  }
}

async function ip(...commands) {
  for (const command of commands) await run('ip', command.split(' '));
}
