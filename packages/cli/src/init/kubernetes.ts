// The manifests for Kubernetes, one file of several documents. A pod's ordinal gives its id; the volume keeps it. A pod
// is ready when its server is in the quorum and has caught up, and alive as long as its process gets round to its work:
// a server that waits for the others must not be restarted for that.

import { reconfigLines, serverLines, timing } from './machine.ts';
import type { Plan } from './plan.ts';

const name = 'corral';
const peers = `${name}-peers`;
const adminPort = 8080;

/** Grace for handing over leadership and finishing writes, after the seconds that endpoints need to forget a pod. */
const drainSeconds = 5;
const graceSeconds = 60;

type KubernetesPlan = Pick<Plan, 'members' | 'ports' | 'reconfig'>;

export function kubernetesManifest(plan: KubernetesPlan): string {
  const { ports } = plan;
  const documents = [configMap(plan), services(plan), disruptionBudget, networkPolicy(plan), statefulSet(plan)];
  const voters = plan.members.filter(({ role }) => role === 'participant').length;
  return `# ${voters} servers that vote, one per node of the cluster. Before use: set the image, and the size and class of the
# volumes. Clients connect to ${name}:${ports.client}.
${documents.join('---\n')}`;
}

const indented = (lines: readonly string[], spaces: number): string =>
  lines.map((line) => `${' '.repeat(spaces)}${line}\n`).join('');

function configMap(plan: KubernetesPlan): string {
  const members = plan.members.map((member) => ({ ...member, host: `${name}-${member.id - 1}.${peers}` }));
  const lines = [
    'dataDir=/data',
    ...timing,
    '# Probes and metrics come from outside of the pod.',
    'admin.serverAddress=0.0.0.0',
    `admin.serverPort=${adminPort}`,
    ...(plan.reconfig ? reconfigLines : []),
    ...serverLines({ members, ports: plan.ports }),
  ];
  return `apiVersion: v1
kind: ConfigMap
metadata:
  name: ${name}
  labels: { app: ${name} }
data:
  zoo.cfg: |
${indented(lines, 4)}  start.sh: |
${indented(startScript(plan.reconfig), 4)}`;
}

/** The id is the ordinal plus one. A volume that belonged to another id is a mistake nobody may miss. */
function startScript(reconfig: boolean): string[] {
  const config = reconfig ? '/data/conf/zoo.cfg' : '/etc/corral/zoo.cfg';
  return [
    'set -eu',
    'id=$((${POD_NAME##*-} + 1))',
    '[ -f /data/myid ] || echo "$id" > /data/myid',
    'if [ "$(cat /data/myid)" != "$id" ]; then',
    '  echo "the volume belongs to server $(cat /data/myid), this pod is server $id" >&2',
    '  exit 1',
    'fi',
    ...(reconfig
      ? [
          '# The server rewrites its configuration when members change, so it lies on the volume.',
          'mkdir -p /data/conf',
          `[ -f ${config} ] || cp /etc/corral/zoo.cfg ${config}`,
        ]
      : []),
    `exec node /opt/corral/packages/cli/bin/corral.js server ${config}`,
  ];
}

const services = ({ ports }: KubernetesPlan): string => `# For clients: pods that are ready.
apiVersion: v1
kind: Service
metadata:
  name: ${name}
  labels: { app: ${name} }
spec:
  selector: { app: ${name} }
  ports:
    - { name: client, port: ${ports.client} }
---
# For the servers themselves: they must find each other before they are ready.
apiVersion: v1
kind: Service
metadata:
  name: ${peers}
  labels: { app: ${name} }
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector: { app: ${name} }
  ports:
    - { name: client, port: ${ports.client} }
    - { name: quorum, port: ${ports.quorum} }
    - { name: election, port: ${ports.election} }
    - { name: admin, port: ${adminPort} }
`;

const disruptionBudget = `# Nodes are drained one at a time.
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: ${name}
  labels: { app: ${name} }
spec:
  maxUnavailable: 1
  selector:
    matchLabels: { app: ${name} }
`;

const networkPolicy = ({
  ports,
}: KubernetesPlan): string => `# Nobody but the servers themselves speaks on the quorum and election ports.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: ${name}
  labels: { app: ${name} }
spec:
  podSelector:
    matchLabels: { app: ${name} }
  policyTypes: [Ingress]
  ingress:
    - ports:
        - { port: ${ports.client} }
    # Metrics and commands: the servers themselves and Prometheus, wherever it runs. Probes come from the node.
    - from:
        - podSelector:
            matchLabels: { app: ${name} }
        - namespaceSelector: {}
          podSelector:
            matchLabels: { app.kubernetes.io/name: prometheus }
      ports:
        - { port: ${adminPort} }
    - from:
        - podSelector:
            matchLabels: { app: ${name} }
      ports:
        - { port: ${ports.quorum} }
        - { port: ${ports.election} }
`;

function statefulSet({ members, ports }: KubernetesPlan): string {
  return `apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: ${name}
  labels: { app: ${name} }
spec:
  serviceName: ${peers}
  replicas: ${members.length}
  # All at once: the first one could never become ready alone.
  podManagementPolicy: Parallel
  # One at a time, each only when the one before is in the quorum again.
  updateStrategy: { type: RollingUpdate }
  minReadySeconds: 10
  selector:
    matchLabels: { app: ${name} }
  template:
    metadata:
      labels: { app: ${name} }
    spec:
      terminationGracePeriodSeconds: ${graceSeconds}
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        runAsGroup: 1000
        fsGroup: 1000
        fsGroupChangePolicy: OnRootMismatch
        seccompProfile: { type: RuntimeDefault }
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - topologyKey: kubernetes.io/hostname
              labelSelector:
                matchLabels: { app: ${name} }
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: topology.kubernetes.io/zone
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: { app: ${name} }
${container(ports)}      volumes:
        - name: config
          configMap: { name: ${name} }
        - name: tmp
          emptyDir: {}
  volumeClaimTemplates:
    - metadata:
        name: data
      spec:
        accessModes: [ReadWriteOnce]
        resources:
          requests: { storage: 10Gi }
`;
}

const container = (ports: Plan['ports']): string => `      containers:
        - name: ${name}
          image: corral:latest
          command: [sh, /etc/corral/start.sh]
          env:
            - name: POD_NAME
              valueFrom: { fieldRef: { fieldPath: metadata.name } }
          ports:
            - { name: client, containerPort: ${ports.client} }
            - { name: quorum, containerPort: ${ports.quorum} }
            - { name: election, containerPort: ${ports.election} }
            - { name: admin, containerPort: ${adminPort} }
          # Loading a large tree takes its time: five minutes before the process counts as stuck.
          startupProbe:
            httpGet: { path: /livez, port: admin }
            periodSeconds: 5
            failureThreshold: 60
          livenessProbe:
            httpGet: { path: /livez, port: admin }
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          # In the quorum and caught up with the leader.
          readinessProbe:
            httpGet: { path: /readyz, port: admin }
            periodSeconds: 5
            timeoutSeconds: 3
            failureThreshold: 2
          lifecycle:
            preStop:
              exec: { command: [sleep, '${drainSeconds}'] }
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: { drop: [ALL] }
          resources:
            requests: { cpu: 250m, memory: 512Mi }
            limits: { memory: 2Gi }
          volumeMounts:
            - { name: data, mountPath: /data }
            - { name: config, mountPath: /etc/corral, readOnly: true }
            - { name: tmp, mountPath: /tmp }
`;
