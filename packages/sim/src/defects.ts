// The names of the defects that a simulation can put back in.

import { knownDefects } from '@corral/core';
import type { Defect } from '@corral/core';

export function parseDefect(name: string): Defect {
  if (Object.hasOwn(knownDefects, name)) return name as Defect;
  throw new TypeError(`no such defect: ${name}; there are ${Object.keys(knownDefects).join(', ')}`);
}
