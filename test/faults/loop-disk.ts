import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";
import { tempDir } from "../temp-dir.ts";

const run = promisify(execFile);

/** A disk of its own, with ext4 on it, whose power can be cut. */
export interface LoopDisk {
  /** Where it is mounted. */
  path: string;
  /**
   * Takes what the disk has at this moment, and nothing that the system has only in memory, for `restore` to go on with. Stops the process
   * that writes to it first.
   */
  cutPower(pid: number): Promise<void>;
  /** Mounts what was taken, once no process uses the disk, as a machine does that is switched on again. */
  restore(): Promise<void>;
}

/** Makes a disk that is gone after the test. */
export function createLoopDisk(): LoopDisk {
  const directory = tempDir();
  const image = join(directory, "image");
  const copy = join(directory, "copy");
  const path = join(directory, "disk");
  execFileSync("truncate", ["--size=64M", image]);
  // Whole from the beginning: nothing is to be written to it behind the test's back.
  execFileSync("mkfs.ext4", ["-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", image]);
  mkdirSync(path);
  let device = attach();
  onTestFinished(detach);

  return {
    path,
    async cutPower(pid) {
      process.kill(pid, "SIGSTOP");
      while (!isStopped(pid)) await setTimeout(1);
      // The system itself goes on writing out what it has in memory: what was taken meanwhile is of no one moment.
      for (;;) {
        const before = writesOf(device);
        await run("cp", ["--sparse=always", image, copy]);
        if (before !== undefined && before === writesOf(device)) return;
      }
    },
    async restore() {
      detach();
      renameSync(copy, image);
      device = attach();
    },
  };

  function attach(): string {
    const device = execFileSync("losetup", ["--find", "--show", image], { encoding: "utf8" }).trim();
    execFileSync("mount", [device, path]);
    return device;
  }

  function detach(): void {
    execFileSync("umount", [path]);
    execFileSync("losetup", ["--detach", device]);
  }
}

/** How many writes a device has finished, or undefined while it is at some (https://docs.kernel.org/block/stat.html). */
function writesOf(device: string): number | undefined {
  const stat = readFileSync(`/sys/block/${basename(device)}/stat`, "utf8")
    .trim()
    .split(/ +/)
    .map(Number);
  return stat[8] === 0 ? stat[4] : undefined;
}

function isStopped(pid: number): boolean {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.every((thread) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
  });
}
