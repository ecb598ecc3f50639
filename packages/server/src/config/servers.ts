// The lines `server.N=…` of a configuration: who the members of an ensemble are. Read by load.ts.

export interface ServerAddress {
  readonly host: string;
  readonly quorumPort: number;
  readonly electionPort: number;
}

export interface ServerSpec {
  readonly id: number;
  readonly addresses: readonly ServerAddress[];
  readonly role: 'participant' | 'observer';
  /** What follows the semicolon: where this member serves clients. */
  readonly client: { readonly host: string | undefined; readonly port: number } | undefined;
}

export const serverSpecForm = 'host:quorumPort:electionPort[:participant|observer][;[address:]clientPort]';

/** The id in a key `server.N`, or undefined when N is no server id. */
export function serverIdOf(key: string): number | undefined {
  const digits = key.slice('server.'.length);
  if (!/^\d{1,3}$/.test(digits)) return undefined;
  const id = Number(digits);
  return id <= 255 ? id : undefined;
}

/** Reads one value of server.N; undefined when it is not of the form. */
export function parseServerSpec(id: number, value: string): ServerSpec | undefined {
  const [members = '', clientText, ...rest] = value.split(';');
  if (rest.length > 0) return undefined;
  const client = clientText === undefined ? undefined : parseClient(clientText.trim());
  if (client === null) return undefined;
  const addresses: ServerAddress[] = [];
  let role: ServerSpec['role'] = 'participant';
  for (const part of members.split('|')) {
    const parsed = parseMember(part.trim());
    if (parsed === undefined) return undefined;
    addresses.push(parsed.address);
    if (parsed.role !== undefined) role = parsed.role;
  }
  return { id, addresses, role, client };
}

function parseMember(part: string): { address: ServerAddress; role: ServerSpec['role'] | undefined } | undefined {
  const pieces = splitHost(part);
  if (pieces === undefined) return undefined;
  const [host, quorum, election, roleText, ...rest] = pieces;
  const quorumPort = portOf(quorum);
  const electionPort = portOf(election);
  if (quorumPort === undefined || electionPort === undefined || rest.length > 0) return undefined;
  const role = roleText?.toLowerCase();
  if (role !== undefined && role !== 'participant' && role !== 'observer') return undefined;
  return { address: { host, quorumPort, electionPort }, role };
}

/** null when the text is no client address. */
function parseClient(clientText: string): ServerSpec['client'] | null {
  const only = portOf(clientText);
  if (only !== undefined) return { host: undefined, port: only };
  const pieces = splitHost(clientText);
  const port = portOf(pieces?.[1]);
  return pieces?.length === 2 && port !== undefined ? { host: pieces[0], port } : null;
}

/** Splits at colons, leaving an IPv6 address in brackets whole; the host comes first and is never empty. */
function splitHost(part: string): [string, ...string[]] | undefined {
  if (part.startsWith('[')) {
    const end = part.indexOf(']:');
    return end < 2 ? undefined : [part.slice(1, end), ...part.slice(end + 2).split(':')];
  }
  const [host = '', ...rest] = part.split(':');
  return host === '' || /\s/.test(host) ? undefined : [host, ...rest];
}

function portOf(digits: string | undefined): number | undefined {
  if (digits === undefined || !/^\d{1,5}$/.test(digits)) return undefined;
  const port = Number(digits);
  return port <= 65535 ? port : undefined;
}
