// One measurement in a process of its own: `load.mjs CLIENT ADDRESS HOME OPERATION IN_FLIGHT SECONDS`, answered with one
// line of JSON.

import { clients } from './clients.mjs';

const [name, address, home, operation, inFlight, seconds] = process.argv.slice(2);
const warmUpMs = 1000;

const client = await clients[name](address, home);
const base = `/bench-${process.pid}`;
await client.create(base);
let made = 0;
const call = {
  get: () => client.get(base),
  set: () => client.set(base),
  create: () => client.create(`${base}/${made++}`),
}[operation];

const latencies = [];
let measuring = false;
let over = false;

async function lane() {
  while (!over) {
    const started = performance.now();
    await call();
    if (measuring) latencies.push(performance.now() - started);
  }
}

const lanes = Array.from({ length: Number(inFlight) }, lane);
setTimeout(() => {
  measuring = true;
  const started = performance.now();
  const cpu = process.cpuUsage();
  setTimeout(
    () => {
      measuring = false;
      over = true;
      report((performance.now() - started) / 1000, process.cpuUsage(cpu));
    },
    Number(seconds) * 1000,
  );
}, warmUpMs);

function report(elapsed, { user, system }) {
  const sorted = Float64Array.from(latencies).sort();
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  const cpuUs = (user + system) / sorted.length;
  console.log(JSON.stringify({ rate: sorted.length / elapsed, p50Ms: at(0.5), p99Ms: at(0.99), cpuUs }));
}

await Promise.all(lanes);
await client.close();
// The native client keeps the process alive otherwise.
process.exit();
