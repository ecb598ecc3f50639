// Brings the facts for `corral doctor` from a running ensemble.

import { perms } from '@corral/protocol';
import { survey } from '../cluster/survey.ts';
import type { Context } from '../context.ts';
import { hasCode, walk } from '../tree.ts';
import { withClient } from '../with-client.ts';
import type { GlobalOptions, Task } from '../with-client.ts';
import { treeLimits } from './live.ts';
import type { LiveFacts, TreeFacts } from './live.ts';

/** Enough to find what stands out, and soon over. */
const nodesMax = 20_000;

export async function examineLive(globals: GlobalOptions, context: Context): Promise<LiveFacts> {
  const status = await survey(globals, context);
  try {
    const rest = await withClient(globals, 'one command', async (task) => ({
      tree: await lookAtTree(task),
      ...(await tryWrite(task)),
    }));
    return { status, ...rest };
  } catch (error) {
    // Then what the servers say of themselves, or why they say nothing, is all there is. A server whose whitelist keeps it
    // from telling may serve all the same.
    if (!(error instanceof Error) || error.name !== 'ConnectError' || hasCode(error, 'AuthFailed')) throw error;
    return { status, tree: null, clockAheadMs: null, writeMs: null };
  }
}

async function lookAtTree({ client, call }: Task): Promise<TreeFacts> {
  const crowded: { path: string; children: number }[] = [];
  const heavy: { path: string; bytes: number }[] = [];
  let nodes = 0;
  for await (const { path, stat } of walk(client, '/', call, { onDenied: () => undefined })) {
    nodes += 1;
    if (stat.numChildren >= treeLimits.children) crowded.push({ path, children: stat.numChildren });
    if (stat.dataLength >= treeLimits.bytes) heavy.push({ path, bytes: stat.dataLength });
    if (nodes >= nodesMax) break;
  }
  const { acl } = await client.getAcl('/', call);
  const worldWritable = acl.some(({ scheme, perms: bits }) => scheme === 'world' && (bits & perms.create) !== 0);
  return { nodes, complete: nodes < nodesMax, crowded, heavy, worldWritable };
}

/** A node that is gone a moment later: how long a write takes, and what time it is over there. */
async function tryWrite({ client, call }: Task): Promise<{ writeMs: number | null; clockAheadMs: number | null }> {
  const began = performance.now();
  try {
    const { path, stat } = await client.create('/corral-doctor-', '', { mode: 'ephemeralSequential', ...call });
    const writeMs = Math.round(performance.now() - began);
    const clockAheadMs = Math.round(Date.now() - writeMs / 2 - stat.ctime.getTime());
    await client.delete(path, call);
    return { writeMs, clockAheadMs };
  } catch (error) {
    if (hasCode(error, 'NoAuth') || hasCode(error, 'NotReadOnly')) return { writeMs: null, clockAheadMs: null };
    throw error;
  }
}
