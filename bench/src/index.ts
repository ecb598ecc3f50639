// What other tools of the repository take from the benchmarks: the Apache ZooKeeper they compare with, too.

export { apacheClasspath, apacheVersion } from './apache.ts';
