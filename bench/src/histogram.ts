// Latencies as counts in log-linear buckets: 64 steps per power of two, so a percentile is right within 1.6 %. Recording
// touches one counter and allocates nothing, since the load generator does it for every reply.

const stepBits = 6;
const valueMax = 0x7fffffff;
const bucketCount = (32 - stepBits) << stepBits;

/** Counts of whole, non-negative values (the benchmarks use microseconds). */
export class Histogram {
  readonly #counts = new Float64Array(bucketCount);
  #total = 0;
  #max = 0;

  record(value: number): void {
    const whole = value > valueMax ? valueMax : value < 0 ? 0 : value | 0;
    this.#counts[bucketOf(whole)]++;
    this.#total++;
    if (whole > this.#max) this.#max = whole;
  }

  reset(): void {
    this.#counts.fill(0);
    this.#total = 0;
    this.#max = 0;
  }

  get total(): number {
    return this.#total;
  }

  get max(): number {
    return this.#max;
  }

  /** The value that `percent` of the recorded ones do not exceed: the middle of its bucket, at most the maximum. */
  percentile(percent: number): number {
    const wanted = Math.ceil((this.#total * percent) / 100);
    let seen = 0;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      seen += this.#counts[bucket];
      if (seen >= wanted && seen > 0) return Math.min(middleOf(bucket), this.#max);
    }
    return 0;
  }
}

function bucketOf(value: number): number {
  const shift = Math.max(0, 31 - Math.clz32(value) - stepBits);
  return (shift << stepBits) + (value >>> shift);
}

function middleOf(bucket: number): number {
  if (bucket < 2 << stepBits) return bucket;
  const shift = (bucket >>> stepBits) - 1;
  return ((bucket - (shift << stepBits)) << shift) + (1 << (shift - 1));
}
