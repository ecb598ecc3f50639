// What the server calls itself. Tools parse the first number of the version line, so it names the release of ZooKeeper
// whose behaviour this server has; Corral's own version follows.

export const corralVersion = '0.1.0';
/** Release of ZooKeeper that clients and tools may take this server for. */
export const behavesLike = '3.9.5';
export const compatibleVersion = `${behavesLike}-corral-${corralVersion}, built on 2026-11-22 00:00 UTC`;
