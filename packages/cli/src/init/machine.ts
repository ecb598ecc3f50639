// The files of one machine: zoo.cfg, myid, the mark that a new ensemble may begin here, and the systemd unit.

import { formatMember } from '@corral/protocol';
import type { Plan, PlannedMember } from './plan.ts';

/** Files by name, as they will stand below the folder of `corral init`. */
export type Files = ReadonlyMap<string, string>;

/** All `server.N` lines: the same on every machine. */
export function serverLines({ members, ports }: Pick<Plan, 'members' | 'ports'>): string[] {
  return members.map(({ id, host, role }) => {
    const addresses = [{ host, quorumPort: ports.quorum, electionPort: ports.election }];
    return `server.${id}=${formatMember({ sid: id, addresses, role, client: { host: '0.0.0.0', port: ports.client } })}`;
  });
}

/** What an ensemble needs besides its members; Kubernetes takes it, too. */
export const timing = [
  '# Milliseconds. Sessions last between 2 and 20 ticks.',
  'tickTime=2000',
  '# Ticks a server may take to get the data of the leader. Make it longer for trees of many gigabytes.',
  'initLimit=10',
  '# Ticks of silence after which leader and follower give each other up.',
  'syncLimit=5',
];

export const reconfigLines = [
  '# Members may be changed with "corral cluster add" and "remove". The server then rewrites this file.',
  'reconfigEnabled=true',
];

export function zooCfg(plan: Plan, { id, host, role }: PlannedMember): string {
  const { dataDir, dataLogDir, reconfig } = plan;
  return [
    `# Server ${id} of ${plan.members.length}: ${host}. The number itself stands in ${dataDir}/myid.`,
    '',
    `dataDir=${dataDir}`,
    ...(dataLogDir === dataDir
      ? []
      : ['# The log on a disk of its own makes writes faster.', `dataLogDir=${dataLogDir}`]),
    '',
    ...timing,
    '',
    ...(role === 'observer' ? ['peerType=observer'] : []),
    ...(reconfig ? reconfigLines : []),
    '# host:quorum port:election port:role;client port. The same lines on every server.',
    ...serverLines(plan),
    '',
  ].join('\n');
}

/** The folder `server-N`. */
export function machineFiles(plan: Plan, member: PlannedMember): Files {
  const folder = `server-${member.id}`;
  const files = new Map([
    [`${folder}/zoo.cfg`, zooCfg(plan, member)],
    [`${folder}/corral.service`, systemdUnit(plan)],
    [`${folder}/data/myid`, `${member.id}\n`],
  ]);
  if (member.role === 'participant') files.set(`${folder}/${logFolder(plan)}/initialize`, '');
  return files;
}

/** Where files for dataLogDir lie below the folder of a machine. */
export const logFolder = ({ dataDir, dataLogDir }: Plan): string => (dataLogDir === dataDir ? 'data' : 'data-log');

export function systemdUnit({ dataDir, dataLogDir, confDir, installDir, user, reconfig }: Plan): string {
  const writable = [...new Set([dataDir, dataLogDir, ...(reconfig ? [confDir] : [])])];
  return `[Unit]
Description=Corral, a member of an ensemble
After=network-online.target
Wants=network-online.target

[Service]
Type=exec
User=${user}
Group=${user}
ExecStart=/usr/bin/node ${installDir}/packages/cli/bin/corral.js server ${confDir}/zoo.cfg
# Writes in flight are finished and leadership is handed over before it stops.
TimeoutStopSec=60
Restart=on-failure
RestartSec=3
# The configuration cannot be used: starting again does not help.
RestartPreventExitStatus=2
LimitNOFILE=65536
UMask=0027

# It needs its data, the network, and nothing else.
ReadWritePaths=${writable.join(' ')}
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
# Not MemoryDenyWriteExecute: the JavaScript engine compiles while it runs.

[Install]
WantedBy=multi-user.target
`;
}
