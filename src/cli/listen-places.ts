import type { ServeSettings } from "./serve-options.ts";

/** Where a server listens, and the settings that say so. */
interface Place {
  readonly portFlag: string;
  readonly port: number;
  readonly hostFlag: string;
  readonly host: string;
}

/** What Node tells of an address that cannot be had. */
type ListenError = NodeJS.ErrnoException & { address?: string; port?: number; hostname?: string };

/** Tells which ports are the same, where each needs one of its own. */
export function portClashes(settings: ServeSettings): string[] {
  const places = placesOf(settings);
  return places.flatMap(({ portFlag, port, host }, index) =>
    places
      .slice(0, index)
      .filter((other) => port > 0 && other.port === port && other.host === host)
      .map((other) => `${other.portFlag} and ${portFlag} must not both be ${port}`),
  );
}

/** Finds the setting of which an address is made that cannot be had. Undefined of other errors. */
export function flagOfAddress(error: ListenError, settings: ServeSettings): string | undefined {
  const places = placesOf(settings);
  // A name that is not found has no port yet.
  if (error.syscall === "getaddrinfo") return places.find(({ host }) => host === error.hostname)?.hostFlag;
  if (error.syscall !== "listen") return undefined;
  const there = places.filter(({ port }) => port === error.port);
  const place = there.find(({ host }) => host === error.address) ?? there[0];
  return error.code === "EADDRNOTAVAIL" ? place?.hostFlag : place?.portFlag;
}

function placesOf(settings: ServeSettings): Place[] {
  const { host = "127.0.0.1", port = 8080, "grpc-port": grpcPort } = settings;
  const { "metrics-host": metricsHost = "127.0.0.1", "metrics-port": metricsPort } = settings;
  const own = { hostFlag: "--host", host };
  const metrics = { hostFlag: "--metrics-host", host: metricsHost };
  return [
    { portFlag: "--port", port, ...own },
    ...(grpcPort === undefined ? [] : [{ portFlag: "--grpc-port", port: grpcPort, ...own }]),
    ...(metricsPort === undefined ? [] : [{ portFlag: "--metrics-port", port: metricsPort, ...metrics }]),
  ];
}
