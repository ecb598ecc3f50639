// What Corral makes of a configuration, key by key, without starting anything: for those who come from ZooKeeper.

import { ConfigError, loadConfig } from './load.ts';
import type { LoadedConfig } from './load.ts';
import { valueText } from './shown.ts';
import { rows } from './sources.ts';

export interface Reviewed {
  /** `ok` is used as written, `note` is not used or used differently, with a `problem` a server does not start. */
  readonly level: 'ok' | 'note' | 'problem';
  readonly text: string;
}

export function reviewConfig(input: Parameters<typeof loadConfig>[0]): Reviewed[] {
  try {
    return reviewed(loadConfig(input));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((text) => ({ level: 'problem', text }));
  }
}

function reviewed({ config, sources, ignored, notices, ensemble }: LoadedConfig): Reviewed[] {
  const used = rows
    .filter(([name]) => sources[name] !== 'default')
    .map(([name, row]) => `${sources[name]}: ${row.key}=${valueText(row, config[name])}`);
  const members = ensemble === undefined ? [] : [`server.N: member ${ensemble.sid} of ${ensemble.config.members.size}`];
  return [
    ...[...used, ...members].map((text): Reviewed => ({ level: 'ok', text })),
    ...ignored.map(({ key, reason }): Reviewed => ({ level: 'note', text: `${key} has no effect: ${reason}` })),
    ...notices.map((text): Reviewed => ({ level: 'note', text })),
  ];
}
