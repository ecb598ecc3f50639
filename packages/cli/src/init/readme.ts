// README.txt beside what `corral init` wrote: the next steps, with the commands to copy.

import { zxidZero } from '@corral/protocol';
import { count, quorumFacts, survivesWords } from '../cluster/quorum.ts';
import { logFolder } from './machine.ts';
import type { Plan } from './plan.ts';

export function readme(plan: Plan): string {
  const { members, ports, dataDir, dataLogDir, confDir, installDir, user } = plan;
  const first = members[0].host;
  const dirs = [...new Set([dataDir, dataLogDir])].join(' ');
  const lines = [
    `An ensemble of ${count(plan.voters, 'voter')}${observersWords(plan)}: ${toleranceOf(plan.voters)}.`,
    '',
    ...(plan.hostsAreInvented
      ? ['The host names are made up: replace them in every zoo.cfg, or run corral init again with --hosts a,b,c.', '']
      : []),
    'On every machine (server-N is the folder for server N):',
    ...members.map(({ id, host, role }) => `  server-${id}  ${host}${role === 'observer' ? '  (observer)' : ''}`),
    '',
    'MACHINES WITH SYSTEMD',
    '',
    `1. Node 20.19 or newer as /usr/bin/node, and a compiled clone of Corral in ${installDir}`,
    '   (npm ci && npm run build).',
    `2. Open the ports: ${ports.client} for clients; ${ports.quorum} and ${ports.election} for the other servers`,
    '   and for nobody else, as nothing on them asks for a password.',
    '3. Copy the folder of that machine to it, and there, as root, inside of the folder:',
    '',
    `     useradd --system --home-dir ${dataDir} --shell /usr/sbin/nologin ${user}`,
    `     install -d -o ${user} -g ${user} -m 0750 ${dirs}`,
    ...(plan.reconfig
      ? [
          `     install -d -o ${user} -g ${user} -m 0750 ${confDir}`,
          `     install -o ${user} -g ${user} -m 0640 zoo.cfg ${confDir}/`,
        ]
      : [`     install -d -m 0755 ${confDir}`, `     install -m 0644 zoo.cfg ${confDir}/`]),
    `     install -o ${user} -g ${user} -m 0640 data/myid ${dataDir}/`,
    `     install -o ${user} -g ${user} -m 0640 ${logFolder(plan)}/initialize ${dataLogDir}/`,
    '     install -m 0644 corral.service /etc/systemd/system/',
    '     systemctl daemon-reload && systemctl enable --now corral',
    '',
    '   The file "initialize" says that a new ensemble may begin with an empty directory. Copy it this once and never',
    '   again: a server that has lost its data must not vote as if it had had none. Observers have no such file.',
    '4. When more than half of the voters run:',
    '',
    `     node ${installDir}/packages/cli/bin/corral.js cluster status --server ${first}:${ports.client}`,
    '',
    'KUBERNETES',
    '',
    '1. Build the image in a clone: docker build -t corral -f docker/Dockerfile <clone>, and push it where your',
    '   cluster finds it.',
    '2. Set its name, and size and class of the volumes, in kubernetes/corral.yaml.',
    '3. kubectl apply -f kubernetes/corral.yaml',
    '   The hosts and directories of the machines above do not matter there.',
    '',
    'More: docs/guide/ensemble.md and docs/guide/rolling-restart.md in the clone.',
    '',
  ];
  return lines.join('\n');
}

const observersWords = ({ members, voters }: Plan): string =>
  members.length === voters ? '' : ` and ${count(members.length - voters, 'observer')}`;

function toleranceOf(voters: number): string {
  const members = new Map(
    Array.from({ length: voters }, (_, index) => [
      index + 1,
      { sid: index + 1, addresses: [], role: 'participant' as const },
    ]),
  );
  const { size, survives } = quorumFacts({ version: zxidZero, members });
  return `${size} decide, so it ${survivesWords(survives)}`;
}
