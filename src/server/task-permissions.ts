import type { Duration } from "@bufbuild/protobuf/wkt";
import { TaskPermission } from "../proto.ts";
import type { TaskPermission as Permission } from "./auth/index.ts";
import { TaskError } from "./errors.ts";
import { wholeMillis } from "./mailbox/time-fields.ts";
import type { Millis } from "./store/records.ts";

/** How long a token for one task is good for when the request does not say. */
const defaultTtl: Millis = 600_000;

const permissions: ReadonlyMap<TaskPermission, Permission> = new Map([
  [TaskPermission.SUBSCRIBE, "subscribe"],
  [TaskPermission.SEND, "send"],
]);

/** Gives the permissions that were asked for, each once. Throws FIELD_INVALID. */
export function permissionsOf(asked: readonly TaskPermission[]): Permission[] {
  const found = asked.map((permission, index) => {
    const known = permissions.get(permission);
    if (known === undefined) throw invalid(`permissions[${index}]`, "must be a permission");
    return known;
  });
  return [...new Set(found)];
}

/** Gives how long a token for one task is to be good for. Throws FIELD_INVALID. */
export function ttlOf(ttl: Duration | undefined): Millis {
  if (ttl === undefined) return defaultTtl;
  const time = wholeMillis(ttl);
  if (time < 1000) throw invalid("ttl", "must be at least 1 second");
  return time;
}

function invalid(field: string, description: string): TaskError {
  return new TaskError("FIELD_INVALID", `${field}: ${description}`, { fields: [{ field, description }] });
}
