// Loaded into a server under test with --import: how long its event loop stood still, as processor time of its main thread
// between two turns. A busy machine makes that thread wait, which is not counted; so what is measured here is the server's
// own doing. Whoever connects to the socket named in the query is told the longest stretch since the last time.

import { openSync, readSync } from 'node:fs';
import { createServer } from 'node:net';
import { isMainThread } from 'node:worker_threads';

const path = new URL(import.meta.url).searchParams.get('socket');
const buffer = Buffer.alloc(128);

/** Milliseconds that the main thread has run so far, from the kernel's books: they are kept to a few milliseconds. */
function processorTime(file) {
  const length = readSync(file, buffer, 0, buffer.length, 0);
  return Number(buffer.toString('latin1', 0, length).split(' ')[0]) / 1e6;
}

/** Work of a kind that servers do, for a measure of how fast this machine is right now. */
function referenceWork() {
  const map = new Map();
  for (let i = 0; i < 200_000; i++) map.set(`/reference/${i % 5000}`, { i, text: `${i}` });
  return map.size;
}

if (isMainThread) {
  const file = openSync(`/proc/self/task/${process.pid}/schedstat`);
  let longest = 0;
  let before = processorTime(file);
  setInterval(() => {
    const now = processorTime(file);
    longest = Math.max(longest, now - before);
    before = now;
  }, 1).unref();
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (command) => {
      if (command.toString().startsWith('calibrate')) {
        for (let round = 0; round < 3; round++) referenceWork();
        const began = processorTime(file);
        referenceWork();
        socket.end(JSON.stringify({ referenceMs: processorTime(file) - began }));
        return;
      }
      socket.end(JSON.stringify({ longestMs: longest, processorMs: processorTime(file) }));
      longest = 0;
    });
  });
  server.listen(path);
  server.unref();
}
