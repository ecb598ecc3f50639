// -client-configuration: the TLS part of a Java client's properties file. Key stores in PEM and PKCS12, trust stores in PEM.

import type { ConnectionOptions } from 'node:tls';
import type { Context } from '../context.ts';
import { ShellError } from './shell-error.ts';

export async function clientTls(path: string, context: Context): Promise<ConnectionOptions | undefined> {
  const settings = parse(Buffer.from(await context.readFile(path)).toString());
  const get = (name: string): string | undefined => settings.get(`zookeeper.${name}`);
  if (get('client.secure') !== 'true') return undefined;
  const options: ConnectionOptions = {};
  const keyStore = get('ssl.keyStore.location');
  const passphrase = get('ssl.keyStore.password');
  if (keyStore !== undefined) {
    const bytes = Buffer.from(await context.readFile(keyStore));
    if (isPem(keyStore, get('ssl.keyStore.type'))) Object.assign(options, { key: bytes, cert: bytes });
    else if (/\.jks$/i.test(keyStore)) throw new ShellError(`${keyStore}: convert the key store to PEM or PKCS12`);
    else options.pfx = bytes;
    if (passphrase !== undefined) options.passphrase = passphrase;
  }
  const trustStore = get('ssl.trustStore.location');
  if (trustStore !== undefined) {
    if (!isPem(trustStore, get('ssl.trustStore.type'))) {
      throw new ShellError(`${trustStore}: give the trust store as PEM (keytool -exportcert -rfc)`);
    }
    options.ca = Buffer.from(await context.readFile(trustStore));
  }
  if (get('ssl.hostnameVerification') === 'false') options.checkServerIdentity = () => undefined;
  return options;
}

const isPem = (path: string, type: string | undefined): boolean =>
  type?.toUpperCase() === 'PEM' || /\.pem$/i.test(path);

function parse(text: string): Map<string, string> {
  const pairs = [...text.matchAll(/^\s*([^#!\s=:]+)\s*[=:]\s*(.*?)\s*$/gm)];
  return new Map(pairs.map(([, key, value]) => [key, value]));
}
