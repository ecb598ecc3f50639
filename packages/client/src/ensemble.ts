// Who belongs to the ensemble: reading and changing its configuration. The chroot does not apply.

import { systemPaths } from '@corral/protocol';
import { makeCall } from './call.ts';
import type { CallOptions } from './connection.ts';
import { getData } from './reads.ts';
import type { WatchOption } from './reads.ts';
import { toStat, toText } from './results.ts';
import type { Stat } from './results.ts';
import { Root } from './root.ts';
import type { View } from './view.ts';

/** The members of the ensemble, as text in the form of zoo.cfg. */
export interface EnsembleConfiguration {
  readonly config: string;
  readonly stat: Stat;
}

/** What `reconfig` is to change. */
export interface MembershipChange {
  readonly joining?: readonly string[];
  readonly leaving?: readonly string[];
  readonly members?: readonly string[];
  /** Only if the current configuration has this version. */
  readonly fromConfig?: bigint | 'any';
}

export async function getConfig(view: View, options: CallOptions & WatchOption): Promise<EnsembleConfiguration> {
  const { data, stat } = await getData({ ...view, root: new Root('') }, systemPaths.config, options);
  return { config: toText(data), stat };
}

export async function reconfig(
  view: View,
  change: MembershipChange,
  options: CallOptions,
): Promise<EnsembleConfiguration> {
  const { joining, leaving, members, fromConfig = 'any' } = change;
  const call = makeCall('reconfig', {
    request: {
      joiningServers: joining?.join(',') ?? null,
      leavingServers: leaving?.join(',') ?? null,
      newMembers: members?.join(',') ?? null,
      curConfigId: fromConfig === 'any' ? -1n : fromConfig,
    },
    path: null,
    map: ({ data, stat }) => ({ config: toText(data ?? new Uint8Array(0)), stat: toStat(stat) }),
  });
  return await view.connection.submit(call, options);
}
