// Debian's cli_mt (the C client's own shell) against the server. Its answers come asynchronously, hence the waiting.

import { Dialogue } from '../lib/dialogue.mjs';

const program = '/usr/lib/zookeeper/bin/cli_mt';

const script = {
  'create and read': [
    ['create /cmt', /\[\/cmt\]: rc = 0/],
    ['create /cmt', /\[\/cmt\]: rc = -110/],
    ['set /cmt hello', /\/cmt: rc = 0/, /version=1\b/],
    ['get /cmt', /hello/, /version=1\b/],
    ['create /cmt/kid', /rc = 0/],
    ['ls /cmt', /rc = 0/, /kid/],
    ['ls2 /cmt', /rc = 0/, /kid/],
    ['exists /none', /Error -101 for \/none/],
    ['create /none/x', /\[\/none\/x\]: rc = -101/],
    ['delete /cmt', /rc = -111/],
  ],
  'ephemerals and sequences': [
    ['create +e /cmt/e', /\[\/cmt\/e\]: rc = 0/],
    ['create +s /cmt/s-', /name = \/cmt\/s-0000000002/],
    ['create2 +es /cmt/es-', /name = \/cmt\/es-0000000003/, /ephemeralOwner = [1-9-]/],
    ['create +c /cmt/box', /\[\/cmt\/box\]: rc = 0/],
    ['create +t=600000 /cmt/ttl', /\[\/cmt\/ttl\]: rc = 0/],
  ],
  watches: [
    ['wexists /cmt/later', /Error -101 for/],
    ['create /cmt/later', /Watcher CREATED_EVENT state = CONNECTED_STATE for path \/cmt\/later/],
    ['get /cmt', /hello/],
    ['set /cmt again', /Watcher CHANGED_EVENT state = CONNECTED_STATE for path \/cmt/, /version=2\b/],
  ],
  'acl, auth, sync': [['addauth digest kim:pw'], ['set /cmt authenticated', /version=3\b/], ['sync /cmt', /rc = 0/]],
};

export async function cliMt({ server, checks }) {
  const cli = new Dialogue(program, ['-h', server.connectString]);
  try {
    const up = await checks.check('cli_mt: connects', () => cli.say(null, /Got a new session id|session id: 0x/));
    for (const [name, lines] of Object.entries(up ? script : {})) {
      await checks.check(`cli_mt: ${name}`, async () => {
        for (const [line, ...patterns] of lines) await cli.say(line, ...patterns);
      });
    }
    await checks.check('cli_mt: same session after a restart', () => restart(cli, server));
  } finally {
    await cli.end('SIGKILL');
  }
}

async function restart(cli, server) {
  const owner = async () => {
    const text = await cli.say('get /cmt/e', /ephemeralOwner = \S+/);
    return /ephemeralOwner = (-?\d+)/.exec(text)?.[1];
  };
  const before = await owner();
  cli.text = '';
  await server.restart('SIGKILL');
  await cli.hear(/CONNECTED_STATE/, 'reconnect');
  await cli.say('create2 +e /cmt/e2', /rc = 0/, /ephemeralOwner = \S+/);
  const after = await owner();
  if (before === undefined || before !== after) throw new Error(`owner ${before} became ${after}`);
}
