// corral server [verb] [zoo.cfg] [-Dname=value ...]: loaded by main.ts alone, so that nothing but the server starts with it.
// The verbs are those of zkServer.sh, and bring their own code.

import { runServer } from '@corral/server';
import type { Service } from '../service/verbs.ts';
import { printable } from '../terminal.ts';

export async function server({ argv, ...service }: Service): Promise<number> {
  const [verb, ...rest] = argv;
  if (argv.includes('--help') || argv.includes('-h')) return runServer(['--help'], service.context.env);
  switch (verb) {
    case 'start':
    case 'stop':
    case 'restart':
    case 'status':
    case 'print-cmd':
    case 'version':
      return (await import('../service/verbs.ts')).runVerb(verb, {
        ...service,
        context: printable(service.context),
        argv: rest,
      });
    default:
      return runServer(verb === 'start-foreground' ? rest : argv, service.context.env);
  }
}

/** Called as zkServer. */
export async function zkServer(service: Service): Promise<number> {
  const { parseZkServer, zkServerUsage } = await import('../service/zk-server.ts');
  const line = parseZkServer(service.argv, service.context.env);
  if (line !== undefined) return server({ ...service, argv: [line.verb, ...line.argv] });
  service.context.stderr.write(zkServerUsage);
  return 1;
}
