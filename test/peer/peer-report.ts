/** A row of docs/reference/peers.md. */
export interface PeerReport {
  readonly name: string;
  /** What is compared with what, in a phrase. */
  readonly what: string;
  /** `2026-01-31` */
  readonly date: string;
  /** The versions of the peer, of Node and so on. */
  readonly versions: string;
  readonly minutes: number;
  readonly result: string;
}

const heading = `# Comparisons with other programs

\`npm run test:peers\` writes this page. It makes the comparisons that take too long for every change: whole cases and a
training with the real nnU-Net, commands that are killed at random moments, and ten minutes of mutated files. Each row is the
last run of a comparison; \`npm run test:peers -- NAME …\` runs some of them.

| name | what | date | versions | minutes | result |
| --- | --- | --- | --- | --- | --- |
`;

/** Replaces the rows of the reports on the page, and keeps the others. */
export function updatedPage(page: string, reports: readonly PeerReport[]): string {
  const rows = new Map(rowsOf(page));
  for (const report of reports) rows.set(report.name, rowOf(report));
  return `${heading}${[...rows.values()].map((row) => `${row}\n`).join("")}`;
}

function rowsOf(page: string): readonly (readonly [name: string, row: string])[] {
  return [...page.matchAll(/^\| (\S+) \| .* \|$/gm)]
    .filter(([, name]) => name !== "name" && name !== "---")
    .map(([row, name]) => [name!, row] as const);
}

function rowOf({ name, what, date, versions, minutes, result }: PeerReport): string {
  return `| ${[name, what, date, versions, minutes.toFixed(1), result].join(" | ")} |`;
}
