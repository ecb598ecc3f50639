// A member of the scheduler as a process: `node examples/scheduler/main.js [id]`. Start several, and kill the leader.

import process from 'node:process';
import { connect } from '@corral/client';
import { runMember } from './member.js';
import { openSettings } from './settings.js';
import { sleep } from './sleep.js';

const id = process.argv[2] ?? `worker-${process.pid}`;
const servers = process.env['CORRAL_SERVER'] ?? '127.0.0.1:2181,127.0.0.1:2182,127.0.0.1:2183';
const log = (/** @type {string} */ text) => console.log(`${new Date().toISOString().slice(11, 23)} ${id} ${text}`);

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => stop.abort());

const zk = await connect(servers, { sessionTimeout: 10_000 });
const settings = await openSettings(zk);
try {
  await runMember(zk, { id, log, signal: stop.signal, handler: doTheJob });
} finally {
  await settings.close();
  await zk.close();
}
log('has stopped');

/**
 * Stands for the real work.
 * @type {import('./worker.js').Handler}
 */
async function doTheJob({ kind, due, token }, signal) {
  log(`${kind} of ${new Date(due).toISOString().slice(11, 19)} begins, token ${token}`);
  await sleep(zk, settings.value.jobs[kind]?.takesMs ?? 0, signal);
  log(`${kind} of ${new Date(due).toISOString().slice(11, 19)} is done`);
}
