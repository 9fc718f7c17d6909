import { readFileSync } from "node:fs";

/** The system calls by which SQLite writes: node:sqlite has no fdatasync, and calls fsync. */
export const writeCalls = ["fsync", "pwrite64", "ftruncate", "unlink"] as const;
export type WriteCall = (typeof writeCalls)[number];

/** Shows that this machine lets one process trace another. */
export const tracing = "strace -f --seccomp-bpf -e trace=none true";

/**
 * The command under which a server's calls are traced, into a file, or disturbed: `when` says which of a thread's calls, as in `3`, `3+`
 * (and all after it), and `do` what happens to it, as in `signal=KILL` or `error=EIO` (https://man7.org/linux/man-pages/man1/strace.1.html).
 */
export function strace(
  calls: readonly string[],
  { output = "/dev/null", inject }: { output?: string; inject?: { do: string; when?: string } } = {},
): string[] {
  const set = calls.join(",");
  // --seccomp-bpf slows down no other call, but strace 6.1 sends no signals with it.
  const signals = inject?.do.startsWith("signal=") ?? false;
  return [
    // -D: the server stays the child of whoever starts it.
    ...["strace", "-D", "-f", ...(signals ? [] : ["--seccomp-bpf"]), "--quiet=all", "--signal=none"],
    ...["-o", output, "-e", `trace=${set}`],
    ...(inject ? ["-e", `inject=${set}:${inject.do}${inject.when ? `:when=${inject.when}` : ""}`] : []),
  ];
}

/** Counts the calls in the file of a trace, by thread: the most that one thread made of each, because strace counts by thread. */
export function countCalls(output: string): Record<WriteCall, number> {
  const counts = new Map<string, number>();
  for (const line of readFileSync(output, "utf8").split("\n")) {
    const [, key] = /^(\d+ +\w+)\(/.exec(line) ?? [];
    if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const most = (call: string) =>
    Math.max(0, ...[...counts].flatMap(([key, count]) => (key.endsWith(` ${call}`) ? [count] : [])));
  return {
    fsync: most("fsync"),
    pwrite64: most("pwrite64"),
    ftruncate: most("ftruncate"),
    unlink: most("unlink"),
  };
}
