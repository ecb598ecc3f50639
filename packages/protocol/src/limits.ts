// Every named limit of the wire format. Limits that depend on each other are checked when this file loads.

export const limits = {
  /** Largest frame a client may send (jute.maxbuffer), inclusive. */
  frameBytesMax: 0xfffff,
  /** Longest string or buffer inside a record: jute.maxbuffer plus its extra size, which defaults to the same value. */
  fieldBytesMax: 0xfffff * 2,
  /** Longest TTL of a znode in milliseconds (40 bits). */
  ttlMsMax: 0xffffffffff,
  /** Session passwords are exactly this long; the C client reads a fixed-size struct. */
  passwordBytes: 16,
  /** Digits of a sequential suffix. */
  sequenceDigits: 10,
} as const;

if (limits.frameBytesMax >= limits.fieldBytesMax) throw new Error('a frame must fit the field limit');
