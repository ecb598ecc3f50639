// Asks every AdminServer what it remembers of one write.

import { parseAddress } from '@corral/client';
import type { GlobalOptions } from '../with-client.ts';
import { adminAddresses, askCommand } from './admin.ts';
import type { Heard } from './admin.ts';
import { bestAnswer } from './decision.ts';
import type { DecisionAnswer } from './decision.ts';
import { askMsMax } from './survey.ts';

export async function askDecision(
  zxid: string,
  admin: string | undefined,
  { server, timeout }: Pick<GlobalOptions, 'server' | 'timeout'>,
): Promise<{ heard: Heard[]; best: DecisionAnswer | null }> {
  const endpoints = adminAddresses(admin, parseAddress(server));
  const askMs = Math.min(timeout, askMsMax);
  const heard = await Promise.all(endpoints.map((one) => askCommand(one, `decision?zxid=${zxid}`, askMs)));
  return { heard, best: bestAnswer(heard) };
}
