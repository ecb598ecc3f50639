// How long to wait between rounds over all servers: exponential with full jitter, so that a thousand clients that lost
// the same server do not come back in step.

/** Milliseconds to wait before round `attempt` (from 0), or null to give up. */
export type RetryDelay = (attempt: number, random: () => number) => number | null;

const firstMs = 50;
const capMs = 5000;

/** Waits at random up to a limit that doubles with every round. */
export const exponentialBackoff: RetryDelay = (attempt, random) => random() * Math.min(capMs, firstMs * 2 ** attempt);
