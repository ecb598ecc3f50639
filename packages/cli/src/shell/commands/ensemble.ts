// Commands on the ensemble: config and reconfig.

import type { Call, ShellCommand } from '../command.ts';
import { ShellError } from '../shell-error.ts';
import { statLines } from '../texts.ts';

const configPath = '/zookeeper/config';

export const config: ShellCommand = {
  name: 'config',
  usage: '[-c] [-w] [-s]',
  options: { c: 'flag', w: 'flag', s: 'flag' },
  async run(call) {
    const watch = call.given.has('w') ? { watch: call.link.listener } : {};
    const found = await call.link.call(configPath, (client, options) => client.getConfig({ ...options, ...watch }));
    if (call.given.has('w')) call.link.watches.add(configPath, 'data');
    call.out(call.given.has('c') ? clientConfig(found.config) : found.config);
    if (call.given.has('s')) statLines(found.stat).forEach((line) => call.out(line));
  },
};

/** What clients need: the version and where they may connect. */
function clientConfig(text: string): string {
  const version = /^version=(.*)$/m.exec(text)?.[1] ?? '';
  const addresses = [...text.matchAll(/^server\.\d+=(.*)$/gm)].flatMap(([, server]) => clientAddress(server));
  return `${version} ${addresses.join(',')}`;
}

/** `host:port` of `host:2888:3888:participant;0.0.0.0:2181`. */
function clientAddress(server: string): string[] {
  const [peers, client] = server.split(';');
  if (client === undefined) return [];
  const cut = client.lastIndexOf(':');
  const host = cut < 0 ? '' : client.slice(0, cut);
  const isWildcard = host === '' || host === '0.0.0.0' || host === '[::]';
  return [`${isWildcard ? peers.split(':', 1)[0] : host}:${client.slice(cut + 1)}`];
}

interface Change {
  readonly joining?: readonly string[];
  readonly leaving?: readonly string[];
  readonly members?: readonly string[];
}

export const reconfig: ShellCommand = {
  name: 'reconfig',
  usage:
    '[-s] [-v version] [[-file path] | [-members serverID=host:port1:port2;port3[,...]*]] | ' +
    '[-add serverId=host:port1:port2;port3[,...]]* [-remove serverId[,...]*]',
  options: { s: 'flag', v: 'value', file: 'value', members: 'value', add: 'value', remove: 'value' },
  async run(call) {
    const version = call.given.value('v');
    const fromConfig = version === undefined ? 'any' : BigInt(`0x${hexDigits(version)}`);
    const change = await changeOf(call);
    const { config: text, stat } = await call.link.call(null, (client, options) =>
      client.reconfig({ ...change, fromConfig }, options),
    );
    call.out(`Committed new configuration:\n${text}`);
    if (call.given.has('s')) statLines(stat).forEach((line) => call.out(line));
  },
};

function hexDigits(text: string): string {
  if (!/^[0-9a-f]{1,16}$/i.test(text)) throw new ShellError('-v must be followed by a long (configuration version)');
  return text;
}

async function changeOf(call: Call): Promise<Change> {
  const { given } = call;
  const [joining, leaving] = [given.values('add'), given.values('remove')];
  const incremental = joining.length > 0 || leaving.length > 0;
  const whole = given.has('file') || given.has('members');
  if (incremental && whole) {
    throw new ShellError(
      "Can't use -file or -members together with -add or -remove (mixing incremental and non-incremental modes is not allowed)",
    );
  }
  if (given.has('file') && given.has('members')) {
    throw new ShellError("Can't use -file and -members together (conflicting non-incremental modes)");
  }
  if (incremental) {
    return {
      ...(joining.length > 0 ? { joining } : {}),
      ...(leaving.length > 0 ? { leaving } : {}),
    };
  }
  if (given.has('members')) return { members: given.values('members') };
  if (given.has('file')) return { members: await membersIn(call, given.value('file')!) };
  throw new ShellError(call.usage);
}

/** The `server.N=` lines of a dynamic configuration file. */
async function membersIn(call: Call, path: string): Promise<string[]> {
  try {
    const text = Buffer.from(await call.readFile(path)).toString();
    return text
      .split('\n')
      .filter((line) => /^\s*server\.\d+\s*=/.test(line))
      .map((line) => line.trim());
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const reason = missing ? `${path} (No such file or directory)` : (error as Error).message;
    throw new ShellError(`Error processing ${path}${reason}`);
  }
}
