// Asks the servers of the command line, and those that they name, how they are.

import { parseAddress } from '@corral/client';
import type { Context } from '../context.ts';
import type { GlobalOptions } from '../with-client.ts';
import type { Address, Endpoint } from '@corral/client';
import { askAdmin, askServer, fourLetterWord } from './ask.ts';
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
  const { seen, config } = await collect(address, {
    ask: (endpoint) => (adminPort === undefined ? askServer(endpoint, askMs) : askAdmin(endpoint, adminPort, askMs)),
    async readConfig(endpoints) {
      try {
        return (await withSession(address, endpoints, timeout, (client) => client.getConfig({ timeout }))).config;
      } catch (error) {
        context.stderr.write(`the configuration could not be read: ${(error as Error).message}\n`);
        return null;
      }
    },
    identify: (endpoint) => whoIs(address, endpoint, askMs),
  });
  return clusterStatus(seen, config);
}

/** The word `conf` says it where it is allowed; the id of a session says the last byte of it everywhere. */
async function whoIs(
  address: Address,
  endpoint: Endpoint,
  askMs: number,
): Promise<{ value: number; isWhole: boolean } | null> {
  const conf = await fourLetterWord('conf', endpoint, askMs).catch(() => '');
  const told = /^serverId=(\d+)$/m.exec(conf)?.[1];
  if (told !== undefined) return { value: Number(told), isWhole: true };
  return withSession(address, [endpoint], askMs, ({ session }) => {
    const id = session === null ? null : Number(BigInt.asUintN(64, session.id) >> 56n);
    return Promise.resolve(id === null ? null : { value: id, isWhole: false });
  }).catch(() => null);
}
