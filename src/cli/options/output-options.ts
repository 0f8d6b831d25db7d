import type { Options } from "yargs";

export const outputGroup = "Output:";

export const json = {
  group: outputGroup,
  type: "boolean",
  default: false,
  describe: "print a JSON report to stdout, and everything else to stderr",
} as const satisfies Options;
