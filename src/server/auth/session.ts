import { TaskError } from "../errors.ts";
import type { Millis } from "../store/records.ts";
import type { Principal } from "./principal.ts";

/** Who calls, and for how long that is known. */
export interface Session {
  principal: Principal;
  /** When it ends by itself. Absent when it does not. */
  expireTime?: Millis;
  /** The token that it stands on, which may be revoked. */
  tokenId?: string;
  /** Aborts, with the reason, when the client certificate that it stands on is revoked. */
  revoked?: AbortSignal;
}

/** Makes the error for a session that is over by itself. */
export function sessionExpired(): TaskError {
  return new TaskError("CREDENTIALS_EXPIRED", "the time of what the caller has shown has passed");
}
