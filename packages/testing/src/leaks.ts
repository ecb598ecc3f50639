// What a test leaves behind: sessions nobody closed, their ephemerals, and watches.

import type { SessionFacts, WatcherFacts } from './inspect.ts';

/** What a test has left behind. */
export interface LeakReport {
  readonly sessions: readonly SessionFacts[];
  readonly watchers: readonly WatcherFacts[];
}

/** What happens to a report that is not empty when the server is disposed of. */
export type LeakPolicy = 'warn' | 'throw' | 'ignore' | ((report: LeakReport) => void);

/** Undefined when there is nothing to say. */
export function describeLeaks({ sessions, watchers }: LeakReport): string | undefined {
  if (sessions.length === 0) return undefined;
  const lines = sessions.map(({ id, isConnected, ephemerals }) => {
    const watched = watchers.filter(({ session }) => session === id).map(({ path }) => path);
    return [
      `  session 0x${id.toString(16)} ${isConnected ? 'is connected' : 'has no connection'}`,
      ...(ephemerals.length > 0 ? [`    ephemerals: ${ephemerals.join(', ')}`] : []),
      ...(watched.length > 0 ? [`    watches: ${watched.join(', ')}`] : []),
    ].join('\n');
  });
  return `the test ends with ${sessions.length} open session(s); close clients, or \`await using\` them:\n${lines.join('\n')}`;
}
