// Host and port as the quorum protocols write them: `host:port`, an IPv6 address in brackets. Used by the election
// port's greeting (notification.ts) and by the lines of a configuration (member.ts).

export interface HostPort {
  /** Name or literal address, without brackets. */
  readonly host: string;
  readonly port: number;
}

// What separates a host from the rest, or cannot be part of one; whether a name exists is not known here.
const nameForm = /^[^\s\p{Cc}:;|=,/\\[\]]+$/u;
const bracketsForm = /^\[([^\s\p{Cc};|=,/\\[\]]+)\](?::(.*))?$/u;

/** Splits at colons, leaving an address in brackets whole; the host comes first. Undefined when there is no host. */
export function splitAtColons(part: string): [host: string, ...rest: string[]] | undefined {
  if (part.startsWith('[')) {
    const [, host, rest] = (bracketsForm.exec(part) ?? []) as (string | undefined)[];
    if (host === undefined) return undefined;
    return rest === undefined ? [host] : [host, ...rest.split(':')];
  }
  const [host, ...rest] = part.split(':');
  return nameForm.test(host) ? [host, ...rest] : undefined;
}

/** Decimal port in range, or undefined. */
export function portOf(digits: string | undefined, least = 1): number | undefined {
  if (digits === undefined || !/^\d{1,5}$/.test(digits)) return undefined;
  const port = Number(digits);
  return port >= least && port <= 65535 ? port : undefined;
}

/** The host as it stands in front of a colon. */
export const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);
