// Apache's own zkCli against the server: its commands typed in, its answers read back.

import { apacheClasspath } from './apache.mjs';
import { Dialogue } from './lib/dialogue.mjs';
import { run } from './lib/process.mjs';

const main = 'org.apache.zookeeper.ZooKeeperMain';
const java = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-cp', apacheClasspath(), main];
const prompt = /\[zk: [^\]]*\(CONNECTED\) \d+\]/;

/** A typed line and what must follow it, before the next prompt. */
const script = {
  'create and read': [
    ['create /cli one', /Created \/cli\b/],
    ['create -s /cli/s- x', /Created \/cli\/s-0000000000/],
    ['create -e /cli/e x', /Created \/cli\/e/],
    ['create -s -e /cli/se', /Created \/cli\/se0000000002/],
    ['create -c /cli/box', /Created \/cli\/box/],
    ['create -t 600000 /cli/ttl x', /Created \/cli\/ttl/],
    ['create /cli one', /Node already exists: \/cli/],
    ['get -s /cli', /^one$/m, /cversion = 5/, /dataVersion = 0/, /numChildren = 5/],
    ['get /cli/none', /Node does not exist: \/cli\/none/],
    ['ls -R /cli', /\/cli\/box\s+\/cli\/e\s+\/cli\/s-0000000000\s+\/cli\/se0000000002\s+\/cli\/ttl/],
  ],
  versions: [
    ['set -v 0 /cli two'],
    ['set -v 0 /cli three', /version No is not valid : \/cli/],
    ['set -s /cli three', /dataVersion = 2/],
    ['delete -v 7 /cli/s-0000000000', /version No is not valid/],
    ['delete /cli', /Node not empty: \/cli/],
    ['stat /cli', /dataVersion = 2/, /dataLength = 5/],
  ],
  acls: [
    ['addauth digest gil:pw'],
    ['create /cli/p mine auth::cdrwa', /Created \/cli\/p/],
    ['getAcl -s /cli/p', /'digest,'gil:l8xX2HG3WdWLVbuUdJalKDAVZXg=\s+: cdrwa/, /aclVersion = 0/],
    ['setAcl -v 0 /cli/p world:anyone:r'],
    ['set /cli/p x', /Insufficient permission : \/cli\/p/],
    ['whoami', /digest: gil/, /ip: 127\.0\.0\.1/],
  ],
  'ephemerals, counts, sync': [
    ['getEphemerals /cli', /\[\/cli\/e, \/cli\/se0000000002\]|\[\/cli\/se0000000002, \/cli\/e\]/],
    ['getAllChildrenNumber /cli', /^6$/m],
    ['sync /cli', /Sync is OK/],
    ['config'],
  ],
  quotas: [
    ['setquota -n 10 /cli'],
    ['listquota /cli', /Output quota for \/cli count=10,bytes=-1/, /Output stat for \/cli count=7,bytes=\d+/],
    ['delquota /cli'],
    ['listquota /cli', /quota for \/cli does not exist/],
  ],
  watches: [
    ['get -w /cli', /three/],
    ['set /cli four', /type:NodeDataChanged path:\/cli/],
    ['addWatch -m PERSISTENT /cli'],
    ['create /cli/k', /Created \/cli\/k/, /type:NodeChildrenChanged path:\/cli/],
    ['removewatches /cli', /type:PersistentWatchRemoved path:\/cli/],
  ],
  'delete all': [['setAcl /cli world:anyone:cdrwa'], ['deleteall /cli'], ['ls /', /^\[(?!.*\bcli\b).*zookeeper.*\]/m]],
};

export async function zkCli({ server, checks }) {
  const cli = new Dialogue('java', [...java, '-server', server.connectString]);
  try {
    const up = await checks.check('zkcli: connects', async () => {
      await cli.say(null, /WatchedEvent state:SyncConnected/);
      await cli.say('', prompt); // the first prompt may have come before the connection
    });
    for (const [name, lines] of Object.entries(up ? script : {})) {
      await checks.check(`zkcli: ${name}`, async () => {
        for (const [line, ...patterns] of lines) await cli.say(line, ...patterns, prompt);
      });
    }
    await checks.check('zkcli: same session after a restart', () => restart(cli, server));
  } finally {
    await cli.end('SIGKILL');
  }
  await checks.check('zkcli: one command on its command line', async () => {
    const output = await run('java', [...java, '-server', server.connectString, 'ls', '/'], { timeoutMs: 30_000 });
    if (!/\[.*zookeeper.*\]/.test(output)) throw new Error(output.slice(-500));
  });
}

async function restart(cli, server) {
  await cli.say('create -e /cli-alive', /Created/, prompt);
  const before = /ephemeralOwner = (0x[0-9a-f]+)/.exec(await cli.say('stat /cli-alive', /numChildren/, prompt))[1];
  cli.text = '';
  await server.restart('SIGKILL');
  await cli.hear(/WatchedEvent state:SyncConnected/, 'reconnect');
  const after = await cli.say('stat /cli-alive', /numChildren/, prompt);
  if (!after.includes(`ephemeralOwner = ${before}`)) throw new Error(`another owner: ${after}`);
  await cli.say('create -e /cli-alive-2', /Created/, prompt);
  const second = await cli.say('stat /cli-alive-2', /numChildren/, prompt);
  if (!second.includes(`ephemeralOwner = ${before}`)) throw new Error(`another session: ${second}`);
}
