/** What the operator may bound. Times are in ms. */
export interface Limits {
  /** The most bytes of one message, as sent and decompressed. */
  maxMessageBytes: number;
  /** The most bytes that the bodies of all requests in hand may have together. */
  maxBodyBytes: number;
  /** The most bytes of all answers that are not read yet. */
  maxAnswerBytes: number;
  /** The most bytes of a request's headers. */
  maxHeaderBytes: number;
  /** The most parts of an event. */
  maxParts: number;
  /** How deep `params`, `metadata`, data and a tool's arguments may be nested. */
  maxDepth: number;
  /** The most events that may wait for one task, whatever its agent says. */
  maxPending: number;
  /** The most unfinished tasks of one principal. */
  maxTasks: number;
  /** The most subscriptions, and calls that wait for an event, of one principal. */
  maxSubscriptions: number;
  /** The most of them on one connection. */
  maxConnectionSubscriptions: number;
  /** The most requests a second of one principal, or of one address where nobody says who calls. */
  requestRate: number;
  /** The most calls in hand, subscriptions and those that wait aside. Under overload the server takes fewer by itself. */
  maxRequests: number;
  /** The most connections. */
  maxConnections: number;
  /** The most calls under way on one connection of HTTP/2. */
  maxStreams: number;
  /** How many calls a second one connection of HTTP/2 may reset, after a first burst of twice `maxStreams`. */
  resetRate: number;
  /** How many pings and settings a second one connection of HTTP/2 may send, after a first burst of ten times as many. */
  controlRate: number;
  /** How long the headers of a request, the first bytes of a connection, its TLS handshake and its settings may take. */
  headersTimeout: number;
  /** How long a request may take to arrive. */
  requestTimeout: number;
  /** How long nothing may pass over a connection, and how long a caller may leave what is sent to it unread. */
  idleTimeout: number;
}

interface Bounds {
  default: number;
  min: number;
  max: number;
}

/** The default of each limit, and what it may be set to. What the proto bounds can only be made less. */
export const limitBounds: Readonly<Record<keyof Limits, Bounds>> = {
  maxMessageBytes: { default: 4_194_304, min: 1_024, max: 67_108_864 },
  maxBodyBytes: { default: 268_435_456, min: 1_048_576, max: 1_099_511_627_776 },
  // More than any one answer has.
  maxAnswerBytes: { default: 268_435_456, min: 16_777_216, max: 1_099_511_627_776 },
  maxHeaderBytes: { default: 16_384, min: 1_024, max: 65_536 },
  maxParts: { default: 64, min: 1, max: 64 },
  maxDepth: { default: 30, min: 1, max: 30 },
  maxPending: { default: 1_000_000, min: 1, max: 1_000_000 },
  maxTasks: { default: 1_000_000, min: 1, max: 1_000_000_000 },
  maxSubscriptions: { default: 20_000, min: 1, max: 1_000_000 },
  maxConnectionSubscriptions: { default: 5_000, min: 1, max: 1_000_000 },
  requestRate: { default: 50_000, min: 1, max: 1_000_000 },
  maxRequests: { default: 2_048, min: 1, max: 1_000_000 },
  maxConnections: { default: 10_000, min: 1, max: 1_000_000 },
  maxStreams: { default: 10_000, min: 1, max: 1_000_000 },
  resetRate: { default: 1_000, min: 1, max: 1_000_000 },
  controlRate: { default: 100, min: 1, max: 1_000_000 },
  headersTimeout: { default: 10_000, min: 100, max: 3_600_000 },
  requestTimeout: { default: 60_000, min: 100, max: 3_600_000 },
  idleTimeout: { default: 300_000, min: 100, max: 86_400_000 },
};
