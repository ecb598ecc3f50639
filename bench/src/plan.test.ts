import { describe, expect, test } from 'vitest';
import { planOf, usage } from './plan.ts';

describe('command line', () => {
  test('without arguments measures one server of each kind and writes the page', () => {
    const plan = planOf([])!;
    expect([plan.suite.servers, plan.rounds, plan.kinds, plan.kills]).toEqual([1, 3, ['corral', 'apache'], 0]);
    expect(plan.out).toMatch(/docs\/benchmarks\.md$/);
    expect(plan.cases.map(({ name }) => name)).toContain('watch fan-out 64x8');
  });

  test('with --ensemble measures so many servers of each kind, and fail-over, by the targets of an ensemble', () => {
    const plan = planOf(['--ensemble', '3'])!;
    expect([plan.suite.servers, plan.kills, plan.life]).toEqual([3, 5, true]);
    expect(plan.out).toMatch(/docs\/benchmarks\.md$/);
    const targets = plan.cases.map(({ name, target }) => `${name} ${target}`);
    expect(targets).toEqual([
      'get 64x16 2',
      'mix 90/10 64x16 2.5',
      'connect+close 64x1 2',
      'set 1x1 1.3',
      'set 64x1 1.5',
      'set 64x16 2',
      'multi of 10 64x4 1.5',
      'create 64x16 2',
    ]);
    expect(plan.suite.limits).toEqual({ p99: 0.7, cpuPerOp: 0.5 });
  });

  test('refuses ensembles that cannot lose one, sizes between, and what is no number', () => {
    for (const size of ['1', '2', '4', '9', 'three', '3.0', '']) {
      expect(() => planOf(['--ensemble', size])).toThrow('an ensemble to measure has 3, 5, 7 servers');
    }
    expect(() => planOf(['--ensemble', '3', '--kills', '0'])).toThrow('0 is not a number above zero');
  });

  test('measures only what is asked for, and then leaves the page alone', () => {
    const plan = planOf(['--ensemble', '3', '--only', 'failover,set 1x1', '--kills', '7'])!;
    expect(plan.cases.map(({ name }) => name)).toEqual(['set 1x1']);
    expect([plan.life, plan.kills, plan.out]).toEqual([false, 7, undefined]);
  });

  test('knows fail-over only of an ensemble', () => {
    expect(() => planOf(['--only', 'failover'])).toThrow('nothing is called failover');
    expect(planOf(['--ensemble', '3', '--only', 'failover'])?.kills).toBe(5);
  });

  test('names every option it takes in its help', () => {
    expect(planOf(['--help', '--ensemble', '3'])).toBeUndefined();
    for (const option of ['ensemble', 'rounds', 'only', 'quick', 'kills', 'znodes', 'ceiling', 'out', 'json', 'help']) {
      expect(usage).toContain(`--${option}`);
    }
  });
});
