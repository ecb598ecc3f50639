// A server that is cut off from its majority: `read-only.mjs HOST:PORT`. Who is content with reading is served, and gets
// to write when the majority is back.

import { createInterface } from 'node:readline';
import { connect } from '@corral/client';
import { equal, truthy } from '../lib/checks.mjs';
import { report } from './report.mjs';

const [address] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const reader = await connect(address, { readOnly: 'allow' });

await report('a server without a majority serves readers', async () => {
  equal(reader.state, 'readonly', 'state');
  truthy((await reader.children('/')).children.includes('zookeeper'), 'children');
  equal(await reader.create('/x').catch((error) => error.code), 'NotReadOnly', 'a write');
});

await report('and the reader writes when the majority is back', async () => {
  const connected = new Promise((resolve) => reader.on('state', (state) => state === 'connected' && resolve()));
  console.log('@restart SIGTERM');
  await lines.next();
  await connected;
  equal((await reader.create('/x', 'y')).path, '/x', 'path');
});

await reader.close();
process.stdin.destroy();
