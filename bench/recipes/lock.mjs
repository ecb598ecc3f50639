// Corral's lock, taken and given back as fast as it goes: `lock.mjs HOSTS SECONDS CONTENDERS...`, one line of JSON for each
// number of contenders. Each contender has a session of its own, all of them this process.

import { connect } from '@corral/client';
import { lock } from '@corral/recipes';

const [hosts, seconds, ...sizes] = process.argv.slice(2);
const measureMs = Number(seconds) * 1000;
const warmUpMs = measureMs / 2;

for (const size of sizes) {
  const clients = await Promise.all(Array.from({ length: Number(size) }, () => connect(hosts)));
  const path = `/bench/${process.pid}-${size}`;
  let done = 0;
  let over = false;
  const contend = async (zk) => {
    const mutex = lock(zk, path);
    while (!over) {
      const held = await mutex.acquire();
      done++;
      await held.release();
    }
  };
  const all = Promise.all(clients.map(contend));
  await pause(warmUpMs);
  const begin = { at: performance.now(), cpu: process.cpuUsage(), done };
  await pause(measureMs);
  const count = done - begin.done;
  const { user, system } = process.cpuUsage(begin.cpu);
  const rate = count / ((performance.now() - begin.at) / 1000);
  console.log(JSON.stringify({ contenders: Number(size), rate, cpuUs: (user + system) / count }));
  over = true;
  await all;
  await Promise.all(clients.map((zk) => zk.close()));
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
