// What `envi`, /commands/environment and /commands/system_properties say about the process. The keys are those of the
// Java server, because tools read them by name; the values are the nearest true thing of Node.

import { homedir, hostname, release, tmpdir, type, userInfo } from 'node:os';
import { dirname } from 'node:path';
import { getHeapStatistics } from 'node:v8';

import { settings } from '../config/settings.ts';
import type { SettingName } from '../config/settings.ts';
import { valueText } from '../config/shown.ts';
import type { Setting } from '../config/setting.ts';
import type { ServerFacts } from './facts.ts';

/** Keys and values in Apache's order. */
export function environment(facts: Pick<ServerFacts, 'version'>): [string, string][] {
  const heap = getHeapStatistics();
  const megabytes = (bytes: number): string => `${Math.floor(bytes / 1048576)}MB`;
  return [
    ['zookeeper.version', facts.version],
    ['host.name', hostname()],
    ['java.version', process.versions.node],
    ['java.vendor', 'Node.js'],
    ['java.home', dirname(dirname(process.execPath))],
    ['java.class.path', process.argv[1] ?? ''],
    ['java.library.path', ''],
    ['java.io.tmpdir', tmpdir()],
    ['java.compiler', `V8 ${process.versions.v8}`],
    ['os.name', type()],
    ['os.arch', process.arch],
    ['os.version', release()],
    ['user.name', userName()],
    ['user.home', homedir()],
    ['user.dir', process.cwd()],
    ['os.memory.free', megabytes(heap.total_heap_size - heap.used_heap_size)],
    ['os.memory.max', megabytes(heap.heap_size_limit)],
    ['os.memory.total', megabytes(heap.total_heap_size)],
  ];
}

/** A container may run under a user id that has no name; then the id is the name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return String(process.getuid?.() ?? '?');
    throw error;
  }
}

/** The settings that differ from their default under the names of system properties, and the keys above; sorted. */
export function systemProperties(facts: Pick<ServerFacts, 'version' | 'config'>): [string, string][] {
  const properties = environment(facts).filter(([key]) => !key.startsWith('zookeeper.') && key !== 'host.name');
  for (const [name, row] of Object.entries(settings) as [SettingName, Setting<unknown>][]) {
    if (row.from !== 'property' && row.from !== 'plain') continue;
    const value = facts.config[name];
    if (value === undefined || String(value) === String(row.fallback)) continue;
    properties.push([row.from === 'plain' ? row.key : `zookeeper.${row.key}`, valueText(row, value)]);
  }
  return properties.sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
}
