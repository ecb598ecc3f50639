// Asks the servers of the command line, and those that they name, how they are.

import { parseAddress } from '@corral/client';
import type { Context } from '../context.ts';
import type { GlobalOptions } from '../with-client.ts';
import { askAdmin, askServer } from './ask.ts';
import { collect } from './collect.ts';
import { withSession } from './connection.ts';
import { clusterStatus } from './members.ts';
import type { ClusterStatus } from './members.ts';

/** A server that has not answered by then counts as down, whatever --timeout allows the rest. */
export const askMsMax = 3000;

export async function survey(
  { server, timeout }: Pick<GlobalOptions, 'server' | 'timeout'>,
  context: Context,
  adminPort?: number,
): Promise<ClusterStatus> {
  const address = parseAddress(server);
  const askMs = Math.min(timeout, askMsMax);
  const { seen, config } = await collect(
    address,
    (endpoint) => (adminPort === undefined ? askServer(endpoint, askMs) : askAdmin(endpoint, adminPort, askMs)),
    async (endpoints) => {
      try {
        return (await withSession(address, endpoints, timeout, (client) => client.getConfig({ timeout }))).config;
      } catch (error) {
        context.stderr.write(`the configuration could not be read: ${(error as Error).message}\n`);
        return null;
      }
    },
  );
  return clusterStatus(seen, config);
}
