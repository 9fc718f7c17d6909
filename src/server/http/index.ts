/** The server's edge: one port for every protocol. */

export { type Admission, createAdmission, tooMany } from "./admission.ts";
/** @internal Its types are Node's, which those who read the package's declarations need not have. */
export { type Certificates, openCertificates } from "./certificates.ts";
export { type Connection, connectionKey, type HttpRequest } from "./connection.ts";
export { createConsole } from "./console.ts";
export type { Dispatch, HttpResponse } from "./dispatch.ts";
export { type Address, createListener, type Listener, type ListenerOptions } from "./listen.ts";
export { createTokenBuckets } from "./token-buckets.ts";
