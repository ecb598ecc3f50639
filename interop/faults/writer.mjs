// Corral's own client as one that goes on writing through every fault; what it is told and what it says is described in
// ../ensemble/writer.py. argv: hosts, name, milliseconds between writes.

import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { ZkError, connect } from '../../packages/client/dist/index.js';

const [hosts, name, delay] = process.argv.slice(2);
const root = `/writers/${name}`;
const client = await connect(hosts, { sessionTimeout: 30_000 });
let going = true;
let stopping = false;

client.on('session', () => console.log('lost'));
createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (line === 'stop') stopping = true;
    going = line !== 'pause';
  })
  .on('close', () => (stopping = true));

async function again(call) {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!ZkError.is(error) || !error.retryable) throw error;
      await sleep(20);
    }
  }
}

/** A node that is there already was made by an attempt whose answer got lost. */
async function create(path, data, mode = 'persistent') {
  try {
    await again(() => client.create(path, data, { mode, parents: 'persistent' }));
  } catch (error) {
    if (!ZkError.is(error, 'NodeExists')) throw error;
    const found = await again(() => client.getText(path));
    if (found !== data) throw new Error(`${path} holds ${found}`);
  }
}

/** Sets on top of exactly this version; an attempt whose answer got lost may have done it. */
async function set(path, data, version) {
  try {
    await again(() => client.set(path, data, { version }));
  } catch (error) {
    if (!ZkError.is(error, 'BadVersion')) throw error;
    const found = await again(() => client.get(path));
    const text = new TextDecoder().decode(found.data);
    if (text === data && found.stat.version === version + 1) return;
    throw new Error(`${path} is ${text} version ${found.stat.version}, before it was ${version}`);
  }
}

let number = 0;
try {
  await create(`${root}/alive`, '', 'ephemeral');
  await create(`${root}/value`, '');
  console.log(`session ${client.session.id.toString(16)}`);
  while (!stopping) {
    if (!going) {
      console.log(`paused ${number}`);
      while (!going && !stopping) await sleep(5);
      continue;
    }
    await create(`${root}/n${number + 1}`, `${number + 1}`);
    await set(`${root}/value`, `${number + 1}`, number);
    number += 1;
    console.log(`ack ${number}`);
    await sleep(Number(delay));
  }
} catch (error) {
  console.log(`failed after ${number}: ${error}`.replaceAll('\n', ' '));
}
console.log(`done ${number}`);
