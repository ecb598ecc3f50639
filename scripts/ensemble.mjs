// `npm run ensemble`: three servers on this machine, clients on ports 2181 to 2183, data in ./data/1 to ./data/3. Each is
// a process of its own; this one shows how they are, and starts one again when told to. Kill one and see.
//
//   node scripts/ensemble.mjs [--base-port 2181] [--data ./data]

import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const corral = join(root, 'packages', 'cli', 'bin', 'corral.js');
const ids = [1, 2, 3];
const pollMs = 400;
const answerMs = 2000;
const stopMs = 20_000;
/** Distance of the ports from --base-port: 2181, 2881, 3881 and 8081 for the first server. */
const offsets = { client: 0, quorum: 700, election: 1700, admin: 5900 };

const { basePort, dataDir } = readArguments();
const servers = ids.map((id) => makeServer(id));
await refuseUsedPorts();
prepareDirectories();
welcome();
for (const server of servers) start(server);

const isTty = process.stdout.isTTY === true;
let isStopping = false;
let hasServed = false;
let shownLine = '';
let lastShownAt = -Infinity;
const poll = setInterval(() => void look(), pollMs);
listen();

function readArguments() {
  try {
    const options = { 'base-port': { type: 'string', default: '2181' }, data: { type: 'string', default: 'data' } };
    const { values } = parseArgs({ options });
    const port = Number(values['base-port']);
    const highest = 65_535 - offsets.admin - ids.length;
    if (!Number.isInteger(port) || port < 1 || port > highest) {
      throw new Error(`--base-port ${values['base-port']}: expected a port from 1 to ${highest}`);
    }
    return { basePort: port, dataDir: resolve(values.data) };
  } catch (error) {
    console.error(`${error.message}\nUsage: npm run ensemble -- [--base-port 2181] [--data ./data]`);
    process.exit(2);
  }
}

function makeServer(id) {
  const port = Object.fromEntries(Object.entries(offsets).map(([use, offset]) => [use, basePort + offset + id - 1]));
  const dir = join(dataDir, String(id));
  return { id, port, dir, child: null, facts: null, exit: null, stopWanted: false };
}

// Before the start

async function refuseUsedPorts() {
  const taken = [];
  for (const { id, port } of servers) {
    for (const [use, number] of Object.entries(port)) {
      if (!(await isFree(number))) taken.push(`port ${number} (${use} port of server ${id}) is in use`);
    }
  }
  if (taken.length === 0) return;
  const other = basePort === 2181 ? 12_181 : 2181;
  console.error(`${taken.join('\n')}\nStop what uses it, or use other ports: npm run ensemble -- --base-port ${other}`);
  process.exit(1);
}

function isFree(port) {
  return new Promise((done) => {
    const probe = createServer();
    probe.once('error', () => done(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => done(true)));
  });
}

function prepareDirectories() {
  // A new ensemble may begin only where no server has data: one that lost its own must not vote as if it had none.
  const isNew = servers.every(({ dir }) => !existsSync(join(dir, 'version-2')));
  const members = servers.map(
    ({ id, port }) => `server.${id}=127.0.0.1:${port.quorum}:${port.election}:participant;127.0.0.1:${port.client}`,
  );
  for (const { id, port, dir } of servers) {
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'myid'), `${id}\n`);
    const admin = ['admin.serverAddress=127.0.0.1', `admin.serverPort=${port.admin}`];
    const timing = ['tickTime=1000', 'initLimit=10', 'syncLimit=5'];
    writeFileSync(join(dir, 'zoo.cfg'), [`dataDir=${dir}`, ...timing, ...admin, ...members, ''].join('\n'));
    if (isNew) writeFileSync(join(dir, 'initialize'), '');
    else rmSync(join(dir, 'initialize'), { force: true });
  }
}

function welcome() {
  const clients = servers.map(({ port }) => `127.0.0.1:${port.client}`).join(',');
  const shownDir = relative(process.cwd(), dataDir);
  const lines = [
    '',
    'Three servers on this machine.',
    '',
    `  clients   ${clients}`,
    `  admin     ${servers.map(({ port }) => `http://127.0.0.1:${port.admin}/commands`).join('  ')}`,
    `  data      ${shownDir.startsWith('..') ? dataDir : `./${shownDir}`}/{1,2,3}, what each says in server.log there`,
    '',
    '  k 2 Enter kills server 2 (kill -9), r 2 Enter starts it again, Ctrl-C stops all; the data stays',
    '',
    'Try it in another terminal:',
    '',
    `  node_modules/.bin/corral -s ${clients} create /hello world`,
    `  node_modules/.bin/corral -s ${clients} cluster status`,
    `  node_modules/.bin/corral -s ${clients} trace /hello --admin ${servers.map(({ port }) => `127.0.0.1:${port.admin}`).join(',')}`,
    '',
  ];
  console.log(lines.join('\n'));
}

// The servers

function start(server) {
  const log = createWriteStream(join(server.dir, 'server.log'), { flags: 'a' });
  // Detached: Ctrl-C reaches this process only, and is passed on once.
  const child = spawn(process.execPath, [corral, 'server', join(server.dir, 'zoo.cfg')], {
    cwd: server.dir,
    detached: true,
    env: { ...process.env, LOG_FORMAT: 'json' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  server.child = child;
  server.exit = null;
  server.stopWanted = false;
  let complaint = '';
  let lines = '';
  child.stdout.pipe(log, { end: false });
  child.stdout.on('data', (chunk) => (lines = `${lines}${chunk}`.slice(-4000)));
  child.stderr.on('data', (chunk) => {
    complaint = `${complaint}${chunk}`.slice(-2000);
    log.write(chunk);
  });
  child.on('error', (error) => (complaint += error.message));
  child.on('close', (code, signal) => {
    log.end();
    server.child = null;
    server.facts = null;
    server.exit = signal ?? `exit code ${code}`;
    if (isStopping) return void (servers.every(({ child }) => child === null) && finish());
    if (!server.stopWanted) say(`server ${server.id} has stopped: ${server.exit}${why(code, complaint, lines)}`);
    afterLoss(server);
  });
}

/** Says what is left, and gives up when the servers never came to serve anything. */
function afterLoss({ id }) {
  const left = servers.filter(({ child }) => child !== null).map((server) => server.id);
  if (left.length === 0 && !hasServed) {
    console.error('no server could be started');
    process.exit(1);
  }
  const others = ['no server is left', `server ${left[0]} alone is no quorum and serves nobody`];
  const state = left.length === 2 ? `servers ${left.join(' and ')} go on` : others[left.length];
  say(`${state}; to start it again: r ${id} Enter`);
}

/** What it said on its way out: on standard error, or as its last severe line of log. */
function why(code, complaint, lines) {
  const severe = lines.split('\n').findLast((line) => /^\{.*"level":"(error|fatal)".*\}$/.test(line)) ?? '';
  const { msg = '', reason = '' } = severe === '' ? {} : JSON.parse(severe);
  const text = complaint.trim() || [msg, reason].filter((part) => part !== '').join(': ');
  return code === 0 || text === '' ? '' : `\n  ${text.split('\n').join('\n  ')}`;
}

function restart(server) {
  if (server.child !== null) return say(`server ${server.id} is running; k ${server.id} Enter kills it`);
  say(`server ${server.id} starts`);
  start(server);
}

function kill(server) {
  if (server.child === null) return say(`server ${server.id} is not running; r ${server.id} Enter starts it`);
  server.stopWanted = true;
  say(`server ${server.id} is killed`);
  server.child.kill('SIGKILL');
}

// The status line

async function look() {
  if (isStopping) return;
  await Promise.all(
    servers.map(async (server) => {
      if (server.child === null || server.isAsked) return;
      server.isAsked = true;
      server.facts = await ask(server.port.client);
      server.isAsked = false;
      if (server.facts !== null) hasServed = true;
    }),
  );
  if (!isStopping) show();
}

/** The answer to `srvr`: role and zxid, or null when there is none. */
function ask(port) {
  return new Promise((done) => {
    let text = '';
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write('srvr'));
    const timer = setTimeout(() => socket.destroy(), answerMs);
    socket.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      const role = /^Mode: *(\S+)/m.exec(text)?.[1];
      const zxid = /^Zxid: *0x([0-9a-f]+)/m.exec(text)?.[1];
      done(role === undefined || zxid === undefined ? null : { role, zxid: BigInt(`0x${zxid}`) });
    });
  });
}

function statusLine() {
  const parts = servers.map(({ id, child, facts }) => {
    if (child === null) return `${id} stopped`;
    if (facts === null) return `${id} looking`;
    return `${id} ${facts.role === 'leader' ? 'LEADER' : facts.role} epoch ${facts.zxid >> 32n} 0x${facts.zxid.toString(16)}`;
  });
  return parts.join(' | ');
}

/** A terminal sees one line that changes; a file gets a line when something has, at most one a second. */
function show() {
  const line = statusLine();
  if (line === shownLine) return;
  const now = performance.now();
  const rolesOf = (text) => text.replaceAll(/ 0x[0-9a-f]+/g, '');
  if (!isTty && now - lastShownAt < 1000 && rolesOf(line) === rolesOf(shownLine)) return;
  lastShownAt = now;
  shownLine = line;
  if (isTty) process.stdout.write(`\r\x1b[2K${line.slice(0, (process.stdout.columns ?? 80) - 1)}`);
  else console.log(line);
}

/** Words above the status line. */
function say(text) {
  if (!isTty) return console.log(text);
  process.stdout.write(`\r\x1b[2K${text}\n`);
  shownLine = '';
  show();
}

// Keys, signals, the end

function listen() {
  createInterface({ input: process.stdin }).on('line', (text) => {
    const [, verb, number] = /^\s*([rk])\s*([123])\s*$/.exec(text) ?? [];
    if (verb === undefined) {
      if (text.trim() !== '') say('r 2 starts server 2 again, k 2 kills it, Ctrl-C stops all');
      return;
    }
    const server = servers[Number(number) - 1];
    if (verb === 'r') restart(server);
    else kill(server);
  });
  let lastSignalAt = -Infinity;
  const onSignal = () => {
    // npm passes on the Ctrl-C that reached this process already.
    if (performance.now() - lastSignalAt < 800) return;
    lastSignalAt = performance.now();
    stop();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, onSignal);
  // npm and the shell between may end without a word to this process: whoever started it is gone then.
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    stop();
  }, 500);
  watch.unref();
}

function stop() {
  const running = servers.filter(({ child }) => child !== null);
  if (isStopping || running.length === 0) {
    for (const { child } of running) child.kill('SIGKILL');
    if (running.length === 0) finish();
    return;
  }
  say('stopping; once more stops at once');
  isStopping = true;
  clearInterval(poll);
  for (const { child } of running) child.kill('SIGTERM');
  setTimeout(() => running.forEach(({ child }) => child?.kill('SIGKILL')), stopMs).unref();
}

function finish() {
  console.log(isTty ? '\nstopped' : 'stopped');
  process.exit(0);
}
