// How `corral cluster status` looks.

import type { ClusterStatus, MemberStatus } from './members.ts';
import { tableText } from './table.ts';

const head = ['ID', 'ADDRESS', 'VOTES', 'ROLE', 'STATE', 'EPOCH', 'ZXID', 'LAG', 'CLIENTS', 'AVG/MAX ms', 'VERSION'];

const cell = (value: string | number | null): string => (value === null ? '-' : String(value));

function cells(member: MemberStatus): string[] {
  const { id, address, type, state, role, epoch, zxid, lag, clients, latencyMs, version } = member;
  const votes = type === null ? '-' : type === 'participant' ? 'yes' : 'no';
  const latency = latencyMs === null ? '-' : `${round(latencyMs.avg)}/${round(latencyMs.max)}`;
  const shownRole = role === 'leader' ? 'LEADER' : role;
  const row = [id, address, votes, shownRole, state, epoch, zxid, lag, clients, latency, version];
  return row.map(cell);
}

const round = (ms: number): number => Math.round(ms * 10) / 10;

export function statusText(status: ClusterStatus): string {
  const table = tableText([head, ...status.members.map(cells)]);
  const summary = status.quorum === null ? [] : ['', status.quorum.summary];
  const problems = status.problems.map((problem) => `! ${problem}`);
  const standalone =
    status.quorum === null && status.members.every(({ role }) => role === 'standalone')
      ? ['', 'a standalone server: survives no failure']
      : [];
  return [table.trimEnd(), ...summary, ...standalone, ...problems, ''].join('\n');
}
