// How values of the table look in help, reference and /commands/system_properties.

import { secretPlaceholder } from './kinds.ts';
import type { Setting } from './setting.ts';

/** A value as it would be written in a file. */
export function valueText(row: Setting<unknown>, value: unknown): string {
  if (row.kind.secret) return secretPlaceholder;
  if (row.kind.name === 'yes/no') return value === true ? 'yes' : 'no';
  return String(value);
}

/** The default in words. */
export function fallbackOf(row: Setting<unknown>): string {
  if (row.fallbackText !== undefined) return row.fallbackText;
  if (row.fallback === undefined) return 'none';
  const text = valueText(row, row.fallback);
  return text === '' ? 'none' : text;
}
