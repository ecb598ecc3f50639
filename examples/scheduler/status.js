// Who leads, who is there and does what, and what waits: `node examples/scheduler/status.js`.

import process from 'node:process';
import { connect } from '@corral/client';
import { election, group, queue } from '@corral/recipes';
import { paths } from './settings.js';

const zk = await connect(process.env['CORRAL_SERVER'] ?? '127.0.0.1:2181,127.0.0.1:2182,127.0.0.1:2183');
/** @type {import('@corral/recipes').Group<{ readonly doing: string | null }>} */
const workers = group(zk, paths.workers);
const runs = queue(zk, paths.runs);

console.log(`leader   ${(await election(zk, paths.leader).current())?.id ?? 'none'}`);
for (const { id, data } of await workers.members()) console.log(`worker   ${id}: ${data?.doing ?? 'waits'}`);
console.log(`queue    ${await runs.size()} waiting or in work, ${(await runs.deadLetters()).length} dead`);
await zk.close();
