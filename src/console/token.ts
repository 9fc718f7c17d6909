import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";

const key = "pigeonhole.token";
const listeners = new Set<() => void>();
let refused: string | undefined;
let dismissed = false;

/** Whether the server has asked for a token, or for another one, and why. Kept for as long as the page is. */
export const tokenRequest = {
  get: (): string | undefined => refused,
  subscribe(onChange: () => void): () => void {
    listeners.add(onChange);
    return () => listeners.delete(onChange);
  },
  /** Asks no more until the page begins anew: lists are read again every second. */
  dismiss() {
    dismissed = true;
    tell(undefined);
  },
};

/** Keeps a token until the browser's tab is closed, and begins the page anew with it. */
export function keepToken(token: string): void {
  sessionStorage.setItem(key, token);
  location.reload();
}

/** Shows the token with every call, and notes when the server asks for one. */
export const tokenInterceptor: Interceptor = (next) => async (request) => {
  const token = sessionStorage.getItem(key);
  if (token !== null) request.header.set("authorization", `Bearer ${token}`);
  try {
    const response = await next(request);
    return response.stream ? { ...response, message: watched(response.message) } : response;
  } catch (error) {
    throw noted(error);
  }
};

async function* watched<T>(messages: AsyncIterable<T>): AsyncIterable<T> {
  try {
    yield* messages;
  } catch (error) {
    throw noted(error);
  }
}

function noted(error: unknown): unknown {
  if (error instanceof ConnectError && error.code === Code.Unauthenticated && !dismissed)
    tell(error.rawMessage);
  return error;
}

function tell(reason: string | undefined): void {
  if (reason === refused) return;
  refused = reason;
  for (const listener of listeners) listener();
}
