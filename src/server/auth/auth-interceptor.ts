import type { DescMethod } from "@bufbuild/protobuf";
import {
  createContextKey,
  createContextValues,
  type Interceptor,
  type StreamRequest,
  type UnaryRequest,
} from "@connectrpc/connect";
import { TaskError } from "../errors.ts";
import { linkSignals } from "../link-signals.ts";
import { watchStream } from "../watch-stream.ts";
import type { Authenticate } from "./authenticator.ts";
import { type PeerRequest, peerKey } from "./peer.ts";
import { type Caller, callerKey } from "./principal.ts";
import { type Rule, ruleOf } from "./rules.ts";
import type { Session } from "./session.ts";

/** A caller that may call a method, and what that stands on. */
interface Admitted {
  session: Session;
  caller: Caller;
}

/** Who calls, if that was found out before connect had the request. */
const admittedKey = createContextKey<Admitted | undefined>(undefined, { description: "the admitted caller" });

/** Lets a request to a method in before its body is read, or throws. */
export type AuthenticateRequest = (request: PeerRequest, method: DescMethod) => Promise<void>;

export interface AuthInterceptorOptions {
  authenticate: Authenticate;
  /** Calls back with what ends a session, while it goes on. Returns a function that stops it. */
  onEnd(session: Session, end: (reason: TaskError) => void): () => void;
}

/**
 * Finds out who calls, and whether it may, before the body is read, so that this server parses nothing for nobody. A door that has no
 * such hook leaves it to the interceptor.
 */
export function createRequestAuthenticator(authenticate: Authenticate): AuthenticateRequest {
  return async (request, method) => {
    const values = request.contextValues ?? createContextValues();
    request.contextValues = values;
    if (request.peer !== undefined) values.set(peerKey, request.peer);
    const rule = ruleOf(method);
    if (rule === "public") return;
    const session = await authenticate(request.header, request.peer);
    values.set(admittedKey, { session, caller: callerOf(session, rule, method) });
  };
}

/**
 * Asks every call who it is and whether it may, by the table of rules, and puts the Caller into its context. A stream ends when its caller's
 * credentials do: the signal of its context aborts with the reason, which whatever streams has to heed at once. Other calls that have begun
 * are finished.
 *
 * Throws what `authenticate` throws, or NOT_ALLOWED. It must come before everything that acts on requests.
 */
export function createAuthInterceptor({ authenticate, onEnd }: AuthInterceptorOptions): Interceptor {
  return (next) => async (request) => {
    const rule = ruleOf(request.method);
    if (rule === "public") return next(request);
    const { contextValues: values } = request;
    const { session, caller } = values.get(admittedKey) ?? (await admitted(rule, request));
    values.set(callerKey, caller);
    if (!request.stream) return next(request);
    const { signal, abort, release } = linkSignals(request.signal);
    const stop = onEnd(session, abort);
    const done = () => {
      stop();
      release();
    };
    // Aborted whenever a call is over, also one whose response nobody begins to read.
    signal.addEventListener("abort", done, { once: true });
    try {
      signal.throwIfAborted();
      const response = await next({ ...request, signal });
      if (!response.stream) {
        done();
        return response;
      }
      const message = watchStream(response.message, ({ error, left = false }) => {
        done();
        // Some messages end quietly when they are to end.
        if (error === undefined && !left) signal.throwIfAborted();
      });
      return { ...response, message };
    } catch (error) {
      done();
      throw error;
    }
  };

  async function admitted(
    rule: Rule<unknown>,
    { header, contextValues, method }: UnaryRequest | StreamRequest,
  ): Promise<Admitted> {
    const session = await authenticate(header, contextValues.get(peerKey));
    return { session, caller: callerOf(session, rule, method) };
  }
}

/** Throws NOT_ALLOWED unless a caller may call a method. */
function callerOf(
  { principal, tokenId, expireTime }: Session,
  { reach, scope }: Rule<unknown>,
  method: DescMethod,
): Caller {
  const { id, role, scope: given } = principal;
  const token = {
    ...(tokenId !== undefined && { tokenId }),
    ...(expireTime !== undefined && { expireTime }),
  };
  if (given !== undefined) {
    if (scope !== undefined && given.permissions.includes(scope)) return { principal, ...token };
    throw notAllowed(`a token for one task with ${given.permissions.join(" and ")}`, method);
  }
  if (reach[role] === "none") throw notAllowed(`the role ${role}`, method);
  return { principal, ...token, ...(reach[role] === "own" && { owner: id }) };
}

function notAllowed(who: string, { parent, name }: DescMethod): TaskError {
  return new TaskError("NOT_ALLOWED", `${who} may not call ${parent.name}.${name}`);
}
