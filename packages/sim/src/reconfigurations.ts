// What administrators ask for: members that join, leave or change their role, or a whole new list.

import { formatMember, systemPaths } from '@corral/protocol';
import type { Member } from '@corral/protocol';
import type { ClientOp } from './clients.ts';
import { memberOf } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import type { Random } from './random.ts';

type Role = Member['role'];
type Roles = readonly (readonly [sid: number, role: Role])[];

const listOf = (roles: Roles): string =>
  roles.map(([sid, role]) => `server.${sid}=${formatMember(memberOf(sid, role))}`).join(',');

export const changeMembers = (joining: Roles, leaving: readonly number[]): ClientOp => ({
  kind: 'reconfig',
  path: systemPaths.config,
  joining: listOf(joining),
  leaving: leaving.join(','),
  members: '',
});

export const replaceMembers = (members: Roles): ClientOp => ({
  kind: 'reconfig',
  path: systemPaths.config,
  joining: '',
  leaving: '',
  members: listOf(members),
});

/** Some change of the members there are, sensible or not: whether it can be made is for the leader to say. */
export function drawReconfiguration(cluster: Cluster, random: Random): ClientOp {
  const sids = random.shuffle([...cluster.nodes.keys()]);
  const voters = cluster.voters.length;
  if (random.chance(25)) {
    const size = random.between(2, sids.length);
    return replaceMembers(sids.slice(0, size + 1).map((sid, i) => [sid, i < size ? 'participant' : 'observer']));
  }
  const joining: [number, Role][] = [];
  const leaving: number[] = [];
  for (const sid of sids.slice(0, random.between(1, 2))) {
    const isVoter = cluster.voters.includes(sid);
    // Ensembles grow again when they have become small.
    if (!isVoter && random.chance(voters < 4 ? 80 : 50)) joining.push([sid, 'participant']);
    else if (random.chance(40)) joining.push([sid, 'observer']);
    else leaving.push(sid);
  }
  return changeMembers(joining, leaving);
}
