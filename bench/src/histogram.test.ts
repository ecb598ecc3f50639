import { describe, expect, test } from 'vitest';
import { Histogram } from './histogram.ts';

describe('histogram', () => {
  test('is exact below 128', () => {
    const histogram = new Histogram();
    for (let value = 1; value <= 100; value++) histogram.record(value);
    expect([histogram.percentile(50), histogram.percentile(99), histogram.percentile(100)]).toEqual([50, 99, 100]);
  });

  test('is right within 1.6 % everywhere else', () => {
    for (let value = 128; value < 2 ** 31; value = Math.ceil(value * 1.37)) {
      const histogram = new Histogram();
      histogram.record(value);
      histogram.record(0x7fffffff);
      expect(Math.abs(histogram.percentile(50) - value) / value).toBeLessThan(0.016);
    }
  });

  test('keeps the maximum exactly and takes values of any size', () => {
    const histogram = new Histogram();
    histogram.record(-5);
    histogram.record(123_457);
    expect(histogram.max).toBe(123_457);
    histogram.record(1e12);
    expect(histogram.max).toBe(0x7fffffff);
    expect(histogram.total).toBe(3);
  });

  test('forgets everything on reset', () => {
    const histogram = new Histogram();
    histogram.record(7);
    histogram.reset();
    expect([histogram.total, histogram.max, histogram.percentile(99)]).toEqual([0, 0, 0]);
  });
});
