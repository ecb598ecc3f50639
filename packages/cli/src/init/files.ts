// Everything `corral init` writes, and the examples in the folder deploy, from the same templates.

import { dockerfile, dockerignore } from './container.ts';
import { kubernetesManifest } from './kubernetes.ts';
import { machineFiles, systemdUnit } from './machine.ts';
import type { Files } from './machine.ts';
import { makePlan } from './plan.ts';
import type { Plan } from './plan.ts';
import { readme } from './readme.ts';

export function ensembleFiles(plan: Plan): Files {
  return new Map([
    ['README.txt', readme(plan)],
    ...plan.members.flatMap((member) => [...machineFiles(plan, member)]),
    ['docker/Dockerfile', dockerfile],
    ['docker/Dockerfile.dockerignore', dockerignore],
    ['kubernetes/corral.yaml', kubernetesManifest(plan)],
  ]);
}

/** The folder deploy of the repository: what the defaults lead to. A test keeps it in step. */
export function deployFiles(): Files {
  const plan = makePlan({
    ensemble: '3',
    observers: '0',
    clientPort: '2181',
    quorumPort: '2888',
    electionPort: '3888',
    dataDir: '/var/lib/corral',
    confDir: '/etc/corral',
    installDir: '/opt/corral',
    user: 'corral',
  });
  return new Map([
    ['Dockerfile', dockerfile],
    ['Dockerfile.dockerignore', dockerignore],
    ['systemd/corral.service', systemdUnit(plan)],
    ['kubernetes/corral.yaml', kubernetesManifest(plan)],
  ]);
}
