// Where things are in a simulated ensemble.

export const clientPort = 2181;
export const electionPort = 3888;
export const quorumPort = 2888;
/** All files of a server. */
export const dataDir = '/data';

/** The configuration in force, and the one that was proposed. */
export const configFile = (which: 'active' | 'next'): string => `${dataDir}/config.${which}`;

/** Server 3 has the address 10.0.0.3 and, in what people read, the name C. */
export const hostOf = (sid: number): string => `10.0.0.${sid}`;
export const sidOfHost = (host: string): number => Number(host.slice(host.lastIndexOf('.') + 1));
export const nameOf = (sid: number): string => String.fromCharCode(0x40 + sid);
export const sidOfName = (name: string): number => name.charCodeAt(0) - 0x40;
