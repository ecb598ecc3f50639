// The words of quotas: which nodes hold them, and how limits and usage are written there.

import { quotaLimitsName, quotaStatsName, systemPaths } from '@corral/protocol';

export interface QuotaLimits {
  readonly count: number;
  readonly bytes: number;
  readonly countHard: number;
  readonly bytesHard: number;
}

const quotaPrefix = `${systemPaths.quota}/`;

/** `/a/b` and which of the two nodes, for `/zookeeper/quota/a/b/zookeeper_limits`; undefined for any other path. */
export function quotaNodeOf(path: string): { target: string; kind: 'limits' | 'stats' } | undefined {
  if (!path.startsWith(quotaPrefix)) return undefined;
  for (const kind of ['limits', 'stats'] as const) {
    const name = kind === 'limits' ? quotaLimitsName : quotaStatsName;
    if (path.endsWith(`/${name}`)) {
      const target = path.slice(systemPaths.quota.length, -(name.length + 1));
      return target === '' ? undefined : { target, kind };
    }
  }
  return undefined;
}

const longMax = 2n ** 63n - 1n;

/**
 * Parses `count=1,bytes=2=;byteHardLimit=3;countHardLimit=4`: missing keys and -1 mean no limit. What Apache's parser
 * stumbles over is malformed, numbers beyond 64 bits among it.
 */
export function parseLimits(text: string): QuotaLimits | 'malformed' {
  const values = new Map<string, number>();
  const parts = text.split(/[,;]+/);
  if (parts.at(-1) === '') parts.pop();
  for (const part of parts) {
    const [key = '', value = '', ...more] = part.split('=');
    // Nothing between two equals signs stands for no limit.
    const digits = value === '' && more.some((piece) => piece !== '') ? '-1' : value;
    if (!/^[+-]?\d+$/.test(digits)) return 'malformed';
    const number = BigInt(digits.replace('+', ''));
    if (number > longMax || number < -longMax - 1n) return 'malformed';
    values.set(key, Number(number));
  }
  const of = (key: string): number => values.get(key) ?? -1;
  return { count: of('count'), bytes: of('bytes'), countHard: of('countHardLimit'), bytesHard: of('byteHardLimit') };
}
