/** The bounds of requests, as the proto declares them. */

export { createValidationInterceptor } from "./validation-interceptor.ts";
export { violations } from "./violations.ts";
