// A port that is taken is found out before the data directory is touched.

import { createServer } from 'node:net';
import type { Config } from '../config/load.ts';

/** Rejects, as a server that listens would, when the client port cannot be bound. */
export async function checkPortIsFree({
  clientPort = 0,
  clientPortAddress,
}: Pick<Config, 'clientPort' | 'clientPortAddress'>): Promise<void> {
  if (clientPort === 0) return;
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(clientPort, clientPortAddress, () => probe.close(() => resolve()));
  });
}
