// What `corral init` is asked to set up, checked before a file is written.

import { UsageError } from '../exit-codes.ts';

export interface InitOptions {
  readonly ensemble: string;
  readonly observers: string;
  readonly hosts?: string;
  readonly clientPort: string;
  readonly quorumPort: string;
  readonly electionPort: string;
  readonly dataDir: string;
  readonly dataLogDir?: string;
  readonly confDir: string;
  readonly installDir: string;
  readonly user: string;
  readonly reconfig?: boolean;
}

export interface Ports {
  readonly client: number;
  readonly quorum: number;
  readonly election: number;
}

export interface PlannedMember {
  readonly id: number;
  readonly host: string;
  readonly role: 'participant' | 'observer';
}

export interface Plan {
  readonly members: readonly PlannedMember[];
  readonly voters: number;
  readonly ports: Ports;
  readonly dataDir: string;
  /** The same as dataDir unless the logs go elsewhere. */
  readonly dataLogDir: string;
  readonly confDir: string;
  readonly installDir: string;
  readonly user: string;
  /** Members may be changed while the ensemble runs; the server rewrites its configuration then. */
  readonly reconfig: boolean;
  /** The hosts were not given: the names in the files have to be replaced. */
  readonly hostsAreInvented: boolean;
}

const membersMax = 99;

/** Throws UsageError with what to change. */
export function makePlan(options: InitOptions): Plan {
  const voters = parseCount(options.ensemble, '--ensemble', 1);
  const observers = parseCount(options.observers, '--observers', 0);
  if (voters + observers > membersMax) throw new UsageError(`more than ${membersMax} servers make no ensemble`);
  if (voters === 1) {
    throw new UsageError(
      'an ensemble of one survives nothing: use 3, or 5; a single server needs no init, see corral server --help',
    );
  }
  const hosts = hostsOf(options.hosts, voters + observers);
  const dataDir = absolute(options.dataDir, '--data-dir');
  return {
    members: hosts.map((host, index) => ({ id: index + 1, host, role: index < voters ? 'participant' : 'observer' })),
    voters,
    ports: portsOf(options),
    dataDir,
    dataLogDir: options.dataLogDir === undefined ? dataDir : absolute(options.dataLogDir, '--data-log-dir'),
    confDir: absolute(options.confDir, '--conf-dir'),
    installDir: absolute(options.installDir, '--install-dir'),
    user: userName(options.user),
    reconfig: options.reconfig === true,
    hostsAreInvented: options.hosts === undefined,
  };
}

function parseCount(text: string, flag: string, min: number): number {
  const value = /^\d{1,3}$/.test(text) ? Number(text) : -1;
  if (value < min) throw new UsageError(`${flag} ${text}: expected a number from ${min} up`);
  return value;
}

function hostsOf(text: string | undefined, wanted: number): string[] {
  if (text === undefined) return Array.from({ length: wanted }, (_, index) => `corral-${index + 1}`);
  const hosts = text.split(',').map((host) => host.trim());
  if (hosts.length !== wanted) {
    throw new UsageError(`--hosts names ${hosts.length}, but there are ${wanted} servers, observers included`);
  }
  for (const host of hosts) checkHost(host);
  const twice = hosts.find((host, index) => hosts.indexOf(host) !== index);
  if (twice !== undefined) {
    throw new UsageError(`--hosts: ${twice} is there twice: members on one machine fail together`);
  }
  return hosts.map((host) => host.replace(/^\[(.*)\]$/, '$1'));
}

const namePattern =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/i;
const ipv6Pattern = /^\[[0-9a-f:.]+(%[a-z0-9]+)?\]$/i;

function checkHost(host: string): void {
  if (ipv6Pattern.test(host)) return;
  if (host.includes(':')) {
    throw new UsageError(`--hosts: "${host}": write names without ports, IPv6 addresses in brackets`);
  }
  if (!namePattern.test(host)) throw new UsageError(`--hosts: "${host}" is neither a host name nor an address`);
  if (/^(localhost|127\..*)$/i.test(host)) {
    throw new UsageError(
      `--hosts: the other machines cannot reach ${host}; for one machine there is: npm run ensemble`,
    );
  }
  if (/^[\d.]+$/.test(host) && !isIpv4(host)) throw new UsageError(`--hosts: "${host}" is no IPv4 address`);
}

function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
}

function portsOf(options: InitOptions): Ports {
  const port = (text: string, flag: string): number => {
    const value = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    if (value < 1 || value > 65535) throw new UsageError(`${flag} ${text}: expected a port from 1 to 65535`);
    return value;
  };
  const client = port(options.clientPort, '--client-port');
  const quorum = port(options.quorumPort, '--quorum-port');
  const election = port(options.electionPort, '--election-port');
  if (new Set([client, quorum, election]).size < 3)
    throw new UsageError('client, quorum and election port must differ');
  return { client, quorum, election };
}

/** Paths end up in unit files and shell commands: no spaces, no quotes. */
function absolute(path: string, flag: string): string {
  if (!/^\/[A-Za-z0-9._/-]+$/.test(path)) {
    throw new UsageError(`${flag} ${path}: expected an absolute path of letters, digits, and . _ - /`);
  }
  return path.replace(/\/+$/, '');
}

function userName(name: string): string {
  if (/^[a-z_][a-z0-9_-]{0,30}$/.test(name) && name !== 'root') return name;
  throw new UsageError(`--user ${name}: expected the name of a user other than root`);
}
