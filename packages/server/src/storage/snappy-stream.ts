// The stream format of snappy-java, which Apache writes when snapshots are compressed with snappy: a magic, two version
// numbers, then blocks with their lengths in front.

import { JuteReader, ProtocolError } from '@corral/protocol';
import snappy from 'snappyjs';

const magic = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00];
const versionsSupported = 1;
/** Java writes 32 KiB blocks; a damaged length must not ask for gigabytes. */
const blockBytesMax = 1 << 26;

export function* unpackSnappyStream(packed: Uint8Array): Iterable<Uint8Array> {
  if (packed.length < 16 || magic.some((byte, at) => packed[at] !== byte))
    throw new ProtocolError('not a snappy stream');
  const r = new JuteReader(packed, magic.length, packed.length, packed.length);
  r.int();
  if (r.int() > versionsSupported) throw new ProtocolError('a snappy stream of a newer version');
  while (r.remaining > 0) {
    const block = r.view();
    if (block === null) throw new ProtocolError('a snappy block without a length');
    yield unpackBlock(block);
  }
}

function unpackBlock(block: Uint8Array): Uint8Array {
  try {
    return snappy.uncompress(block, blockBytesMax);
  } catch (error) {
    throw new ProtocolError('a damaged snappy block', { cause: error });
  }
}
