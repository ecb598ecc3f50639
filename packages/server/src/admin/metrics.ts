// Counters and summaries of a running server. The request path holds on to the few it moves (`metrics.counter('…')`
// once, at construction) so that recording is a handful of additions without a look-up or an allocation. Reading:
// metrics-text.ts.

import { opNames } from '@corral/protocol';

import * as table from './metrics-table.ts';
import type {
  AdvancedSummaryName,
  AdvancedSummarySetName,
  CounterName,
  CounterSetName,
  SummaryName,
  SummarySetName,
} from './metrics-table.ts';

export class Counter {
  value = 0;
  add(amount: number): void {
    this.value += amount;
  }
  reset(): void {
    this.value = 0;
  }
}

// Values below 32 have a bucket of their own; above, each power of two is cut into 16, so a percentile is at most
// 1/16 too large. Values are cut at 2^31.
const exactValues = 32;
const stepsPerOctave = 16;
const bucketCount = exactValues + (31 - 5) * stepsPerOctave;

function bucketOf(value: number): number {
  if (!(value >= 0)) return 0;
  if (value >= 2147483648) return bucketCount - 1;
  const whole = value | 0;
  if (whole < exactValues) return whole;
  const octave = 31 - Math.clz32(whole);
  return exactValues + (octave - 5) * stepsPerOctave + ((whole >>> (octave - 4)) & (stepsPerOctave - 1));
}

/** The largest whole number that falls into a bucket. */
function bucketTop(bucket: number): number {
  if (bucket < exactValues) return bucket;
  const octave = Math.floor((bucket - exactValues) / stepsPerOctave) + 5;
  const step = (bucket - exactValues) % stepsPerOctave;
  return (stepsPerOctave + step + 1) * 2 ** (octave - 4) - 1;
}

/**
 * Count, sum, least, largest and percentiles of whole numbers. The buckets are allocated with the first value, as most
 * summaries never get one.
 */
export class Summary {
  count = 0;
  sum = 0;
  #min = Infinity;
  #max = -Infinity;
  #buckets: Uint32Array | undefined;

  record(value: number): void {
    this.count++;
    this.sum += value;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
    this.#buckets ??= new Uint32Array(bucketCount);
    const bucket = bucketOf(value);
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
  }
  get min(): number {
    return this.count === 0 ? 0 : this.#min;
  }
  get max(): number {
    return this.count === 0 ? 0 : this.#max;
  }
  get average(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }
  /** The value that `fraction` of all recorded values do not exceed. */
  percentile(fraction: number): number {
    if (this.#buckets === undefined || this.count === 0) return 0;
    let left = Math.ceil(fraction * this.count);
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      left -= this.#buckets[bucket] ?? 0;
      if (left <= 0) return Math.min(bucketTop(bucket), this.max);
    }
    return this.max;
  }
  reset(): void {
    this.count = 0;
    this.sum = 0;
    this.#min = Infinity;
    this.#max = -Infinity;
    this.#buckets?.fill(0);
  }
}

interface Resettable {
  reset(): void;
}

/** Keys beyond this share the key `other`, so that clients cannot make a server keep a counter per path. */
const keysPerSetMax = 1000;
const overflowKey = 'other';

/** Metrics of one name told apart by a key. */
export class MetricSet<M extends Resettable> {
  readonly #members = new Map<string, M>();
  readonly #make: () => M;
  constructor(make: () => M) {
    this.#make = make;
  }
  of(key: string): M {
    const known = this.#members.get(key);
    if (known !== undefined) return known;
    if (this.#members.size >= keysPerSetMax && key !== overflowKey) return this.of(overflowKey);
    const made = this.#make();
    this.#members.set(key, made);
    return made;
  }
  entries(): IterableIterator<[string, M]> {
    return this.#members.entries();
  }
  reset(): void {
    this.#members.clear();
  }
}

const mapOf = <M>(names: object, make: () => M): ReadonlyMap<string, M> =>
  new Map(Object.keys(names).map((name) => [name, make()]));

function known<M>(map: ReadonlyMap<string, M>, name: string): M {
  const metric = map.get(name);
  if (metric === undefined) throw new Error(`no such metric: ${name}`);
  return metric;
}

export class Metrics {
  readonly counters = mapOf(
    { ...table.counters, ...Object.fromEntries(opNames.map((name) => [table.operationCounter(name), ''])) },
    () => new Counter(),
  );
  readonly counterSets = mapOf(table.counterSets, () => new MetricSet(() => new Counter()));
  readonly summaries = mapOf(table.summaries, () => new Summary());
  readonly summarySets = mapOf(table.summarySets, () => new MetricSet(() => new Summary()));
  readonly advancedSummaries = mapOf(table.advancedSummaries, () => new Summary());
  readonly advancedSummarySets = mapOf(table.advancedSummarySets, () => new MetricSet(() => new Summary()));

  counter(name: CounterName): Counter {
    return known(this.counters, name);
  }
  /** The counter of one operation; the names are those of the operation table. */
  operation(name: (typeof opNames)[number]): Counter {
    return known(this.counters, table.operationCounter(name));
  }
  counterSet(name: CounterSetName): MetricSet<Counter> {
    return known(this.counterSets, name);
  }
  summary(name: SummaryName): Summary {
    return known(this.summaries, name);
  }
  summarySet(name: SummarySetName): MetricSet<Summary> {
    return known(this.summarySets, name);
  }
  advanced(name: AdvancedSummaryName): Summary {
    return known(this.advancedSummaries, name);
  }
  advancedSet(name: AdvancedSummarySetName): MetricSet<Summary> {
    return known(this.advancedSummarySets, name);
  }

  /** What the word srst does: every counter and summary starts again. */
  reset(): void {
    const all = [
      this.counters,
      this.counterSets,
      this.summaries,
      this.summarySets,
      this.advancedSummaries,
      this.advancedSummarySets,
    ];
    for (const map of all) for (const metric of map.values()) metric.reset();
  }
}
