// Gauges about the process rather than the service.

import { readFileSync, readdirSync } from 'node:fs';

/** File descriptors in use and allowed; -1 where the system does not tell. */
export function processGauges(): { open_file_descriptor_count: number; max_file_descriptor_count: number } {
  if (process.platform !== 'linux') return { open_file_descriptor_count: -1, max_file_descriptor_count: -1 };
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  return {
    open_file_descriptor_count: readdirSync('/proc/self/fd').length,
    max_file_descriptor_count: limit === null ? -1 : Number(limit[1]),
  };
}
