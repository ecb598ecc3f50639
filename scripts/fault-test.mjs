// npm run test:faults: an ensemble of real processes under load, and random faults - kill -9, stop and continue, restart,
// partitions of every form in namespaces of its own, a full disk. Nothing acknowledged may be lost, no session either.
//
//   node scripts/fault-test.mjs [--servers 3|5] [--faults 100] [--seed N] [--server corral|apache|apache38]
//                               [--clients 4] [--rate 150] [--only 'full disk,bridge'] [--hold 1000,5000]
//                               [--heavy] [--ephemerals 100000] [--every 1000]
//
// With --heavy there are also sessions with so many ephemeral nodes, and five clients that make a request at the limit of
// jute.maxbuffer every so many milliseconds: large nodes, multis and ACLs.
//
// The seed fixes which faults come in which order, not the timing of the processes.

import { setTimeout as sleep } from 'node:timers/promises';
import { ensurePeers } from '../interop/ensemble/apache.mjs';
import { FaultRun } from '../interop/faults/run.mjs';
import { kinds } from '../interop/faults/kinds.mjs';
import { isInside, runInside } from '../interop/faults/network.mjs';
import { installPython } from '../interop/lib/install.mjs';
import { readOptions } from './options.mjs';

const { values } = readOptions(import.meta.url, {
  options: {
    servers: { type: 'string', default: '3' },
    faults: { type: 'string', default: '100' },
    seed: { type: 'string', default: `${Math.floor(Math.random() * 1e9)}` },
    server: { type: 'string', default: 'corral' },
    clients: { type: 'string', default: '4' },
    rate: { type: 'string', default: '150' },
    only: { type: 'string' },
    hold: { type: 'string', default: '1000,5000' },
    heavy: { type: 'boolean', default: false },
    ephemerals: { type: 'string', default: '100000' },
    every: { type: 'string', default: '1000' },
  },
});

if (isInside()) {
  const only = values.only?.split(',') ?? Object.keys(kinds);
  const numbers = ['servers', 'faults', 'seed', 'clients', 'rate'].map((name) => [name, Number(values[name])]);
  const test = new FaultRun({
    ...Object.fromEntries(numbers),
    kind: values.server,
    only,
    hold: values.hold.split(',').map(Number),
    heavy: values.heavy && { ephemerals: Number(values.ephemerals), everyMs: Number(values.every) },
  });
  process.exitCode = await test.run();
  // Connections to servers that were cut off may still be waiting for them.
  await sleep(100);
  process.exit();
} else {
  // Inside there is no network to fetch anything from.
  if (values.server !== 'corral') await ensurePeers();
  await installPython();
  process.exitCode = await runInside();
}
