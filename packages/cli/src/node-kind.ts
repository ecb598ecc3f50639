// What a client can tell of a node's kind. Servers hide whether a node that outlives its session is a container or has a
// TTL: both look persistent.

import type { Stat } from '@corral/client';
import { hex } from './output.ts';

export const isEphemeral = ({ ephemeralOwner }: Stat): boolean => ephemeralOwner !== 0n;

/** For a listing; nothing for the usual kind. */
export const kindText = (stat: Stat): string => (isEphemeral(stat) ? `ephemeral of ${hex(stat.ephemeralOwner)}` : '');
