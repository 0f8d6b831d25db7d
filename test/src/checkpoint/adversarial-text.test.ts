import { describe, expect, test } from "vitest";
import { debianPackages, distributionOf } from "../../../src/attest/installed-packages.js";
import { maintainerAsAgent } from "../../../src/attest/spdx-packages.js";
import { parseJson } from "../../../src/checkpoint/parse-json.js";
import { floatOf, integerOf } from "../../../src/checkpoint/pickle/number-text.js";
import { quotedString, rawUnicode } from "../../../src/checkpoint/pickle/pickle-text.js";
import { readPickle } from "../../../src/checkpoint/pickle/read-pickle.js";
import { parsePythonDict } from "../../../src/checkpoint/post-processing/python-literal.js";
import { imageNameOf } from "../../../src/config/image-name.js";
import { completeTarget } from "../../../src/config/target-config.js";
import { printable } from "../../../src/ground/untrusted/printable.js";
import { shortText } from "../../../src/ground/untrusted/short-text.js";
import { parseManifest } from "../../../src/inspect/inspect-converted.js";
import { taskIdentity } from "../../../src/models/task-identity.js";
import { adversarialTexts } from "../../support/adversarial-texts.js";
import { ownTime } from "../../support/own-time.js";

/** A reader of text, which may refuse the text. */
type Reader = (text: string) => unknown;

const readers: Readonly<Record<string, Reader>> = {
  "JSON of nnU-Net": parseJson,
  "a post-processing's sizes": (text) => parsePythonDict(text, "x"),
  "a text of protocol 0": rawUnicode,
  "a text of Python 2": quotedString,
  "an integer of protocol 0": integerOf,
  "a float of protocol 0": floatOf,
  "a name of a pickle": (text) =>
    readPickle(Buffer.from(`\x80\x02c${text.replaceAll("\n", "")}\nx\n.`, "latin1"), {
      source: "x",
      globals: new Map(),
    }),
  "a name for a terminal": printable,
  "a value in a message": shortText,
  "an image's name": (text) => imageNameOf(text, { id: 1, name: "x" }, new Date(0)),
  "a registry's name": (text) => completeTarget({ registry: `${text}x` }),
  "dpkg's list of packages": (text) =>
    debianPackages({ texts: { "var/lib/dpkg/status": `Package: a\nVersion: 1\nMaintainer: a${text}x\n` } }),
  "a package's maintainer": (text) => maintainerAsAgent(`${text}<${text}x`),
  "the name of a distribution": (text) => distributionOf({ texts: { "etc/os-release": `ID=${text}"` } }),
  "a manifest": (text) => parseManifest("manifest.json", text),
  "a task's name": taskIdentity,
};

describe("every reader of untrusted text takes linear time:", () => {
  test.each(Object.entries(readers))("%s", (_, read) => {
    for (const [name, text] of adversarialTexts(1_000_000)) {
      const elapsed = ownTime();
      try {
        read(text);
      } catch (error) {
        expect(error, name).toBeInstanceOf(Error);
        expect(error, name).not.toBeInstanceOf(RangeError);
      }
      expect(elapsed(), name).toBeLessThan(2000);
    }
  });
});

test.each([
  ["objects", `{"a":[${"{},".repeat(5_000_000)}{}]}`],
  ["lists", `{"a":[${"[],".repeat(5_000_000)}[]]}`],
])("JSON that stands for more memory than its text is refused: %s", (_, text) => {
  expect(() => parseJson(text)).toThrow("more values than the memory should hold");
});

test("a fault behind twenty million line ends is found without a copy of them", () => {
  const lines = 20_000_000;
  const used = process.memoryUsage.rss();
  expect(() => parseJson(`{${"\n".repeat(lines)}x`)).toThrow(`line ${lines + 1}, column 1: expected`);
  expect(process.memoryUsage.rss() - used).toBeLessThan(2 ** 28);
});
