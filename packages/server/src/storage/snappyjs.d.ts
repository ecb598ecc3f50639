// snappyjs ships without types.
declare module 'snappyjs' {
  const snappy: {
    /** The result has the type of the input. Throws when the block is damaged. */
    uncompress(compressed: Uint8Array, maxLength?: number): Uint8Array;
    compress(uncompressed: Uint8Array): Uint8Array;
  };
  export default snappy;
}
