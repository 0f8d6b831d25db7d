import { createHash } from "node:crypto";
import { basename } from "node:path";
import { ProcessorError } from "../../processor/errors.js";
import { connectEngine } from "../image/docker/engine.js";
import { findImage } from "../image/docker/find-image.js";
import { saveImage } from "../image/docker/save-image.js";
import { isImageFile } from "../image/image-file.js";
import { type ArchiveFacts, readArchiveFacts, readSavedFacts } from "./archive-facts.js";
import { type Finding, fail, notChecked, pass, warning } from "./finding.js";
import { checkApiMethod, checkArchitecture, checkTeamName, checkUser } from "./image-checks.js";
import { apiMethodLabel, type Target, targetOf } from "./platform.js";

export interface PreflightReport {
  /** Path or name. */
  readonly image: string;
  readonly target: Target;
  readonly bytes: number;
  /** `sha256:…`, by which the platform knows an image; null when there is none. */
  readonly configDigest: string | null;
  /** True when nothing fails. */
  readonly isAccepted: boolean;
  /** In the order in which the platform looks. */
  readonly findings: readonly Finding[];
}

export interface PreflightOptions {
  /** Archive, or name of an image that the engine has. */
  readonly image: string;
  /** Null for the one that the image was built for. */
  readonly target: Target | null;
  /** Where the engine is, for an image's name. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Config digests that were uploaded before. */
  readonly uploadedDigests?: readonly string[];
  readonly signal?: AbortSignal;
}

/** grand-challenge.org's maximum. */
const maxBytes = 10 * 1024 ** 3;

/**
 * Looks at an archive as a platform does after an upload: each of its checks in its order. A check whose precondition
 * failed is reported as not checked, so that nothing passes by accident. What is no file is an image of the engine,
 * looked at as `docker save` gives it.
 *
 * @throws INPUT_NOT_FOUND when it is neither; ENGINE_MISSING
 */
export async function preflight(options: PreflightOptions): Promise<PreflightReport> {
  const { image } = options;
  const facts = await factsOf(options);
  const target = options.target ?? targetOf(asRecord(containerConfig(facts)?.["Labels"]) ?? {});
  const findings = checks[target].map((check) => check(facts, options)).filter((found) => found !== null);
  return {
    image,
    target,
    bytes: facts.bytes,
    configDigest: configDigest(facts),
    isAccepted: findings.every(({ result }) => result === "pass" || result === "warning"),
    findings,
  };
}

async function factsOf({ image, environment, signal }: PreflightOptions): Promise<ArchiveFacts> {
  if (await isImageFile(image)) return readArchiveFacts(image, signal);
  const engine = await connectEngine(environment, signal);
  if ((await findImage(engine, image)) === null)
    throw new ProcessorError(
      "INPUT_NOT_FOUND",
      `${image} is neither a file nor an image that the engine has`,
    );
  return readSavedFacts(image, saveImage(engine, image), signal);
}

/** Null where there is nothing to check. */
type Check = (facts: ArchiveFacts, options: PreflightOptions) => Finding | null;

/** What `docker load` needs. */
const loadable: readonly Check[] = [
  checkTar,
  checkManifest,
  checkSingleImage,
  checkManifestKeys,
  checkConfigName,
];

const grandChallengeChecks: readonly Check[] = [
  checkExtension,
  ...loadable,
  checkConfigUser,
  checkConfigArchitecture,
  checkConfigApiMethod,
  checkIsNew,
  checkSize,
  checkLayers,
];

const checks: Readonly<Record<Target, readonly Check[]>> = {
  "grand-challenge": grandChallengeChecks,
  amos22: [
    checkArchiveName,
    ...loadable,
    checkImageName,
    checkConfigArchitecture,
    checkEntrypoint,
    checkLayersPresent,
  ],
  sol: [...loadable, checkConfigArchitecture, checkLayersPresent],
  plain: [...loadable, checkLayersPresent],
};

function checkExtension({ archive, isFile: isArchive }: ArchiveFacts): Finding | null {
  if (!isArchive) return null;
  const name = basename(archive);
  return /\.tar(\.gz|\.xz)?$/.test(name)
    ? pass("extension", `${name} ends with an accepted extension`)
    : fail("extension", `${name} ends with neither .tar, .tar.gz nor .tar.xz`, "Rename it after what it is.");
}

function checkTar({ problem, entries }: ArchiveFacts): Finding {
  return problem === null
    ? pass("tar", `a whole tar with ${entries.size} files`)
    : fail("tar", problem, "Write the archive again and compare its size after the upload.");
}

function checkManifest({ documents, entries, problem }: ArchiveFacts): Finding {
  if (problem !== null) return notChecked("manifest", problem);
  if (!entries.has("manifest.json"))
    return fail(
      "manifest",
      entries.has("./manifest.json")
        ? "it is called ./manifest.json; only the exact name manifest.json is found"
        : "there is no file manifest.json",
      "Write the archive with `docker save` or --export, not with tar by hand.",
    );
  return Array.isArray(documents.get("manifest.json"))
    ? pass("manifest", "manifest.json is a list")
    : fail(
        "manifest",
        "manifest.json is not a JSON list",
        "Write the archive with `docker save` or --export.",
      );
}

function checkSingleImage({ documents }: ArchiveFacts): Finding {
  const manifest = documents.get("manifest.json");
  if (!Array.isArray(manifest)) return notChecked("single-image", "there is no manifest");
  return manifest.length === 1
    ? pass("single-image", "exactly one image")
    : fail("single-image", `${manifest.length} images`, "Save one image only: `docker save NAME:TAG`.");
}

function checkManifestKeys({ documents }: ArchiveFacts): Finding {
  const entry = manifestEntry(documents);
  if (entry === null) return notChecked("manifest-keys", "there is no manifest of one image");
  const missing = ["Config", "RepoTags", "Layers"].filter((key) => !(key in entry));
  return missing.length === 0
    ? pass("manifest-keys", "Config, RepoTags and Layers are there")
    : fail(
        "manifest-keys",
        `${missing.join(", ")} missing${"config" in entry ? "; config is spelt with a small c" : ""}`,
        "Write the archive with `docker save` or --export.",
      );
}

function checkConfigName(facts: ArchiveFacts): Finding {
  const name = configName(facts);
  if (name === null) return notChecked("config-name", "the manifest has no Config");
  const isAccepted = /^(?:[0-9a-f]{64}\.json|blobs\/sha256\/[0-9a-f]{64}|sha256:[0-9a-f]{64})$/.test(name);
  if (!isAccepted)
    return fail("config-name", `Config is "${name}"`, "Write the archive with `docker save` or --export.");
  const digest = configDigest(facts);
  if (digest === null)
    return fail("config-name", `${name} is not in the archive`, "Write the archive again.");
  return name.includes(digest.slice(7))
    ? pass("config-name", name)
    : fail(
        "config-name",
        `${name} has the digest ${digest}`,
        "Write the archive again: the configuration was edited.",
      );
}

function checkConfigUser(facts: ArchiveFacts): Finding {
  const config = containerConfig(facts);
  return config === null
    ? notChecked("user", "there is no configuration")
    : checkUser(String(config["User"] ?? ""));
}

function checkConfigArchitecture(facts: ArchiveFacts): Finding {
  const config = imageConfig(facts);
  return config === null
    ? notChecked("architecture", "there is no configuration")
    : checkArchitecture(String(config["architecture"] ?? "nothing"));
}

/** AMOS22 takes one file of this name. */
function checkArchiveName({ archive, isFile: isArchive }: ArchiveFacts): Finding | null {
  if (!isArchive) return null;
  const name = basename(archive);
  return /^[a-z0-9]+-task[12]\.tar\.gz$/.test(name)
    ? pass("archive-name", name)
    : fail("archive-name", `${name} is not TEAM-task1.tar.gz or TEAM-task2.tar.gz`, "Rename it.");
}

/** It is run by the team's name, which is the archive's. */
function checkImageName({ archive, isFile: isArchive, documents }: ArchiveFacts): Finding {
  const names = manifestEntry(documents)?.["RepoTags"];
  const name = Array.isArray(names) ? names.map(String)[0] : undefined;
  if (name === undefined) return notChecked("team-name", "the manifest names no image");
  const finding = checkTeamName(name);
  const team = isArchive ? /^(.+)-task[12]\.tar\.gz$/.exec(basename(archive))?.[1] : undefined;
  return finding.result === "pass" && team !== undefined && name.replace(/:latest$/, "") !== team
    ? fail("team-name", `the archive is ${team}'s, the image is called ${name}`, "Give both one name.")
    : finding;
}

/** The platform's command, `python run_inference.py`, comes after it. */
function checkEntrypoint(facts: ArchiveFacts): Finding {
  const entrypoint = containerConfig(facts)?.["Entrypoint"];
  return Array.isArray(entrypoint) && entrypoint.length > 0
    ? warning(
        "entrypoint",
        `the command becomes ${[...entrypoint, "python", "run_inference.py"].join(" ")}`,
        "Build with --target amos22, which leaves ENTRYPOINT empty; `simulate` shows whether it runs.",
      )
    : pass("entrypoint", "none: python run_inference.py is run as it is");
}

function checkConfigApiMethod(facts: ArchiveFacts): Finding {
  const config = containerConfig(facts);
  return config === null
    ? notChecked("api-method", "there is no configuration")
    : checkApiMethod(asRecord(config["Labels"])?.[apiMethodLabel]);
}

function checkIsNew(facts: ArchiveFacts, { uploadedDigests = [] }: PreflightOptions): Finding {
  const digest = configDigest(facts);
  if (digest === null) return notChecked("new-image", "there is no configuration");
  return uploadedDigests.includes(digest)
    ? fail(
        "new-image",
        `${digest} was uploaded before`,
        "Nothing changed since: use the image that is there.",
      )
    : pass("new-image", `${digest}; if the platform says "already been uploaded", it has this very image`);
}

function checkSize({ bytes, isFile: isArchive }: ArchiveFacts): Finding {
  const size = `${(bytes / 1024 ** 3).toFixed(2)} GiB of 10 GiB${isArchive ? "" : ", not compressed"}`;
  if (bytes > maxBytes)
    return fail("size", size, "Use fewer folds, or upload the weights apart as a model tarball.");
  return bytes > 0.8 * maxBytes
    ? warning("size", size, "Little room is left for another fold.")
    : pass("size", size);
}

function checkLayersPresent(facts: ArchiveFacts): Finding {
  const names = layerNames(facts);
  if (names === null) return notChecked("layers", "the manifest has no Layers");
  const missing = names.find((name) => !facts.entries.has(name));
  return missing === undefined
    ? pass("layers", `${names.length} layers, all there`)
    : fail("layers", `${missing} is not in the archive`, "Write the archive again.");
}

function checkLayers(facts: ArchiveFacts): Finding {
  const names = layerNames(facts);
  if (names === null) return notChecked("layer-compression", "the manifest has no Layers");
  const found = names.map((name) => facts.entries.get(name)?.compression ?? "missing");
  const kinds = [...new Set(found)];
  if (kinds.includes("missing"))
    return fail(
      "layer-compression",
      `${names[found.indexOf("missing")]} is not in the archive`,
      "Write it again.",
    );
  return kinds.length <= 1
    ? pass("layer-compression", `${names.length} layers, all ${kinds[0] ?? "absent"}`)
    : fail(
        "layer-compression",
        `layers are ${kinds.join(" and ")}: the upload passes, the run fails`,
        "Write the archive with --export: it frames all layers alike.",
      );
}

function manifestEntry(documents: ReadonlyMap<string, unknown>): Readonly<Record<string, unknown>> | null {
  const manifest = documents.get("manifest.json");
  return Array.isArray(manifest) && manifest.length === 1 ? asRecord(manifest[0]) : null;
}

function configName({ documents }: ArchiveFacts): string | null {
  const name = manifestEntry(documents)?.["Config"];
  return typeof name === "string" ? name : null;
}

const imageConfig = (facts: ArchiveFacts): Readonly<Record<string, unknown>> | null =>
  asRecord(facts.documents.get(configName(facts) ?? ""));

function containerConfig(facts: ArchiveFacts): Readonly<Record<string, unknown>> | null {
  const config = imageConfig(facts);
  return config === null ? null : (asRecord(config["config"]) ?? {});
}

function configDigest({ texts, ...facts }: ArchiveFacts): string | null {
  const text = texts.get(configName({ texts, ...facts }) ?? "");
  return text === undefined ? null : `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

function layerNames({ documents }: ArchiveFacts): readonly string[] | null {
  const names = manifestEntry(documents)?.["Layers"];
  return Array.isArray(names) ? names.map(String) : null;
}

const asRecord = (value: unknown): Readonly<Record<string, unknown>> | null =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
