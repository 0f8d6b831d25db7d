import { resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { type DownloadedModel, downloadModel } from "../../model-source/download-model.js";
import { listModels, modelInfo, type PretrainedModel } from "../../model-source/model-registry.js";
import { sourceContext } from "../../models/obtain-model.js";
import {
  isTaskAddress,
  needsOf,
  noChoices,
  noTaskOptions,
  taskModels,
  taskOfAddress,
} from "../../models/totalsegmentator-models.js";
import { publishedTask, publishedTasks } from "../../totalsegmentator/published-tasks.js";
import type { CommandSession } from "../command-session.js";
import { type TextStyle, wrapped } from "../findings-text.js";
import type { modelsOptions } from "../options/image-options.js";

type ModelsArguments = InferredOptionTypes<typeof modelsOptions> & {
  readonly action: "list" | "info" | "download";
  readonly name?: string;
};

/** `build_processor models [list | info NAME | download NAME]`. */
export async function runModels(args: ModelsArguments, session: CommandSession): Promise<number> {
  const { terminal } = session;
  if (args.action === "list") {
    const models = [...listModels(), ...publishedTasks()];
    terminal.out(
      args.json
        ? `${JSON.stringify(models, null, 2)}\n`
        : models.map((model) => listed(model, terminal)).join(""),
    );
    return 0;
  }
  if (args.name === undefined) throw sharedError("USAGE", `models ${args.action} needs the name of a model`);
  const model = infoOf(args.name);
  if (args.action === "info") {
    terminal.out(args.json ? `${JSON.stringify(model, null, 2)}\n` : details(model));
    return 0;
  }
  if (isTaskAddress(args.name)) return downloadTask(args, session);
  const outputDir = args.output === undefined ? null : resolve(terminal.currentDirectory, args.output);
  const downloaded = await downloadModel(
    model.name,
    await sourceContext(args["zenodo-url"] ?? null, session),
    {
      outputDir,
    },
  );
  terminal.out(args.json ? `${JSON.stringify(downloaded, null, 2)}\n` : downloadText(downloaded, outputDir));
  return 0;
}

const infoOf = (name: string): PretrainedModel =>
  isTaskAddress(name) ? publishedTask(taskOfAddress(name)) : modelInfo(name);

/** Fetches the weights of one of TotalSegmentator's tasks into the cache, where a later command finds them. */
async function downloadTask(
  { name = "", output, json }: ModelsArguments,
  session: CommandSession,
): Promise<number> {
  if (output !== undefined)
    throw sharedError("USAGE", "--output: the weights of TotalSegmentator's tasks stay in the cache");
  const { members } = await taskModels(
    [name],
    { needs: needsOf(noTaskOptions, "image"), others: noChoices },
    session,
  );
  const networks = members.map(({ model: { folder, tree, datasetName } }) => ({
    datasetName,
    source: tree?.address ?? folder,
  }));
  session.terminal.out(
    json
      ? `${JSON.stringify({ name, networks }, null, 2)}\n`
      : `${name}\n${networks.map(({ source }) => `  ${source}\n`).join("")}`,
  );
  return 0;
}

function downloadText({ model, archives }: DownloadedModel, outputDir: string | null): string {
  const lines = archives.map(
    ({ address, size, sha256 }) => `  ${address}  ${(size / 1e6).toFixed(1)} MB  sha256 ${sha256}\n`,
  );
  const unpacked = outputDir === null ? "" : `  unpacked into ${outputDir}\n`;
  return `${model.name}\n${lines.join("")}${unpacked}`;
}

/** Returns one line for a file, so that it can be searched; for a terminal, the name with the rest below it. */
function listed(model: PretrainedModel, style: TextStyle): string {
  const { name, nnunetVersion, licence, title, channels } = model;
  const facts = `v${nnunetVersion}  ${(licence.name ?? "licence: see info").padEnd(17)}`;
  const description = `${title} (${channels.join(", ")})`;
  if (!style.hasColour) return `${name.padEnd(52)} ${facts}  ${description}\n`;
  const indent = "    ";
  const below = wrapped(`${facts.trimEnd()}  ${description}`, indent.length, style);
  return [name, ...below.map((line) => `${indent}${line}`)].map((line) => `${line}\n`).join("");
}

function details(model: PretrainedModel): string {
  const labels = Object.entries(model.labels).map(([value, name]) => `  ${value.padStart(3)} ${name}\n`);
  return [
    `${model.name} (nnU-Net v${model.nnunetVersion}): ${model.title}\n`,
    `channels  ${model.channels.map((channel, i) => `${i}: ${channel}`).join(", ")}\n`,
    `labels\n${labels.join("")}`,
    `archives  ${model.archives.join("\n          ")}\n`,
    `licence   ${model.licence.name ?? "see"} ${model.licence.url}\n`,
    model.note === null ? "" : `note      ${model.note}\n`,
  ].join("");
}
