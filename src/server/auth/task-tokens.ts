import { createHmac, timingSafeEqual } from "node:crypto";
import { TaskError } from "../errors.ts";
import type { Millis } from "../store/records.ts";
import type { Principal, TaskPermission } from "./principal.ts";
import { taskTokenPrefix } from "./secrets.ts";
import type { Session } from "./session.ts";

/** What a token for one task says. */
export interface TaskTokenClaims {
  taskId: string;
  permissions: readonly TaskPermission[];
  /** Who gave it out. */
  principal: string;
  /** The token that it was given out with, whose end is its own. */
  tokenId?: string;
  expireTime: Millis;
}

/** Tokens for one task: signed, kept nowhere. */
export interface TaskTokens {
  sign(claims: TaskTokenClaims): string;
  /** Reads a token that this server, or another on its store, has signed. Throws CREDENTIALS_INVALID. Does not look at its time. */
  verify(token: string): Session;
}

/** Makes them with a key of 32 bytes: HMAC with SHA-256 (RFC 2104) over the claims as JSON. */
export function createTaskTokens(key: Uint8Array): TaskTokens {
  const mac = (body: string) => createHmac("sha256", key).update(body).digest();
  return {
    sign({ taskId, permissions, principal, tokenId, expireTime }) {
      const claims = [taskId, permissions, principal, expireTime, tokenId ?? ""];
      const body = Buffer.from(JSON.stringify(claims)).toString("base64url");
      return `${taskTokenPrefix}${body}.${mac(body).toString("base64url")}`;
    },
    verify(token) {
      const [body = "", signature = ""] = token.slice(taskTokenPrefix.length).split(".", 2);
      const expected = mac(body);
      const given = Buffer.from(signature, "base64url");
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
        throw new TaskError("CREDENTIALS_INVALID", "the token is not one of this server's");
      }
      // What this server has signed has this shape.
      const [taskId, permissions, id, expireTime, tokenId]: [
        string,
        TaskPermission[],
        string,
        Millis,
        string,
      ] = JSON.parse(Buffer.from(body, "base64url").toString());
      const principal: Principal = { id, role: "client", scope: { taskId, permissions } };
      return { principal, expireTime, ...(tokenId !== "" && { tokenId }) };
    },
  };
}
