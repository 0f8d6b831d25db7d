/** The width of the name of the part that writes, as in SOL's processors. */
const nameWidth = 11;

/**
 * Returns a log line in the form of SOL's processors.
 *
 * @param now the time of the line, which is shown in local time to the second
 * @example datedLine(new Date(2026, 0, 2, 3, 4, 5), "2 cases") // "2026-01-02 03:04:05 [processor  ] 2 cases"
 */
export function datedLine(now: Date, line: string): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const date = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join("-");
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join(":");
  return `${date} ${time} [${"processor".padEnd(nameWidth)}] ${line}`;
}
