// What a command of the scenario language is, and the words that several of them share.

import { packetTypes } from '@corral/protocol';
import type { PacketName } from '@corral/protocol';
import { sidOfName } from '../places.ts';
import type { Stage } from './stage.ts';

/** The named groups of a command's pattern; those that were not written are undefined. */
export type Words = Readonly<Record<string, string | undefined>>;

export interface Command {
  /** How it is written, for messages and the guide. */
  readonly usage: string;
  readonly pattern: RegExp;
  /** What is wrong with the words, before anything runs. */
  readonly check?: (words: Words) => string | undefined;
  readonly act: (stage: Stage, words: Words) => void;
}

export const server = '[A-I]';
export const servers = '[A-I]+(?: [A-I]+)*|all';
export const time = '[0-9]+m?s';

/** Builds a pattern from its parts; spaces are exactly one. */
export const exactly = (source: string): RegExp => new RegExp(`^${source}$`);

export function msOf(text: string): number {
  return text.endsWith('ms') ? Number(text.slice(0, -2)) : 1000 * Number(text.slice(0, -1));
}

const names = new Map(
  (Object.keys(packetTypes) as (PacketName | 'notification')[]).concat('notification').map((n) => [n.toUpperCase(), n]),
);

export function packetOf(word: string | undefined): PacketName | 'notification' {
  return names.get(word ?? '') ?? 'notification';
}

export function checkPacket({ packet }: Words): string | undefined {
  if (packet === undefined || names.has(packet)) return undefined;
  return `there is no packet ${packet}; there are ${[...names.keys()].sort().join(', ')}`;
}

/** Path of a key: `x` stands for `/x`. */
export const pathOf = (key: string): string => (key.startsWith('/') ? key : `/${key}`);

/** A server's number, or undefined for `*`. */
export const sidOf = (word: string | undefined): number | undefined =>
  word === undefined || word === '*' ? undefined : sidOfName(word);
