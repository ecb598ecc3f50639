// The load generator: a process of its own, so that its CPU time can be told from everything else's. Takes its job as
// JSON on the command line, prints the result as one line of JSON, and ends with an error on any wrong reply.

import { ControlLink } from './control.ts';
import { churn } from './load-churn.ts';
import { pipelined } from './load-pipelined.ts';
import { watchFanout, watchedPath } from './load-watch.ts';
import { createFrame, syncFrame } from './requests.ts';
import { Run } from './run.ts';
import type { LoadResult } from './run.ts';
import { pipelinedWorkloads } from './workloads.ts';
import type { Job } from './workloads.ts';

const setupTimeoutMs = 10_000;

function nodesFor(job: Job): string[] {
  if (job.workload === 'connectChurn') return [];
  if (job.workload !== 'watchFanout') return pipelinedWorkloads[job.workload].nodes(job);
  return ['/bench', ...Array.from({ length: job.depth }, (_, node) => watchedPath(node))];
}

function work(job: Job): Promise<LoadResult> {
  const run = new Run(job.serverPids);
  if (job.workload === 'connectChurn') return churn(job, run);
  if (job.workload === 'watchFanout') return watchFanout(job, run);
  return pipelined(job, run, pipelinedWorkloads[job.workload]);
}

/** Creates the nodes; then every server has them, not only the one that was asked. */
async function setUp(job: Job): Promise<void> {
  for (const [index, port] of job.ports.entries()) {
    const control = await ControlLink.open(port, setupTimeoutMs);
    if (index === 0) await control.createAll(nodesFor(job).map(createFrame));
    else await control.call(syncFrame);
    await control.close();
  }
}

async function main(): Promise<void> {
  const job = JSON.parse(process.argv[2] ?? '') as Job;
  await setUp(job);
  const result = await work(job);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

// A failure ends the process, whatever other connections are still doing.
await main();
