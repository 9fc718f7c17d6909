/** The server's edge: one port for every protocol. */

export { createConsole } from "./console.ts";
export type { Dispatch, HttpResponse } from "./dispatch.ts";
export { type Address, createListener, type Listener, type ListenerOptions } from "./listen.ts";
