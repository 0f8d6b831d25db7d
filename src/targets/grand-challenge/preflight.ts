import { basename } from "node:path";
import { counted } from "../../../processor/contract/counted.js";
import { foreignLabels } from "../../../processor/contract/labels.js";
import { type Finding, fail, notChecked, pass, warning } from "../../ground/finding.js";
import type { CheckContext } from "../preflight/archive-checks.js";
import type { ArchiveFacts } from "../preflight/archive-facts.js";
import {
  asRecord,
  configDigest,
  containerConfig,
  layerNames,
  shownText,
} from "../preflight/archive-manifest.js";
import { checkApiMethod } from "./api-method.js";

/** The largest archive that the platform accepts. */
const maxBytes = 10 * 1024 ** 3;

export function checkExtension({ archive, isFile: isArchive }: ArchiveFacts): Finding | null {
  if (!isArchive) return null;
  const name = basename(archive);
  return /\.tar(\.gz|\.xz)?$/.test(name)
    ? pass("extension", `${name} ends with an accepted extension`)
    : fail("extension", `${name} ends with neither .tar, .tar.gz nor .tar.xz`, "Rename it after what it is.");
}

export function checkConfigUser(facts: ArchiveFacts): Finding {
  const config = containerConfig(facts);
  return config === null
    ? notChecked("user", "there is no configuration")
    : checkUser(shownText(config["User"] ?? ""));
}

/** Checks the image's user: grand-challenge.org refuses root, and runs its own program as the image's user. */
export function checkUser(name: string): Finding {
  const user = name.toLowerCase();
  const isRoot = user === "" || /^(root|0)(:|$)/.test(user);
  return isRoot
    ? fail(
        "user",
        `the image runs as ${user === "" ? "nobody in particular, so as root" : user}`,
        "Set USER 1000:1000.",
      )
    : pass("user", `the image runs as ${user}`);
}

export function checkConfigApiMethod(facts: ArchiveFacts): Finding {
  const config = containerConfig(facts);
  return config === null
    ? notChecked("api-method", "there is no configuration")
    : checkApiMethod(asRecord(config["Labels"])?.[foreignLabels.apiMethod]);
}

export function checkIsNew(facts: ArchiveFacts, { uploadedDigests = [] }: CheckContext): Finding {
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

export function checkSize({ bytes, isFile: isArchive }: ArchiveFacts): Finding {
  const size = `${(bytes / 1024 ** 3).toFixed(2)} GiB of 10 GiB${isArchive ? "" : ", not compressed"}`;
  if (bytes > maxBytes)
    return fail("size", size, "Use fewer folds, or upload the weights apart as a model tarball.");
  return bytes > 0.8 * maxBytes
    ? warning("size", size, "Little room is left for another fold.")
    : pass("size", size);
}

export function checkLayers(facts: ArchiveFacts): Finding {
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
    ? pass("layer-compression", `${counted(names.length, "layer")}, all ${kinds[0] ?? "absent"}`)
    : fail(
        "layer-compression",
        `layers are ${kinds.join(" and ")}: the upload passes, the run fails`,
        "Write the archive with `build_processor --export`: it frames all layers alike.",
      );
}
