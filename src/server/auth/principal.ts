import { createContextKey } from "@connectrpc/connect";
import type { Millis } from "../store/records.ts";

/** What a principal may do: see docs/security.md. */
export type Role = "client" | "agent" | "admin";

/** What a token for one task allows. */
export type TaskPermission = "subscribe" | "send";

/** Who calls. */
export interface Principal {
  /** Its name: 1 to 128 characters. Empty for whoever calls a server that asks for no authentication. */
  id: string;
  role: Role;
  /** The one task that a token for a browser is for, and what of it. */
  scope?: { taskId: string; permissions: readonly TaskPermission[] };
}

/** Whoever calls a server that asks for no authentication. What it makes belongs to the server. */
export const anonymous: Principal = { id: "", role: "admin" };

/** On whose behalf a call acts. */
export interface Caller {
  principal: Principal;
  /** Whose things alone it may see and touch. Absent when everybody's. */
  owner?: string;
  /** The token that the principal has shown, if it was one of this server's. */
  tokenId?: string;
  /** When what it has shown ends by itself, if it does. */
  expireTime?: Millis;
}

/** On whose behalf a call acts: a context value of every call, set by the authentication interceptor. */
export const callerKey = createContextKey<Caller>({ principal: anonymous }, { description: "the caller" });

/** Which characters a principal's name has, and how many: those that a header, a log and a shell take as they are. */
export const principalPattern = /^[A-Za-z0-9._:/@|+=-]{1,128}$/;

const roles: readonly Role[] = ["client", "agent", "admin"];

/** Whether something is the name of a role. */
export function isRole(value: unknown): value is Role {
  return roles.some((role) => role === value);
}
