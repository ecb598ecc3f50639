// One list of metrics, three renderings: the lines of mntr, the keys of /commands/monitor and the text Prometheus
// scrapes. The last is written here rather than by a library: loading prom-client would keep about 8 MB for what is
// one page.

import { escapeControls } from '../config/escape.ts';
import { gauges, roleGauges } from './metrics-table.ts';
import type { GaugeSetName } from './metrics-table.ts';
import * as table from './metrics-table.ts';
import type { QuotaFact, ServerFacts } from './facts.ts';
import type { Summary } from './metrics.ts';

/** One value of the monitor, in the form of ZooKeeper's default metrics provider. */
export interface MonitorEntry {
  readonly name: string;
  readonly value: number;
  /** Averages are printed with a decimal point even when they are whole. */
  readonly average: boolean;
}

const quotaValues: Readonly<Record<GaugeSetName, (quota: QuotaFact) => number>> = {
  quota_count_limit_per_namespace: (quota) => quota.countLimit,
  quota_bytes_limit_per_namespace: (quota) => quota.bytesLimit,
  quota_count_usage_per_namespace: (quota) => quota.count,
  quota_bytes_usage_per_namespace: (quota) => quota.bytes,
};

const whole = (name: string, value: number): MonitorEntry => ({ name, value, average: false });

/** Apache prints these with a decimal point always. */
const decimalGauges: ReadonlySet<string> = new Set(['avg_latency', 'connection_drop_probability']);

/** All values, gauges first, in the order of the table. */
export function* monitorEntries(facts: ServerFacts): Generator<MonitorEntry> {
  const { metrics } = facts;
  for (const [name, value] of gaugeValues(facts)) yield { name, value, average: decimalGauges.has(name) };
  for (const [name, valueOf] of Object.entries(quotaValues)) {
    for (const quota of facts.quotas()) yield whole(`${quota.namespace}_${name}`, valueOf(quota));
  }
  for (const [name, counter] of metrics.counters) yield whole(name, counter.value);
  for (const [name, set] of metrics.counterSets) {
    for (const [key, counter] of set.entries()) yield whole(`${key}_${name}`, counter.value);
  }
  for (const [name, summary] of metrics.summaries) yield* summaryEntries(name, summary);
  for (const [name, set] of metrics.summarySets) {
    for (const [key, summary] of set.entries()) yield* summaryEntries(`${key}_${name}`, summary);
  }
  for (const [name, summary] of metrics.advancedSummaries) yield* advancedEntries(name, summary);
  for (const [name, set] of metrics.advancedSummarySets) {
    for (const [key, summary] of set.entries()) yield* advancedEntries(`${key}_${name}`, summary);
  }
}

function* gaugeValues(facts: ServerFacts): Generator<[string, number]> {
  const values = facts.gauges();
  for (const name of Object.keys(gauges) as (keyof typeof gauges)[]) yield [name, values[name]];
  const roleValues = facts.roleGauges();
  for (const name of Object.keys(roleGauges) as (keyof typeof roleGauges)[]) {
    const value = roleValues[name];
    if (value !== undefined) yield [name, value];
  }
}

function* summaryEntries(name: string, summary: Summary): Generator<MonitorEntry> {
  yield { name: `avg_${name}`, value: summary.average, average: true };
  yield whole(`min_${name}`, summary.min);
  yield whole(`max_${name}`, summary.max);
  yield whole(`cnt_${name}`, summary.count);
  yield whole(`sum_${name}`, summary.sum);
}

function* advancedEntries(name: string, summary: Summary): Generator<MonitorEntry> {
  yield* summaryEntries(name, summary);
  yield whole(`p50_${name}`, summary.percentile(0.5));
  yield whole(`p95_${name}`, summary.percentile(0.95));
  yield whole(`p99_${name}`, summary.percentile(0.99));
  yield whole(`p999_${name}`, summary.percentile(0.999));
}

/** At most four decimals and at least one, as Java prints the averages. */
export function javaAverage(value: number): string {
  const rounded = Math.round(value * 10000) / 10000;
  return Number.isInteger(rounded) ? `${rounded}.0` : String(rounded);
}

/** The lines of mntr. */
export function* monitorLines(facts: ServerFacts): Generator<string> {
  yield `zk_version\t${facts.version}\n`;
  yield `zk_server_state\t${facts.mode()}\n`;
  const ensemble = facts.ensemble();
  if (ensemble !== undefined) yield `zk_peer_state\t${ensemble.state} - ${ensemble.phase}\n`;
  if (isPrometheusProvider(facts.config.metricsProvider)) {
    for (const sample of samples(facts)) yield `zk_${sample.name}${labelText(sample)}\t${javaDouble(sample.value)}\n`;
    return;
  }
  for (const { name, value, average } of monitorEntries(facts)) {
    yield `zk_${escapeControls(name)}\t${average ? javaAverage(value) : value}\n`;
  }
}

const javaDouble = (value: number): string => (Number.isInteger(value) ? `${value}.0` : String(value));

export const isPrometheusProvider = (className: string): boolean => className.endsWith('PrometheusMetricsProvider');

interface Sample {
  /** Name of the metric that TYPE and HELP are about. */
  readonly family: string;
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'summary';
  readonly help: string;
  readonly labels: readonly (readonly [string, string])[];
  readonly value: number;
}

const helpTexts: Readonly<Record<string, string>> = {
  ...table.gauges,
  ...table.roleGauges,
  ...table.gaugeSets,
  ...table.counters,
  ...table.counterSets,
  ...table.summaries,
  ...table.summarySets,
  ...table.advancedSummaries,
  ...table.advancedSummarySets,
};
const helpOf = (name: string): string => helpTexts[name] ?? 'Operations of this kind answered.';

function sampleOf(name: string, type: 'gauge' | 'counter', value: number, key?: string): Sample {
  return { family: name, name, type, help: helpOf(name), labels: key === undefined ? [] : [['key', key]], value };
}

function* samples(facts: ServerFacts): Generator<Sample> {
  const { metrics } = facts;
  for (const [name, value] of gaugeValues(facts)) yield sampleOf(name, 'gauge', value);
  for (const [name, valueOf] of Object.entries(quotaValues)) {
    for (const quota of facts.quotas()) yield sampleOf(name, 'gauge', valueOf(quota), quota.namespace);
  }
  for (const [name, counter] of metrics.counters) yield sampleOf(name, 'counter', counter.value);
  for (const [name, set] of metrics.counterSets) {
    for (const [key, counter] of set.entries()) yield sampleOf(name, 'counter', counter.value, key);
  }
  for (const [name, summary] of metrics.summaries) yield* summarySamples(name, summary, [0.5]);
  for (const [name, set] of metrics.summarySets) {
    for (const [key, summary] of set.entries()) yield* summarySamples(name, summary, [0.5], key);
  }
  for (const [name, summary] of metrics.advancedSummaries) yield* summarySamples(name, summary, [0.5, 0.9, 0.99]);
  for (const [name, set] of metrics.advancedSummarySets) {
    for (const [key, summary] of set.entries()) yield* summarySamples(name, summary, [0.5, 0.9, 0.99], key);
  }
}

function* summarySamples(name: string, summary: Summary, quantiles: number[], key?: string): Generator<Sample> {
  const labels: Sample['labels'] = key === undefined ? [] : [['key', key]];
  const common = { family: name, type: 'summary' as const, help: helpOf(name) };
  for (const quantile of quantiles) {
    // Prometheus writes NaN for a percentile of nothing; zero would draw a line in a chart.
    const value = summary.count === 0 ? NaN : summary.percentile(quantile);
    yield { ...common, name, labels: [...labels, ['quantile', String(quantile)]], value };
  }
  yield { ...common, name: `${name}_count`, labels, value: summary.count };
  yield { ...common, name: `${name}_sum`, labels, value: summary.sum };
}

function labelText(sample: Sample): string {
  if (sample.labels.length === 0) return '';
  const escaped = (value: string): string => value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
  return `{${sample.labels.map(([name, value]) => `${name}="${escaped(value)}"`).join(',')}}`;
}

export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';

/** The text of /metrics. */
export function prometheusText(facts: ServerFacts): string {
  const lines: string[] = [];
  let family = '';
  const all = facts.config.metricsExportProcess ? [...samples(facts), ...processSamples()] : samples(facts);
  for (const sample of all) {
    if (sample.family !== family) {
      family = sample.family;
      lines.push(`# HELP ${family} ${sample.help}`, `# TYPE ${family} ${sample.type}`);
    }
    lines.push(`${sample.name}${labelText(sample)} ${sample.value}`);
  }
  return `${lines.join('\n')}\n`;
}

/** What the process itself uses, under the names that Prometheus libraries for Node give. */
function processSamples(): Sample[] {
  const memory = process.memoryUsage();
  const cpu = process.cpuUsage();
  const one = (name: string, type: 'gauge' | 'counter', help: string, value: number): Sample => ({
    family: name,
    name,
    type,
    help,
    labels: [],
    value,
  });
  return [
    one('process_cpu_seconds_total', 'counter', 'Processor time used.', (cpu.user + cpu.system) / 1e6),
    one('process_start_time_seconds', 'gauge', 'Start of the process.', Date.now() / 1000 - process.uptime()),
    one('process_resident_memory_bytes', 'gauge', 'Memory of the process.', memory.rss),
    one('nodejs_heap_size_total_bytes', 'gauge', 'Size of the JavaScript heap.', memory.heapTotal),
    one('nodejs_heap_size_used_bytes', 'gauge', 'Used part of the JavaScript heap.', memory.heapUsed),
    one('nodejs_external_memory_bytes', 'gauge', 'Memory outside that heap held by objects.', memory.external),
  ];
}
