// How rows of the table look in help and reference.

import type { Setting } from './setting.ts';

/** The default in words. */
export function fallbackOf(row: Setting<unknown>): string {
  if (row.fallbackText !== undefined) return row.fallbackText;
  if (row.fallback === undefined) return 'none';
  if (row.kind.name === 'yes/no') return row.fallback === true ? 'yes' : 'no';
  return Array.isArray(row.fallback) && row.fallback.length === 0 ? 'none' : String(row.fallback);
}
