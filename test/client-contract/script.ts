/** What a scripted server does to one call of SendEvent or SubscribeTask, as data, so that a page can ask for it. */
export interface Act {
  /** The entries that a subscriber is shown: of these sequences, or a heartbeat. */
  show?: readonly (number | "beat")[];
  /** Shows a subscriber all entries after the one it asks for, up to this one. */
  upTo?: number;
  /** How the call ends then: it is answered, by default; breaks off; or goes on until its caller leaves. */
  end?: "cut" | "hang" | Failure;
}

/** An error, by the number of its canonical code. */
export interface Failure {
  code: number;
  reason: string;
  /** In ms. */
  retryAfter?: number;
  field?: string;
}

/** A call, as a scripted server has seen it. */
export interface SeenCall {
  requestId?: string;
  afterSequence?: number;
  /** When it came, in ms. */
  time: number;
}

/** A script that is being played. */
export interface Scripted {
  /** The address under which the server plays it. */
  baseUrl: string;
  /** Gives the calls that have come. */
  seen(): Promise<SeenCall[]>;
  /** Resolves once a call has come. */
  called(): Promise<void>;
  /** Breaks the connections of the calls that are under way. */
  cut(): Promise<void>;
  /** Resolves once the caller of a call that hangs has left. */
  left(): Promise<void>;
}
