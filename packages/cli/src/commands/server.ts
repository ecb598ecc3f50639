// corral server [zoo.cfg] [-Dname=value ...]: loaded by main.ts alone, so that nothing but the server starts with it.

import { runServer } from '@corral/server';

export const server = (argv: string[], env: NodeJS.ProcessEnv): Promise<number> => runServer(argv, env);
