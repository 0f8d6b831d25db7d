import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Sessions } from "../../processor/runtime/service/access/sessions.js";
import { createService } from "../../processor/runtime/service/create-service.js";
import { dicomExchange } from "../../processor/runtime/service/dicom/dicom-exchange.js";
import { openLocalEngine } from "../../processor/runtime/service/engine/local-engine.js";
import { ServedModels } from "../../processor/runtime/service/models/served-model.js";
import { DataRoots } from "../../processor/runtime/service/requests/data-roots.js";
import { serveFlags } from "../../processor/runtime/service/start/serve-flags.js";

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: BodySchema }>> };
}

interface BodySchema {
  readonly properties?: Readonly<
    Record<string, { readonly description?: string; readonly default?: unknown }>
  >;
  readonly required?: readonly string[];
}

/** Returns docs/reference/service.md, from the flags and the schemas that check requests. */
export async function servicePage(): Promise<string> {
  const { paths } = await openApi();
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      ...operation,
    })),
  );
  const groups = [...new Set(operations.flatMap(({ tags = [] }) => tags))];
  const routes = groups.map(
    (group) => `### ${group}

| route | |
| --- | --- |
${operations
  .filter(({ tags = [] }) => tags.includes(group))
  .map(
    ({ method, path, summary = "" }) =>
      `| \`${method} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}\` | ${cell(summary)} |`,
  )
  .join("\n")}`,
  );
  return `# The service

Generated from the program by \`npm run docs\`. [A segmentation service in five minutes](../tutorials/service.md) shows how to
begin. A running server describes itself: \`GET /openapi.json\` (OpenAPI 3.1), \`GET /docs\`.

## Flags

| flag | default | |
| --- | --- | --- |
${serveFlags
  .map(({ name, placeholder, default: usual, variables, about }) => {
    const others =
      variables.length === 0 ? "" : ` (or ${variables.map((word) => `\`$${word}\``).join(", ")})`;
    return `| \`--${name}${placeholder === "" ? "" : ` ${cell(placeholder)}`}\`${others} | ${usual ?? ""} | ${cell(about)} |`;
  })
  .join("\n")}

\`DEBUG=1\` adds the causes of an error to the answers of \`/infer\`, \`/infer_file\` and \`/infer_orthanc\`.

## Routes

${routes.join("\n\n")}

## The body of a job

\`POST /v1/jobs\` takes it as JSON, or as the field \`request\` of a form whose fields \`file\` are the images. \`/infer\`,
\`/infer_file\` and \`/infer_orthanc\` take the same fields, with \`nnunet_id\` instead of \`model\`.

| field | default | |
| --- | --- | --- |
${fieldsOf(paths["/v1/jobs"]?.["post"])}

## Errors

Every error has the same form: \`{"status": "failed", "code": …, "error": …, "help": …}\`; a body that does not fit has all its
faults in \`detail\`. [errors.md](errors.md) explains each code.
`;
}

function fieldsOf(operation: Operation | undefined): string {
  const schema = operation?.requestBody?.content["application/json"]?.schema;
  return Object.entries(schema?.properties ?? {})
    .map(([name, { description = "", default: usual }]) => {
      const isRequired = schema?.required?.includes(name) === true;
      const value = usual === undefined ? (isRequired ? "required" : "") : `\`${JSON.stringify(usual)}\``;
      return `| \`${name}\` | ${value} | ${cell(description)} |`;
    })
    .join("\n");
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/** Asks a service without models, which is closed again. */
async function openApi(): Promise<OpenApi> {
  const folder = await mkdtemp(join(tmpdir(), "service-page-"));
  try {
    const service = await createService({
      folder,
      models: new ServedModels([]),
      openEngine: (listener) => Promise.resolve(openLocalEngine({ workers: [], listener })),
      access: { tokens: null, sessions: new Sessions(), corsOrigins: [], isLoopback: true },
      dataRoots: new DataRoots([]),
      limits: {
        maxUploadBytes: 1,
        maxVoxels: 1e9,
        maxWaitingJobs: 0,
        maxWaitingJobsOfClient: 0,
        maxDownloads: 0,
        requestsPerMinute: null,
      },
      pageFolder: null,
      trustedProxies: 0,
      keptResultsMs: 0,
      resumesJobs: false,
      isDebugging: false,
      expiresByGet: false,
      needsMetadata: true,
      orthanc: null,
      webhooks: { url: null, allowedHosts: [], secret: null, pausesMs: [0] },
      plugins: [
        dicomExchange({
          rules: [],
          receiver: null,
          peers: new Map(),
          callingAe: "",
          seriesQuietMs: 0,
          limits: { maxBytes: 0, maxInstances: 0 },
          keptMs: 0,
          note: () => {},
        }),
      ],
      writeLog: () => {},
    });
    const answer = await service.app.inject({ url: "/openapi.json", headers: { host: "localhost" } });
    const document = answer.json() as OpenApi;
    await service.close(0);
    return document;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
