// A table for a terminal: columns as wide as their widest cell.

import { harmless, oneLine } from '../terminal.ts';

export function tableText(found: readonly (readonly string[])[]): string {
  const rows = found.map((row) => row.map((cell) => oneLine(harmless(cell))));
  const widths = rows.reduce<number[]>(
    (before, row) => row.map((cell, column) => Math.max(before[column] ?? 0, cell.length)),
    [],
  );
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
