// Every named limit of the wire format. Limits that depend on each other are checked when this file loads.

export const limits = {
  /** Largest frame a client may send (jute.maxbuffer), inclusive. */
  frameBytesMax: 0xfffff,
  /** Longest string or buffer inside a record: jute.maxbuffer plus its extra size, which defaults to the same value. */
  fieldBytesMax: 0xfffff * 2,
  /**
   * What a learner reads from its leader. The leader's jute.maxbuffer decides how long a transaction may be, and may be
   * larger than this server's; memory is only given for bytes that have come.
   */
  leaderFieldBytesMax: 1 << 28,
  /** What a leader reads from a learner that has said who it is: requests, whose limit is the learner's jute.maxbuffer. */
  learnerFieldBytesMax: 64 << 20,
  /** Identities of one connection: each request that a learner forwards carries them all. */
  identitiesMax: 1000,
  identityBytesMax: 256 << 10,
  /** Longest TTL of a znode in milliseconds (40 bits). */
  ttlMsMax: 0xffffffffff,
  /** Session passwords are exactly this long; the C client reads a fixed-size struct. */
  passwordBytes: 16,
  /** Digits of a sequential suffix. */
  sequenceDigits: 10,
} as const;

if (limits.identityBytesMax >= limits.fieldBytesMax) throw new Error('identities must fit a forwarded request');
if (limits.frameBytesMax >= limits.fieldBytesMax) throw new Error('a frame must fit the field limit');
