// A line on the terminal that counts while something long is going on. Elsewhere it says nothing: logs are for results.

import type { Context } from '../context.ts';
import { control } from '../terminal.ts';

export interface Progress {
  readonly count: (done: number) => void;
  readonly end: () => void;
}

const everyMs = 100;
const barWidth = 24;

/** With a total it is a bar. */
export function progress({ stderr }: Context, what: string, total?: number): Progress {
  if (stderr.isTTY !== true) return { count: () => undefined, end: () => undefined };
  let shownAt = 0;
  const show = (done: number): void => {
    const filled = total === undefined || total === 0 ? 0 : Math.round((barWidth * done) / total);
    const bar = total === undefined ? '' : `[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}] `;
    stderr.write(`${control('[G')}${bar}${done}${total === undefined ? '' : `/${total}`} ${what}`);
  };
  return {
    count(done) {
      if (Date.now() - shownAt < everyMs && done !== total) return;
      shownAt = Date.now();
      show(done);
    },
    end: () => void stderr.write(`${control('[G')}${control('[K')}`),
  };
}
