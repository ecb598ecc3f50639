// A service instance as Curator writes it (JsonInstanceSerializer): the same fields, in the same order, with null for what
// is not said. In a payload that is an object of Java, Curator keeps the name of its class as `@class`.

import type { Codec } from '@corral/client';

/** One instance of a service, with the fields of Curator's. */
export interface Instance<P = unknown> {
  readonly name: string;
  readonly id: string;
  readonly address: string | null;
  readonly port: number | null;
  readonly sslPort: number | null;
  readonly payload: P | null;
  readonly registeredAt: Date;
  readonly serviceType: 'DYNAMIC' | 'STATIC' | 'PERMANENT' | 'DYNAMIC_SEQUENTIAL';
  readonly uriSpec: unknown;
  /** Absent where it was not written: older Curators do not know the field. */
  readonly enabled?: boolean;
}

/** Validates payloads; for plain values `json` of the client does. */
export type PayloadCodec<P> = Pick<Codec<P>, 'decode'>;

export function encodeInstance(instance: Instance): string {
  const { name, id, address, port, sslPort, payload, registeredAt, serviceType, uriSpec, enabled } = instance;
  const registrationTimeUTC = registeredAt.getTime();
  const fields = { name, id, address, port, sslPort, payload, registrationTimeUTC, serviceType, uriSpec };
  return JSON.stringify(enabled === undefined ? fields : { ...fields, enabled });
}

/** Null for what is no instance, or has a payload that its schema refuses. */
export async function decodeInstance<P>(data: Uint8Array, payloads?: PayloadCodec<P>): Promise<Instance<P> | null> {
  try {
    const fields = JSON.parse(new TextDecoder().decode(data)) as Record<string, unknown>;
    if (typeof fields['name'] !== 'string' || typeof fields['id'] !== 'string') return null;
    const { payload } = fields;
    const checked =
      payloads === undefined || payload === null || payload === undefined
        ? payload
        : await payloads.decode(new TextEncoder().encode(JSON.stringify(payload)));
    return {
      name: fields['name'],
      id: fields['id'],
      address: typeof fields['address'] === 'string' ? fields['address'] : null,
      port: typeof fields['port'] === 'number' ? fields['port'] : null,
      sslPort: typeof fields['sslPort'] === 'number' ? fields['sslPort'] : null,
      payload: (checked ?? null) as P | null,
      registeredAt: new Date(Number(fields['registrationTimeUTC'] ?? 0)),
      serviceType: (fields['serviceType'] ?? 'DYNAMIC') as Instance['serviceType'],
      uriSpec: fields['uriSpec'] ?? null,
      ...(typeof fields['enabled'] === 'boolean' ? { enabled: fields['enabled'] } : {}),
    };
  } catch {
    return null;
  }
}
