// The client package on Node: everything an application needs to talk to a Corral or ZooKeeper ensemble.

// All of it that needs no platform; core.ts is the menu.
export * from './core.ts';

// Getting a client: `connect` waits for the session, `createClient` returns at once.
export { connect, createClient } from './node.ts';
export type { ClientOptions, ConnectOptions } from './node.ts';

// The way to servers, for those who wrap it.
export { tcpTransport } from './tcp.ts';
export type { TcpOptions } from './tcp.ts';
