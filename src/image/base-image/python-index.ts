import { ProcessorError } from "../../../processor/errors.js";
import type { HttpClient } from "../../model-source/http-client.js";
import type { WheelPin } from "./recipe.js";

const simpleJson = "application/vnd.pypi.simple.v1+json";

/** One project's page of an index, as PEP 691 has it. */
interface ProjectPage {
  readonly files: readonly {
    readonly filename: string;
    readonly url: string;
    readonly hashes?: Readonly<Record<string, string>>;
  }[];
}

/**
 * Where an index of Python packages (PEP 503 with PEP 691's JSON) keeps a wheel.
 *
 * @param index address of the index, as pip's `--index-url`
 * @throws SOURCE_NOT_FOUND when the index has no such file; SOURCE_CHANGED when its digest is not the pinned one;
 * DOWNLOAD_FAILED
 */
export async function findWheel(index: URL, wheel: WheelPin, http: HttpClient): Promise<URL> {
  const page = new URL(`${wheel.name}/`, withSlash(index));
  const label = `${wheel.name} in ${index.host}`;
  const answer = await http.json(page, label, simpleJson);
  if (!isProjectPage(answer))
    throw new ProcessorError(
      "DOWNLOAD_FAILED",
      `${label}: the index answers with something else than PEP 691`,
    );
  const found = answer.files.find(({ filename }) => filename === wheel.file);
  if (found === undefined)
    throw new ProcessorError("SOURCE_NOT_FOUND", `${label}: the index has no ${wheel.file}`);
  const sha256 = found.hashes?.["sha256"];
  if (sha256 !== undefined && sha256 !== wheel.sha256)
    throw new ProcessorError(
      "SOURCE_CHANGED",
      `${wheel.file}: the index has sha256 ${sha256}, the recipe ${wheel.sha256}`,
    );
  return new URL(found.url, page);
}

/**
 * The index that the environment names as pip reads it (`PIP_INDEX_URL`), so that a mirror is set up once.
 *
 * @throws USAGE when it is no address
 */
export function pythonIndex(environment: Readonly<Record<string, string | undefined>>): URL | null {
  const text = environment["PIP_INDEX_URL"];
  if (text === undefined || text === "") return null;
  if (!URL.canParse(text)) throw new ProcessorError("USAGE", `PIP_INDEX_URL is ${text}, not an address`);
  return new URL(text);
}

function withSlash(index: URL): URL {
  return index.pathname.endsWith("/") ? index : new URL(`${index.href}/`);
}

function isProjectPage(answer: unknown): answer is ProjectPage {
  if (typeof answer !== "object" || answer === null || !("files" in answer)) return false;
  const { files } = answer;
  return (
    Array.isArray(files) &&
    files.every((file: unknown) => {
      const { filename, url } = (file ?? {}) as { readonly filename?: unknown; readonly url?: unknown };
      return typeof filename === "string" && typeof url === "string";
    })
  );
}
