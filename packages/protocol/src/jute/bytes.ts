/** A copy of bytes[start, end). Unlike `slice`, also where the bytes are a Node Buffer, whose slice shares its memory. */
export function copyBytes(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - start);
  copy.set(bytes.subarray(start, end));
  return copy;
}
