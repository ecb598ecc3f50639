// What `corral doctor` looks at in a running ensemble. Each check is a function of facts to findings; examine.ts brings the
// facts.

import type { ClusterStatus } from '../cluster/members.ts';
import { byteText } from '../verb.ts';

export interface Finding {
  readonly level: 'ok' | 'warning' | 'problem';
  readonly text: string;
  /** What to do about it. */
  readonly advice?: string;
}

export interface TreeFacts {
  readonly nodes: number;
  /** False when the walk stopped early. */
  readonly complete: boolean;
  readonly crowded: readonly { readonly path: string; readonly children: number }[];
  readonly heavy: readonly { readonly path: string; readonly bytes: number }[];
  readonly worldWritable: boolean;
}

export interface LiveFacts {
  readonly status: ClusterStatus;
  /** Null when no server serves clients. */
  readonly tree: TreeFacts | null;
  /** Milliseconds by which this machine's clock is ahead of the servers'. */
  readonly clockAheadMs: number | null;
  readonly writeMs: number | null;
}

const limits = {
  /** Names of so many children make replies of a megabyte. */
  children: 10_000,
  /** Half of what one request may carry. */
  bytes: 512 * 1024,
  averageMs: 20,
  clockMs: 1000,
  writeMs: 100,
  lag: 1000,
};
export const treeLimits = { children: limits.children, bytes: limits.bytes };

export function findings({ tree, ...facts }: LiveFacts): Finding[] {
  if (tree === null) return members(facts);
  const ofServers = [members, agreement, versions, latency, clock, writes].flatMap((check) => check(facts));
  return [...ofServers, ...[crowds, access].flatMap((check) => check(tree))];
}

type ServerFacts = Omit<LiveFacts, 'tree'>;

function members({ status }: ServerFacts): Finding[] {
  const answering = status.members.filter(({ state }) => state === 'serving').length;
  const total = status.members.length;
  const leader = status.leader === null ? '' : `, server ${status.leader} leads`;
  const problems = status.problems.map((text): Finding => ({ level: 'problem', text }));
  if (answering === total) return [{ level: 'ok', text: `${answering}/${total} servers answer${leader}` }, ...problems];
  return problems;
}

function agreement({ status }: ServerFacts): Finding[] {
  if (status.members.every(({ lag }) => lag === null)) return [];
  const behind = status.members.filter(({ lag }) => lag !== null && lag > limits.lag);
  if (behind.length === 0) return [{ level: 'ok', text: 'no server is far behind the newest' }];
  return behind.map(({ address, lag }) => ({
    level: 'warning',
    text: `${address} is ${lag} transactions behind`,
    advice: 'look at its disk and network; readers there see old data',
  }));
}

function versions({ status }: ServerFacts): Finding[] {
  const found = new Set(status.members.flatMap(({ version }) => version ?? []));
  if (found.size <= 1) return [];
  const text = `servers run different versions: ${[...found].join(', ')}`;
  return [{ level: 'warning', text, advice: 'finish the rolling upgrade' }];
}

function latency({ status }: ServerFacts): Finding[] {
  return status.members.flatMap(({ address, latencyMs }): Finding[] =>
    latencyMs === null || latencyMs.avg <= limits.averageMs
      ? []
      : [
          {
            level: 'warning',
            text: `${address} answers after ${latencyMs.avg} ms on average`,
            advice: 'a slow disk for dataLogDir, or more load than it can carry: corral top',
          },
        ],
  );
}

function clock({ clockAheadMs }: ServerFacts): Finding[] {
  if (clockAheadMs === null || Math.abs(clockAheadMs) < limits.clockMs) return [];
  const text = `the clock here is ${Math.abs(clockAheadMs) / 1000} s ${clockAheadMs > 0 ? 'ahead of' : 'behind'} the leader’s`;
  return [
    { level: 'warning', text, advice: 'ages of nodes shown here are wrong by that much: synchronise the clocks' },
  ];
}

function writes({ writeMs }: ServerFacts): Finding[] {
  if (writeMs === null)
    return [{ level: 'warning', text: 'a write could not be tried', advice: 'no node may be made at /: give --auth' }];
  if (writeMs <= limits.writeMs) return [{ level: 'ok', text: `a write takes ${writeMs} ms` }];
  return [{ level: 'warning', text: `a write takes ${writeMs} ms`, advice: 'give dataLogDir a disk of its own' }];
}

function crowds(tree: TreeFacts): Finding[] {
  const crowded = tree.crowded.map(({ path, children }): Finding => ({
    level: 'warning',
    text: `${path} has ${children} children`,
    advice: 'spread them over several parents: listing them fills a megabyte and more',
  }));
  const heavy = tree.heavy.map(({ path, bytes }): Finding => ({
    level: 'warning',
    text: `${path} holds ${byteText(bytes)}`,
    advice: 'keep large things elsewhere and their address here',
  }));
  const seen = `${tree.nodes} nodes looked at${tree.complete ? '' : ', not all'}`;
  return crowded.length + heavy.length === 0
    ? [{ level: 'ok', text: `${seen}: none too large` }]
    : [...crowded, ...heavy];
}

function access(tree: TreeFacts): Finding[] {
  if (!tree.worldWritable) return [];
  return [
    {
      level: 'warning',
      text: 'anybody may create and delete nodes at /',
      advice: 'corral acl set / ... when others can reach the port',
    },
  ];
}
