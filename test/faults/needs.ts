import { execFileSync } from "node:child_process";

/** Whether a test is to be skipped because a command fails that shows what it needs. CI, which installs all that, fails instead. */
export function lacks(command: string): boolean {
  if (process.env.CI !== undefined) return false;
  try {
    execFileSync("sh", ["-c", command], { stdio: "ignore" });
    return false;
  } catch {
    return true;
  }
}

/** Whether this process may neither make loop devices nor mount: in a container without rights, CI cannot either. */
export function cannotMount(): boolean {
  try {
    execFileSync("sh", ["-c", "test $(id -u) = 0 && test -w /dev/loop-control"]);
    return lacks("command -v mkfs.ext4");
  } catch {
    return true;
  }
}
