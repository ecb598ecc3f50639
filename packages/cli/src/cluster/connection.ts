// A session with one of some servers, as the command line's --server wants it but for the choice of servers.

import type { Address, Client, Endpoint } from '@corral/client';

/** One round over the servers: a person waits. */
const oneRound = (attempt: number): number | null => (attempt === 0 ? 0 : null);

export async function withSession<T>(
  address: Address,
  endpoints: readonly Endpoint[],
  timeout: number,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const { connect } = await import('@corral/client');
  const hosts = endpoints.map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`));
  const auth = address.credentials === null ? [] : [{ scheme: 'digest', id: address.credentials }];
  const tls = address.tls ? { tls: {} } : {};
  const client = await connect(hosts, { timeout, auth, retry: oneRound, readOnly: 'allow', ...tls });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}
