// `npm start`: a standalone server on port 2181, its admin server on 8080, its data in ./data. Arguments go on to
// `corral server`: npm start -- --client-port 2182. The server is a process of its own; this one says in plain words
// what the server logs, and passes signals on.

import { spawn } from 'node:child_process';
import { relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const corral = fileURLToPath(new URL('../packages/cli/bin/corral.js', import.meta.url));
const { LOG_FORMAT: wantedFormat, ...env } = process.env;

// Detached: Ctrl-C reaches this process only, and is passed on once. npm may send the same signal again.
const server = spawn(process.execPath, [corral, 'server', ...process.argv.slice(2)], {
  cwd: root,
  detached: true,
  env: { ...env, LOG_FORMAT: 'json' },
  stdio: ['ignore', 'pipe', 'pipe'],
});

let lastSignalAt = -Infinity;
const passOn = (signal) => () => {
  if (performance.now() - lastSignalAt < 800) return;
  lastSignalAt = performance.now();
  server.kill(signal);
};
process.on('SIGINT', passOn('SIGINT'));
process.on('SIGTERM', passOn('SIGTERM'));
process.on('SIGHUP', passOn('SIGTERM'));

// npm and the shell between may end without a word to this process: whoever started the server is gone then.
const parent = process.ppid;
const watch = setInterval(() => {
  if (process.ppid === parent) return;
  clearInterval(watch);
  passOn('SIGTERM')();
}, 500);

const facts = { address: '', dataDir: '', adminUrls: [], told: false };

createInterface({ input: server.stdout }).on('line', (text) => {
  const line = parsed(text);
  if (line === undefined || wantedFormat === 'json') console.log(text);
  if (line === undefined) return;
  if (line.clients !== undefined && line.dataDir !== undefined) {
    facts.address = line.clients;
    facts.dataDir = line.dataDir;
    // The admin server opens a moment later, or says why it does not.
    setTimeout(welcome, 3000).unref();
  } else if (line.urls !== undefined) {
    facts.adminUrls = line.urls;
    welcome();
  } else if (wantedFormat !== 'json') tell(line);
});

let complaint = '';
server.stderr.on('data', (chunk) => {
  complaint += chunk;
  process.stderr.write(chunk);
});

server.on('close', (code, signal) => {
  clearInterval(watch);
  if (/port \d+ is in use/.test(complaint)) {
    console.error('Is a ZooKeeper or another Corral running? To use another port: npm start -- --client-port 2182');
  }
  process.exitCode = signal === null ? code : 1;
});

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function welcome() {
  if (facts.told) return;
  facts.told = true;
  const port = facts.address.slice(facts.address.lastIndexOf(':') + 1);
  const at = port === '2181' ? '' : ` -s 127.0.0.1:${port}`;
  const shownDir = relative(process.cwd(), facts.dataDir);
  const lines = ['', 'Corral is running.', '', `  clients   ${facts.address}`];
  for (const url of facts.adminUrls) lines.push(`  admin     ${url}/commands  (metrics: ${url}/metrics)`);
  lines.push(
    `  data      ${shownDir.startsWith('..') ? facts.dataDir : `./${shownDir}`}`,
    '  stop      Ctrl-C; the data stays',
    '',
    'Try it in another terminal:',
    '',
    `  node_modules/.bin/corral${at} create /hello world`,
    `  node_modules/.bin/corral${at} get /hello`,
    '',
  );
  console.log(lines.join('\n'));
}

function tell({ time, level, msg, ...fields }) {
  const details = Object.entries(fields).map(([key, value]) => `${key}=${asText(value)}`);
  console.log([time.slice(11, 19), level.padEnd(5), msg, ...details].join(' '));
  if (level === 'error' && facts.address !== '') welcome();
}

function asText(value) {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
