import { readOwnPackage } from "./own-package.ts";

/** Tells that a version of Node is older than this package needs. Undefined if it is not. */
export function nodeFault(version: string): string | undefined {
  const { engines } = readOwnPackage();
  const [major = 0, minor = 0] = numbers(engines.node);
  const [ownMajor = 0, ownMinor = 0] = numbers(version);
  const fits = ownMajor > major || (ownMajor === major && ownMinor >= minor);
  return fits ? undefined : `${version}, and ${engines.node} is needed`;
}

function numbers(version: string): number[] {
  return [...version.matchAll(/\d+/g)].map(([digits]) => Number(digits));
}
