import { createConnectTransport } from "@connectrpc/connect-web";
import { QueryClient } from "@tanstack/react-query";
import { createClient } from "../client/index.ts";
import { tokenInterceptor } from "./token.ts";

/** How the page reaches the server that it came from. */
export const transport = createConnectTransport({
  baseUrl: location.origin,
  useBinaryFormat: true,
  interceptors: [tokenInterceptor],
});

/** The client that changes things, and follows tasks. It tries again by itself, and resumes. */
export const { tasks, schedules, webhooks } = createClient({ transport });

/** How often lists are read again while they are looked at, in ms: not while their tab is hidden. */
export const pollInterval = 1_000;

/** How many of a list are asked for at once: the most that the server gives. */
export const pageSize = 1_000;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: { refetchInterval: pollInterval, retry: 2, staleTime: 500 },
  },
});
