// Failures to connect that trying again at once will not cure, by the codes that platforms give them, and what they mean.

const meanings: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: is the server running, and is this its client port?',
  ENOTFOUND: 'there is no host of this name',
  EHOSTUNREACH: 'there is no way to this host',
  ENETUNREACH: 'there is no way to this network',
  EADDRNOTAVAIL: 'there is no way to this address',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not trusted: name its authority with tls.ca',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not trusted: name its authority with tls.ca',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not trusted: name its authority with tls.ca',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not trusted: name its authority with tls.ca',
};

const meaningOf = (cause: Error): string | undefined => {
  const { code } = cause as { readonly code?: unknown };
  return typeof code === 'string' && Object.hasOwn(meanings, code) ? meanings[code] : undefined;
};

/** Whether this is an answer. Silence, and a server that hangs up while it looks for a leader, may be over in a moment. */
export const isRefusal = (cause: Error): boolean => meaningOf(cause) !== undefined;

/** The failure in words. */
export function explained(cause: Error): string {
  const meaning = meaningOf(cause);
  return meaning === undefined ? cause.message : `${cause.message} (${meaning})`;
}
