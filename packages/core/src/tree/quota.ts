// Quotas: limits that administrators write below /zookeeper/quota, and usage that every replica keeps there by itself.
// Only the deepest quota above a node counts. Hard limits refuse, soft limits only warn.

import { errorCodes, quotaLimitsName, quotaStatsName, systemPaths } from '@corral/protocol';

export interface QuotaLimits {
  readonly count: number;
  readonly bytes: number;
  readonly countHard: number;
  readonly bytesHard: number;
}

export interface Quota {
  /** Subtree it applies to. */
  readonly path: string;
  /** Undefined while the limits node is missing. */
  limits: QuotaLimits | 'malformed' | undefined;
  /** Index of the statistics node, -1 while it is missing: nothing is enforced then. */
  statsNode: number;
  count: number;
  bytes: number;
  /** Whether usage is beyond a limit that only warns. */
  isExceeded: boolean;
  /** Changes that it did not let pass. */
  refusals: number;
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

/** Parses `count=1,bytes=2=;byteHardLimit=3;countHardLimit=4`: missing keys and -1 mean no limit. */
export function parseLimits(text: string): QuotaLimits | 'malformed' {
  const values = new Map<string, number>();
  for (const part of text.split(/[,;]+/)) {
    const [key, value] = part.split('=');
    if (part === '' && text !== '') continue;
    if (key === undefined || value === undefined || !/^[+-]?\d{1,18}$/.test(value)) return 'malformed';
    values.set(key, Number(value));
  }
  const of = (key: string): number => values.get(key) ?? -1;
  return { count: of('count'), bytes: of('bytes'), countHard: of('countHardLimit'), bytesHard: of('byteHardLimit') };
}

/** A hard limit takes the place of the soft one of its kind. */
export function exceedsSoftLimit({ limits, count, bytes }: Quota): boolean {
  if (limits === undefined || limits === 'malformed') return false;
  const tooMany = limits.countHard < 0 && limits.count > -1 && count > limits.count;
  return tooMany || (limits.bytesHard < 0 && limits.bytes > -1 && bytes > limits.bytes);
}

export const formatUsage = (quota: Quota): string => `count=${quota.count},bytes=${quota.bytes}`;

export class QuotaBook {
  readonly #byPath = new Map<string, Quota>();

  get size(): number {
    return this.#byPath.size;
  }

  all(): Iterable<Quota> {
    return this.#byPath.values();
  }

  /** The quota of exactly this path, made when missing. */
  at(path: string): Quota {
    let quota = this.#byPath.get(path);
    if (quota === undefined) {
      quota = { path, limits: undefined, statsNode: -1, count: 0, bytes: 0, isExceeded: false, refusals: 0 };
      this.#byPath.set(path, quota);
    }
    return quota;
  }

  /** Forgets a quota of which neither node is left. */
  dropIfEmpty(quota: Quota): void {
    if (quota.limits === undefined && quota.statsNode < 0) this.#byPath.delete(quota.path);
  }

  /** The deepest quota with limits that covers path. */
  covering(path: string): Quota | undefined {
    if (this.#byPath.size === 0) return undefined;
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
      const quota = this.#byPath.get(path.slice(0, end));
      if (quota?.limits !== undefined) return quota;
    }
    return undefined;
  }

  /** Error code of a change that adds so much below path; 0 when it may go on. */
  check(path: string, countAdded: number, bytesAdded: number): number {
    const quota = this.covering(path);
    if (quota?.limits === undefined || quota.statsNode < 0) return 0;
    if (quota.limits === 'malformed') return errorCodes.MarshallingError;
    const { countHard, bytesHard } = quota.limits;
    const isOver =
      (countAdded > 0 && countHard > -1 && quota.count + countAdded > countHard) ||
      (bytesAdded !== 0 && bytesHard > -1 && quota.bytes + bytesAdded > bytesHard);
    if (!isOver) return 0;
    quota.refusals++;
    return errorCodes.QuotaExceeded;
  }
}
