/** A program that uses the package: it converts a model, segments images and reads the reports. */
export const modelProgram = `
import { build, convert, inspect, predict, preflight, ProcessorError, simulate, verify, type ProgressEvent } from "nnunet-processor";
import type { LabelMap, ProcessImageModule } from "nnunet-processor/hooks";

export const postProcessImage: ProcessImageModule["postProcessImage"] = ({ labelMap }): LabelMap => labelMap;

const [modelDir, input] = process.argv.slice(2) as [string, string];
const events: ProgressEvent[] = [];
const onProgress = (event: ProgressEvent): void => void events.push(event);

const { folder, manifest } = await convert({ modelDir, outputDir: "converted", onProgress });
const { cases } = await predict({ modelDir: folder, inputs: [input], outputDir: "out", useTta: false, onProgress });
const inspection = await inspect(folder);
const missing = await convert({ modelDir: "missing", outputDir: "x" }).catch((error: unknown) => error);
const stopped = await predict({
  modelDir: folder,
  inputs: [input],
  outputDir: "stopped",
  signal: AbortSignal.abort(),
}).catch((error: unknown) => error);
const unbuilt = await build({ modelDir: "missing", tag: "a:1", archiveFormat: "tar.gz" }).catch((error: unknown) => error);
const unknown = await Promise.all(
  [preflight({ image: "none.tar.gz" }), simulate({ image: "a:1", input: "none" }), verify({ image: "none.tar.gz", modelDir })].map(
    (made: Promise<unknown>) => made.catch((error: unknown) => error),
  ),
);
const codeOf = (error: unknown): string => (error instanceof ProcessorError ? error.code : String(error));

console.log(
  JSON.stringify({
    models: manifest.models.length,
    statuses: cases.map(({ status }) => status),
    kind: inspection.kind,
    hasProgress: events.some((event) => event.kind === "task" && event.isFinished),
    codes: [missing, stopped, unbuilt, ...unknown].map(codeOf),
    help: missing instanceof ProcessorError ? missing.help : "",
  }),
);
`;

/** A program that uses the package: it builds an image without Docker, checks it and builds it again to compare. */
export const imageProgram = `
import { build, type BuildReport, type ImageInputs, preflight, verify } from "nnunet-processor";

const [modelDir, baseImage] = process.argv.slice(2) as [string, string];
const inputs: ImageInputs = { modelDir, baseImage, stepSize: 0.25, useTta: true, device: "cpu" };
const report: BuildReport = await build({
  ...inputs,
  tag: "team/labels:1",
  builder: "embedded",
  archiveFormat: "tar.gz",
});
const image = report.archive?.path ?? "";
const checked = await preflight({ image });
const [again, other] = [await verify({ ...inputs, image }), await verify({ ...inputs, image, stepSize: 1 })];
const wrong = await build({ ...inputs, tag: "team/labels:2", stepSize: 2 }).catch((error: unknown) => error);

console.log(
  JSON.stringify({
    builder: report.builder,
    stepSize: report.labels["org.nnunet-processor.step-size"],
    departures: report.departures,
    findings: checked.findings.map(({ check, result }) => [check, result]),
    isSame: [again.isSame, other.isSame],
    wrong: wrong instanceof Error ? wrong.message : "",
  }),
);
`;

/** A program that uses the package: it builds an image in Docker, and runs it as the platform would. */
export const simulationProgram = `
import { join } from "node:path";
import { build, simulate } from "nnunet-processor";

const [example, tag] = process.argv.slice(2) as [string, string];
const at = (part: string): string => join(example, part);
const { imageName } = await build({ configFile: at("config.json"), modelDir: at("model"), tag, stepSize: 1, useTta: false });
const report = await simulate({
  image: imageName,
  target: "plain",
  input: at("input"),
  expect: at("expected"),
  minDice: 0.8,
});
const failures = report.phases.flatMap(({ findings }) => findings.filter(({ result }) => result === "fail"));
console.log(
  JSON.stringify({
    // A busy machine may need more than 5 s to stop.
    failures: failures.filter(({ check }) => check !== "sigterm"),
    isAccepted: report.isAccepted === (failures.length === 0),
    phases: report.phases.map(({ phase }) => phase),
  }),
);
`;
