// Asks every AdminServer what it remembers of one write.

import { parseAddress } from '@corral/client';
import type { Address, Endpoint } from '@corral/client';
import type { GlobalOptions } from '../with-client.ts';
import { adminAddresses, askCommand } from './admin.ts';
import type { Heard } from './admin.ts';
import { withSession } from './connection.ts';
import { bestAnswer } from './decision.ts';
import type { DecisionAnswer } from './decision.ts';
import { askMsMax } from './survey.ts';

export async function askDecision(
  zxid: string,
  admin: string | undefined,
  { server, timeout }: Pick<GlobalOptions, 'server' | 'timeout'>,
): Promise<{ heard: Heard[]; best: DecisionAnswer | null }> {
  const address = parseAddress(server);
  const askMs = Math.min(timeout, askMsMax);
  const endpoints = adminAddresses(admin, admin === undefined ? await withMembers(address, askMs) : address);
  const heard = await Promise.all(endpoints.map((one) => askCommand(one, `decision?zxid=${zxid}`, askMs)));
  return { heard, best: bestAnswer(heard) };
}

/** Whoever remembers may be a member that the command line does not name. */
async function withMembers(address: Address, askMs: number): Promise<Address> {
  const text = await withSession(address, address.endpoints, askMs, (client) =>
    client.getConfig({ timeout: askMs }),
  ).then(
    ({ config }) => config,
    () => '',
  );
  const { parseEnsembleConfig } = await import('@corral/protocol');
  const members = text === '' ? [] : [...parseEnsembleConfig(text).members.values()];
  const found = members.map(({ addresses }): Endpoint => ({ host: addresses[0].host, port: 0 }));
  return { ...address, endpoints: [...address.endpoints, ...found] };
}
