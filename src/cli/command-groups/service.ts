import type { Command } from "../command.js";
import { serviceOptions } from "../options/service-options.js";

/** The commands of the HTTP service. */
export const serviceCommands: Readonly<Record<string, Command>> = {
  serve: {
    usage: "serve",
    describe: "serve models over HTTP: scans in, segmentations out",
    options: serviceOptions,
    examples: [
      ["$0 serve --spec model-serve-spec.yaml", "serves the models of the file on http://127.0.0.1:12345"],
      [
        "$0 serve --spec models.yaml --host 0.0.0.0 --token-file tokens",
        "serves other machines, which send one of the tokens",
      ],
      ["$0 serve --spec models.yaml --data-root /data --gpus 0,1", "lets requests name files below /data"],
    ],
    load: async () => (await import("../commands/serve.js")).runServe,
  },
};
