import { describe, expect, it } from 'vitest';
import { KnownPeers, isAddressOrSubnet } from './known-peers.ts';

/** A name service that can change and fail, and counts what it is asked. */
class Names {
  readonly known = new Map<string, readonly string[]>();
  asked = 0;
  now = 0;

  readonly lookup = (host: string): Promise<readonly string[]> => {
    this.asked++;
    const found = this.known.get(host);
    return found === undefined ? Promise.reject(new Error(`ENOTFOUND ${host}`)) : Promise.resolve(found);
  };

  peers(allowed: 'any' | readonly string[], ...members: string[]): KnownPeers {
    const peers = new KnownPeers(allowed, this.lookup, () => this.now);
    peers.setMembers(members);
    return peers;
  }
}

const admitted = async (peers: KnownPeers, address: string): Promise<boolean> =>
  peers.admits(address) ?? (await peers.resolved(address));

describe('addresses from which members may call', () => {
  it('are those of the members, by number and by name', async () => {
    const names = new Names();
    names.known.set('zk2', ['10.0.0.2', 'fd00::2']);
    const peers = names.peers([], '10.0.0.1', 'zk2', 'fd00::3');
    for (const address of ['10.0.0.1', '10.0.0.2', 'fd00::2', 'fd00:0:0::3', '::ffff:10.0.0.1', '::FFFF:10.0.0.2'])
      expect([address, await admitted(peers, address)]).toEqual([address, true]);
    for (const address of ['10.0.0.3', '127.0.0.1', '::1', 'fd00::4', '::ffff:10.0.0.3', 'fe80::1%eth0', ''])
      expect([address, await admitted(peers, address)]).toEqual([address, false]);
  });

  it('are all of this machine when a member is reached over loopback', async () => {
    const names = new Names();
    names.known.set('localhost', ['127.0.0.1']);
    for (const member of ['127.0.0.3', '::1', 'localhost']) {
      const peers = names.peers([], member, '10.0.0.1');
      for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])
        expect([member, address, await admitted(peers, address)]).toEqual([member, address, true]);
      expect(await admitted(peers, '10.0.0.2')).toBe(false);
    }
  });

  it('are what the operator adds besides, or all', async () => {
    const peers = new Names().peers(['10.1.0.0/16', '192.0.2.7', 'fd01::/16'], '10.0.0.1');
    for (const address of ['10.0.0.1', '10.1.255.1', '192.0.2.7', 'fd01:ffff::1', '::ffff:10.1.0.1'])
      expect([address, await admitted(peers, address)]).toEqual([address, true]);
    for (const address of ['10.2.0.0', '192.0.2.8', 'fd02::1'])
      expect([address, await admitted(peers, address)]).toEqual([address, false]);
    expect(new Names().peers('any').admits('198.51.100.1')).toBe(true);
  });

  it('move with the name of a member, and stay while no name service answers', async () => {
    const names = new Names();
    names.known.set('pod-1', ['10.0.0.1']);
    const peers = names.peers([], 'pod-1');
    expect(await admitted(peers, '10.0.0.1')).toBe(true);
    names.known.delete('pod-1');
    names.now += 10_000;
    expect(await admitted(peers, '10.0.0.9')).toBe(false);
    expect(await admitted(peers, '10.0.0.1')).toBe(true);
    names.known.set('pod-1', ['10.0.0.9']);
    names.now += 10_000;
    expect(await admitted(peers, '10.0.0.9')).toBe(true);
    expect(peers.admits('10.0.0.1')).toBe(false);
  });

  it('follow the configuration', async () => {
    const names = new Names();
    const peers = names.peers([], '10.0.0.1', '10.0.0.2');
    expect(await admitted(peers, '10.0.0.3')).toBe(false);
    peers.setMembers(['10.0.0.1', '10.0.0.3']);
    expect(peers.admits('10.0.0.3')).toBe(true);
    expect(await admitted(peers, '10.0.0.2')).toBe(false);
  });

  it('are not looked up for every stranger', async () => {
    const names = new Names();
    names.known.set('zk1', ['10.0.0.1']);
    const peers = names.peers([], 'zk1');
    const strangers = Array.from({ length: 500 }, (_, at) => `192.0.2.${at % 250}`);
    expect(await Promise.all(strangers.map((address) => admitted(peers, address)))).not.toContain(true);
    for (const address of strangers) expect(peers.admits(address)).toBe(false);
    expect(names.asked).toBe(1);
  });
});

it('an address or a subnet is told from everything else', () => {
  for (const text of ['10.0.0.1', '10.0.0.0/8', '0.0.0.0/0', '::1', 'fd00::/8', '::/0', '10.0.0.1/32'])
    expect([text, isAddressOrSubnet(text)]).toEqual([text, true]);
  for (const text of [
    '',
    'zk1',
    '10.0.0',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '::/129',
    '10.0.0.0/-1',
    '/8',
    '10.0.0.0/a',
  ])
    expect([text, isAddressOrSubnet(text)]).toEqual([text, false]);
});
