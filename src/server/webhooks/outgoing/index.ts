export type { AddressGuard, Resolve } from "./address-guard.ts";
export { createAddressGuard, systemResolve } from "./address-guard.ts";
export type { Deliverer } from "./deliverer.ts";
export { createDeliverer } from "./deliverer.ts";
export type { Post, Posting, PostResponse } from "./post.ts";
export { createSecret, requireSecret } from "./sign.ts";
