// The load generator: a process of its own, so that its CPU time can be told from everything else's. Takes its job as
// JSON on the command line, prints the result as one line of JSON, and ends with an error on any wrong reply.

import { ControlLink } from './control.ts';
import { churn } from './load-churn.ts';
import { pipelined } from './load-pipelined.ts';
import { watchFanout, watchedPath } from './load-watch.ts';
import { createFrame } from './requests.ts';
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

async function main(): Promise<void> {
  const job = JSON.parse(process.argv[2] ?? '') as Job;
  const control = await ControlLink.open(job.port, setupTimeoutMs);
  await control.createAll(nodesFor(job).map(createFrame));
  await control.close();
  const result = await work(job);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

// A failure ends the process, whatever other connections are still doing.
await main();
