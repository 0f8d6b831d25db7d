/** Writes a number of bytes in the unit that gives one to three digits before the point. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Writes a duration roughly, as people say it. */
export function formatDuration(seconds: number): string {
  if (seconds < 1) return "less than a second";
  if (seconds < 90) return `about ${counted(Math.round(seconds), "second")}`;
  if (seconds < 90 * 60) return `about ${counted(Math.round(seconds / 60), "minute")}`;
  return `about ${counted(Math.round(seconds / 3600), "hour")}`;
}

export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** Writes a volume with three significant digits, and whole numbers from 100 ml. */
export function formatMl(ml: number): string {
  if (ml === 0) return "0";
  if (ml >= 99.95) return Math.round(ml).toLocaleString("en");
  return ml >= 0.001 ? String(Number(ml.toPrecision(3))) : "< 0.001";
}

export const formatTime = (iso: string): string =>
  new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
