import type { Options } from "yargs";
import { dataset, nnunet } from "./nnunet-options.js";
import { json, outputGroup } from "./output-options.js";

const pageGroup = "Page:";

export const trainingsOptions = {
  dataset,
  nnunet,
  serve: {
    group: pageGroup,
    type: "boolean",
    default: false,
    describe: "show it as a web page of this machine, with nnU-Net's curves, until Ctrl-C",
  },
  port: {
    group: pageGroup,
    type: "number",
    default: 8021,
    requiresArg: true,
    describe: "port of the page; 0 takes any free one",
  },
  json: { ...json, group: outputGroup, describe: "print JSON instead of text" },
} as const satisfies Readonly<Record<string, Options>>;
