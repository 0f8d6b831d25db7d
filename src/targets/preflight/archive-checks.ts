import { counted } from "../../../processor/contract/counted.js";
import { type Finding, fail, notChecked, pass } from "../../ground/finding.js";
import type { ArchiveFacts } from "./archive-facts.js";
import {
  configDigest,
  configName,
  imageConfig,
  layerNames,
  manifestEntry,
  shownText,
} from "./archive-manifest.js";

/** The facts for the checks that are not in the archive. */
export interface CheckContext {
  /** Config digests that were uploaded before. */
  readonly uploadedDigests?: readonly string[];
}

/** A check. It returns null if there is nothing to check. */
export type ArchiveCheck = (facts: ArchiveFacts, context: CheckContext) => Finding | null;

function checkTar({ problem, entries }: ArchiveFacts): Finding {
  return problem === null
    ? pass("tar", `a whole tar with ${counted(entries.size, "file")}`)
    : fail("tar", problem, "Write the archive again and compare its size after the upload.");
}

function checkManifest({ documents, entries, problem }: ArchiveFacts): Finding {
  if (problem !== null) return notChecked("manifest", problem);
  if (!entries.has("manifest.json"))
    return fail(
      "manifest",
      entries.has("./manifest.json")
        ? "it is called ./manifest.json; only the exact name manifest.json is found"
        : "the archive has no file manifest.json",
      "Write the archive with `docker save` or `build_processor --export`, not with tar by hand.",
    );
  return Array.isArray(documents.get("manifest.json"))
    ? pass("manifest", "manifest.json is a list")
    : fail(
        "manifest",
        "manifest.json is not a JSON list",
        "Write the archive with `docker save` or `build_processor --export`.",
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
        "Write the archive with `docker save` or `build_processor --export`.",
      );
}

function checkConfigName(facts: ArchiveFacts): Finding {
  const name = configName(facts);
  if (name === null) return notChecked("config-name", "the manifest has no Config");
  const isAccepted = /^(?:[0-9a-f]{64}\.json|blobs\/sha256\/[0-9a-f]{64}|sha256:[0-9a-f]{64})$/.test(name);
  if (!isAccepted)
    return fail(
      "config-name",
      `Config is "${name}"`,
      "Write the archive with `docker save` or `build_processor --export`.",
    );
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

export function checkConfigArchitecture(facts: ArchiveFacts): Finding {
  const config = imageConfig(facts);
  return config === null
    ? notChecked("architecture", "there is no configuration")
    : checkArchitecture(shownText(config["architecture"] ?? "nothing"));
}

export function checkLayersPresent(facts: ArchiveFacts): Finding {
  const names = layerNames(facts);
  if (names === null) return notChecked("layers", "the manifest has no Layers");
  const missing = names.find((name) => !facts.entries.has(name));
  return missing === undefined
    ? pass("layers", `${counted(names.length, "layer")}, all there`)
    : fail("layers", `${missing} is not in the archive`, "Write the archive again.");
}

export const checkArchitecture = (architecture: string): Finding =>
  architecture === "amd64"
    ? pass("architecture", architecture)
    : fail("architecture", architecture, "Build for linux/amd64.");

/** The checks of what `docker load` needs. */
export const loadable: readonly ArchiveCheck[] = [
  checkTar,
  checkManifest,
  checkSingleImage,
  checkManifestKeys,
  checkConfigName,
];
