import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";

const clockTime = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const fullTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const relativeTime = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "narrow" });

const units = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1_000],
] as const;

/** Tells a time of day, with the date if it is not today's. */
export function formatTime(time: Timestamp | undefined): string {
  if (time === undefined) return "";
  const date = timestampDate(time);
  return date.toDateString() === new Date().toDateString() ? clockTime.format(date) : fullTime.format(date);
}

/** Tells a time in full. */
export function formatFull(time: Timestamp | undefined): string {
  return time === undefined ? "" : fullTime.format(timestampDate(time));
}

/** Tells how far a time is from another, as in `3 min. ago`. */
export function formatRelative(time: Timestamp | undefined, now: number): string {
  if (time === undefined) return "";
  const distance = timestampDate(time).getTime() - now;
  const [unit, length] = units.find(([, length]) => Math.abs(distance) >= length) ?? ["second", 1_000];
  return relativeTime.format(Math.trunc(distance / length), unit);
}

/** Tells a size in bytes. */
export function formatSize(bytes: number): string {
  return bytes < 1024
    ? `${bytes} B`
    : bytes < 1024 ** 2
      ? `${(bytes / 1024).toFixed(1)} KiB`
      : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

/** Counts things, as in `1 event` and `2 events`. */
export function countOf(number: number | bigint, thing: string): string {
  return `${number} ${thing}${Number(number) === 1 ? "" : "s"}`;
}

/** Shows that there is more than fits. */
export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** Makes a state's name one to read, as in `input required`. */
export function stateName(name: string | undefined): string {
  return (name ?? "unknown").toLowerCase().replaceAll("_", " ");
}
