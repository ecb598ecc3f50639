import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { fakeFacts } from './testing/fake-facts.ts';
import { MetricSet, Metrics, Summary, Counter } from './metrics.ts';
import { monitorEntries, monitorLines, prometheusText } from './metrics-text.ts';

describe('a summary', () => {
  it('keeps count, sum, least and largest, all zero at first', () => {
    const summary = new Summary();
    expect([summary.count, summary.sum, summary.min, summary.max, summary.average, summary.percentile(0.99)]).toEqual([
      0, 0, 0, 0, 0, 0,
    ]);
    for (const value of [4, 1, 7]) summary.record(value);
    expect([summary.count, summary.sum, summary.min, summary.max, summary.average]).toEqual([3, 12, 1, 7, 4]);
  });

  it('answers percentiles that are never too small and at most a sixteenth too large', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(2147483647), { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (values, fraction) => {
          const summary = new Summary();
          for (const value of values) summary.record(value);
          const exact = values.toSorted((a, b) => a - b)[Math.ceil(fraction * values.length) - 1];
          const answered = summary.percentile(fraction);
          expect(answered).toBeGreaterThanOrEqual(exact);
          expect(answered).toBeLessThanOrEqual(exact + exact / 16);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('survives values outside its range', () => {
    const summary = new Summary();
    for (const value of [-5, 2 ** 40, 0.4]) summary.record(value);
    expect(summary.max).toBe(2 ** 40);
    expect(summary.percentile(0.01)).toBe(0);
  });
});

describe('the registry', () => {
  it('hands out the same metric for the same name', () => {
    const metrics = new Metrics();
    metrics.counter('commit_count').add(2);
    expect(metrics.counter('commit_count').value).toBe(2);
    metrics.operation('getData').add(1);
    expect(metrics.counters.get('op_count_get_data')?.value).toBe(1);
  });
  it('puts keys beyond a thousand under one name', () => {
    const set = new MetricSet(() => new Counter());
    for (let key = 0; key < 1500; key++) set.of(`key-${key}`).add(1);
    expect([...set.entries()]).toHaveLength(1001);
    expect(set.of('other').value).toBe(500);
  });
});

describe('the three renderings', () => {
  const facts = fakeFacts();
  facts.metrics.advanced('readlatency').record(3);
  facts.metrics.summarySet('read_per_namespace').of('shop').record(100);
  facts.metrics.counterSet('quota_exceeded_error_per_namespace').of('a"b\\\nc').add(1);

  it('show keyed metrics as Apache names them', () => {
    const names = [...monitorEntries(facts)].map((entry) => entry.name);
    expect(names).toContain('p999_readlatency');
    expect(names).toContain('avg_shop_read_per_namespace');
    expect(names).toContain('shop_quota_count_limit_per_namespace');
    expect(names).not.toContain('quorum_size');
    expect(new Set(names).size).toBe(names.length);
  });

  it('keep one line per metric in mntr whatever clients name their nodes', () => {
    const lines = [...monitorLines(facts)].join('').split('\n');
    expect(lines.every((line) => line === '' || /^zk_[^\t]+\t[^\t]+$/.test(line))).toBe(true);
  });

  it('are valid exposition text for Prometheus', () => {
    const text = prometheusText(facts);
    const sample = /^[a-z_0-9]+(\{([a-z]+="([^"\\\n]|\\\\|\\"|\\n)*",?)+\})? (NaN|-?\d+(\.\d+)?(e[+-]\d+)?)$/;
    for (const line of text.trimEnd().split('\n')) {
      expect(line.startsWith('# ') || sample.test(line), line).toBe(true);
    }
    expect(text).toContain('# TYPE readlatency summary\nreadlatency{quantile="0.5"} 3\n');
    expect(text).toContain('read_per_namespace_sum{key="shop"} 100\n');
    expect(text).toContain('# TYPE commit_count counter\ncommit_count 0\n');
    expect(text).toContain('process_resident_memory_bytes ');
    expect(text.match(/# TYPE znode_count gauge/g)).toHaveLength(1);
  });

  it('print mntr in the form of samples when the Prometheus provider is named', () => {
    const prometheus = fakeFacts();
    const config = { ...prometheus.config, metricsProvider: 'org.example.PrometheusMetricsProvider' };
    const lines = [...monitorLines({ ...prometheus, config })];
    expect(lines).toContain('zk_znode_count\t5.0\n');
    expect(lines).toContain('zk_readlatency{quantile="0.5"}\tNaN\n');
  });
});
