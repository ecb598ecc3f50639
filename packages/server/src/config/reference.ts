// docs/reference/settings.md and docs/reference/metrics.md, written from the tables. `npm run docs` stores them; a test
// fails when the stored pages differ.

import * as metrics from '../admin/metrics-table.ts';
import { ignoredKeys } from './settings-ignored.ts';
import { chapters } from './settings.ts';
import { fallbackOf } from './shown.ts';
import type { Setting, Status } from './setting.ts';

const generated = '<!-- Written by `npm run docs` from the tables in packages/server/src. Do not edit. -->';

const cell = (text: string): string => text.replace(/\|/g, '\\|');
const tableRow = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
const table = (head: readonly string[], body: readonly (readonly string[])[]): string[] => [
  tableRow(head),
  tableRow(head.map(() => '---')),
  ...body.map(tableRow),
];

const statusTexts: Readonly<Record<Status, string>> = {
  honoured: 'yes',
  ensemble: 'in ensembles',
  later: 'not yet',
  refused: 'not yet; setting it stops the start',
};

function writtenAs(row: Setting<unknown>): string {
  switch (row.from) {
    case 'cfg':
      return `\`${row.key}\``;
    case 'property':
      return `\`${row.key}\`, \`-Dzookeeper.${row.key}\``;
    case 'plain':
      return `\`-D${row.key}\` only`;
    case 'start':
      return [row.flag, row.env]
        .filter((name) => name !== undefined)
        .map((name) => `\`${name}\``)
        .join(', ');
  }
}

function settingRow(row: Setting<unknown>): string[] {
  const others = row.from === 'start' ? [] : [row.flag, row.image].filter((name) => name !== undefined);
  const names = [writtenAs(row), ...others.map((name) => `\`${name}\``)].join(', ');
  return [names, fallbackOf(row), row.kind.expects, statusTexts[row.status], row.meaning];
}

export function settingsReference(): string {
  const head = ['written as', 'default', 'value', 'used', 'meaning'];
  const sections = Object.entries(chapters).flatMap(([title, chapter]) => [
    `## ${title}`,
    '',
    ...table(head, (Object.values(chapter) as Setting<unknown>[]).map(settingRow)),
    '',
  ]);
  return [
    generated,
    '',
    '# Settings',
    '',
    'A configuration file is a `zoo.cfg` of ZooKeeper. Keys marked with `-D` are system properties of the Java server: in',
    'the file they are written without `zookeeper.`, on the command line as `-Dzookeeper.name=value`. The names in capitals',
    'are variables of the official Docker image, read only when there is no configuration file. Later sources count more:',
    'image variables, file, `JVMFLAGS` and `SERVER_JVMFLAGS`, `-D`, flags. A value of the wrong form stops the start; a',
    'key without effect is reported in the log.',
    '',
    'A line `server.N=host:quorumPort:electionPort[:role][;[address:]clientPort]` names a member of an ensemble. Two or',
    'more of them, or one with `standaloneEnabled=false`, make this server the member whose number is in the file `myid`.',
    '',
    'A second dialect of image variables is read too (`ZOO_SERVER_ID`, `ZOO_PORT_NUMBER`, `ZOO_ENABLE_ADMIN_SERVER`,',
    '`ZOO_CFG_<key>` and so on). An empty variable counts as not set; one that nobody knows is reported in the log.',
    '',
    ...sections,
    '## Four-letter words',
    '',
    'Without `4lw.commands.whitelist` everyone is answered conf, dirs, envi, hash, isro, mntr, ruok, srvr, stat and wchs;',
    'stat shows other machines only their own connection. cons, crst, dump, gtmk, srst, stmk, wchc and wchp are answered',
    'to callers on the same machine. With it, exactly the words it names are answered, and srvr.',
    '',
    '## Accepted without effect',
    '',
    'Each of them that is set is named in the log at the start. Those that ask for security (`audit.enable=true`,',
    '`requireClientAuthScheme`, `allowSaslFailedClients=false`, an `authProvider` that is not built in) stop the start.',
    'So do throttles of connections and requests (`connection_throttle_tokens`, `request_throttle_max_requests`,',
    '`throttled_op_wait_time`, `largeRequestMaxBytes`, `largeRequestThreshold`): the message names what gives the same',
    'protection here. What only tunes such a throttle has no effect while it is off, as in Apache.',
    '',
    ...table(
      ['key', 'reason'],
      ignoredKeys.map((row) => [`\`${row.key}\``, row.reason]),
    ),
    '',
  ].join('\n');
}

export function metricsReference(): string {
  const section = (title: string, names: Readonly<Record<string, string>>): string[] => [
    `## ${title}`,
    '',
    ...table(
      ['name', 'meaning'],
      Object.entries(names).map(([name, help]) => [`\`${name}\``, help]),
    ),
    '',
  ];
  return [
    generated,
    '',
    '# Metrics',
    '',
    'The names are ZooKeeper’s. They are shown by the word `mntr` (with `zk_` before them), by `/commands/monitor` and by',
    '`/metrics` in the text form of Prometheus. Times are in milliseconds.',
    '',
    ...section('Gauges', metrics.gauges),
    ...section('Gauges of members of an ensemble', metrics.roleGauges),
    ...section('Gauges per first path element', metrics.gaugeSets),
    ...section('Counters', { ...metrics.counters, 'op_count_<operation>': 'Operations of this kind answered.' }),
    ...section('Counters per first path element', metrics.counterSets),
    'A summary is shown as `avg_`, `min_`, `max_`, `cnt_` and `sum_` before its name, in Prometheus as a summary.',
    '',
    ...section('Summaries', metrics.summaries),
    ...section('Summaries per key', metrics.summarySets),
    'These also have `p50_`, `p95_`, `p99_` and `p999_`.',
    '',
    ...section('Summaries with percentiles', metrics.advancedSummaries),
    ...section('Summaries with percentiles per key', metrics.advancedSummarySets),
  ].join('\n');
}
