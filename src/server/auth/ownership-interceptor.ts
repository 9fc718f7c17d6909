import type { Interceptor } from "@connectrpc/connect";
import { taskNotFound } from "../errors.ts";
import { type Caller, callerKey } from "./principal.ts";
import { type Rule, ruleOf } from "./rules.ts";
import type { TaskOwners } from "./task-owners.ts";

/**
 * Lets calls pass that are about a task that their caller sees, or about none. Throws TASK_NOT_FOUND.
 *
 * It comes after what finds out who calls, and, since it may ask the store, after what holds callers to their limits; and before everything
 * that acts on requests.
 */
export function createOwnershipInterceptor(owners: TaskOwners): Interceptor {
  return (next) => async (request) => {
    const rule = ruleOf(request.method);
    if (rule === "public") return next(request);
    const caller = request.contextValues.get(callerKey);
    if (request.stream) return next({ ...request, message: checked(rule, request.message, caller) });
    await requireTask(rule, request.message, caller);
    return next(request);
  };

  async function* checked<T>(
    rule: Rule<unknown>,
    messages: AsyncIterable<T>,
    caller: Caller,
  ): AsyncIterable<T> {
    for await (const message of messages) {
      await requireTask(rule, message, caller);
      yield message;
    }
  }

  /** Throws TASK_NOT_FOUND unless the caller sees the task that a request is about. */
  async function requireTask(rule: Rule<unknown>, message: unknown, caller: Caller): Promise<void> {
    const { principal, owner } = caller;
    const taskId = rule.task?.(message) ?? "";
    if (principal.scope !== undefined) {
      // By its name, a token for one task finds not even that.
      if (taskId !== principal.scope.taskId) throw taskNotFound(taskId || (rule.taskName?.(message) ?? ""));
    } else if (taskId !== "" && owner !== undefined && (await owners.ownerOf(taskId)) !== owner) {
      throw taskNotFound(taskId);
    }
  }
}
