// The text of `corral server --help`, from the table of settings.

import { rows } from './sources.ts';
import { fallbackOf } from './shown.ts';

export function serverHelp(): string {
  const flags = rows.flatMap(([, row]) => (row.flag === undefined ? [] : [{ ...row, flag: row.flag }]));
  const width = Math.max(...flags.map((row) => row.flag.length + row.kind.name.length)) + 5;
  const lines = flags.map((row) => {
    const head = `  ${row.flag} <${row.kind.name}>`.padEnd(width + 1);
    return `${head} ${row.meaning} Default: ${fallbackOf(row)}.`;
  });
  return [
    'Usage: corral server [start|stop|restart|status|start-foreground|print-cmd|version] [options] [zoo.cfg]',
    '',
    'Runs a server in the foreground, or with a verb in the background as zkServer.sh does.',
    'It has the settings of a ZooKeeper configuration file, or with none on port 2181 and ./data.',
    '',
    'Options:',
    `  ${'--config <path>'.padEnd(width - 2)}  The configuration file; the same as naming it without --config.`,
    ...lines,
    `  ${'-D<name>=<value>'.padEnd(width - 2)}  Any setting under its name in the file or as a system property of ZooKeeper.`,
    '',
    'Options count more than -D, -D more than the file. Without a file, the variables of the official ZooKeeper image',
    '(ZOO_DATA_DIR, ZOO_TICK_TIME, ZOO_CFG_EXTRA and so on) are read. All settings: docs/reference/settings.md',
    '',
    'Examples:',
    '  $ corral server zoo.cfg',
    '  $ corral server start zoo.cfg; corral server status zoo.cfg; corral server stop zoo.cfg',
    '  $ corral server --data-dir ./data --client-port 2181',
    '  $ corral server zoo.cfg -D4lw.commands.whitelist=srvr,mntr',
    '',
  ].join('\n');
}
