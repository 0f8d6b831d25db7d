import { execFileSync, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readRecipe } from "../../src/base-image/recipe.js";
import { builderCatalogue } from "../../src/ground/errors/catalogue.js";
import { packageRoot } from "../../src/ground/files/package-root.js";
import { describeWithEngine, removeImage } from "../support/docker/docker.js";
import { needs, testWith } from "../support/needs.js";
import { scratchFolder } from "../support/oci/oci-scratch.js";
import { smallBase } from "../support/oci/small-base.js";
import { imageProgram, modelProgram, simulationProgram } from "../support/programs/package-programs.js";
import { runUserProgram } from "../support/programs/user-program.js";

const timeout = 600_000;

/** The id of a user without special rights. */
const nobody = 65_534;

interface PackageJson {
  readonly scripts?: Readonly<Record<string, string>>;
  readonly gypfile?: boolean;
}

interface PackedFile {
  readonly path: string;
}

describe("the package that `npm pack` makes", () => {
  let folder: string;
  let tarball: string;
  let files: readonly string[];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "packed-"));
    const out = execFileSync("npm", ["pack", "--json", "--pack-destination", folder], {
      cwd: packageRoot,
      encoding: "utf8",
      maxBuffer: 2 ** 26,
    });
    // npm writes a list with one package or, since version 11, an object with its name as the key.
    const [packed] = Object.values(JSON.parse(out) as object) as [
      { readonly filename: string; readonly files: readonly PackedFile[] },
    ];
    tarball = join(folder, packed.filename);
    files = packed.files.map(({ path }) => path);
  }, timeout);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("has the program without its tests and without the compiler's notes", () => {
    expect(files).toContain("dist/build_processor.js");
    expect(files.filter((path) => /^dist\/(test\/|.*\.tsbuildinfo$)/.test(path))).toEqual([]);
  });

  test("has the pages that remedies name", () => {
    const pages = builderCatalogue.flatMap(([, { help }]) => help.match(/docs(?:\/[\w-]+)+\.md/g) ?? []);
    expect(pages).toContain("docs/reference/config.md");
    expect(pages.filter((page) => !files.includes(page))).toEqual([]);
  });

  test("has no script that runs at installation", () => {
    const unpacked = join(folder, "unpacked");
    mkdirSync(unpacked);
    execFileSync("tar", ["-xzf", tarball, "-C", unpacked]);
    const packages = readdirSync(unpacked, { recursive: true, encoding: "utf8" })
      .filter((path) => basename(path) === "package.json")
      .map((path) => join(unpacked, path));
    expect(packages.length).toBeGreaterThan(100);
    const withScripts = packages.filter((file) => {
      const { scripts = {}, gypfile } = JSON.parse(readFileSync(file, "utf8")) as PackageJson;
      const isCompiled = existsSync(join(dirname(file), "binding.gyp")) && gypfile !== false;
      return (
        isCompiled || ["preinstall", "install", "postinstall"].some((name) => scripts[name] !== undefined)
      );
    });
    expect(withScripts).toEqual([]);
  });

  describe("installed as docs/how-to/install.md says, without a network", () => {
    const installed = () => join(folder, "lib", "node_modules", "nnunet-processor");
    const run = (args: readonly string[]) =>
      spawnSync(join(folder, "bin", "build_processor"), args, { cwd: folder, encoding: "utf8" });

    beforeAll(() => {
      const env = { ...process.env, npm_config_cache: join(folder, "cache"), npm_config_offline: "true" };
      execFileSync("npm", ["install", "--global", "--prefix", folder, tarball], {
        ...{ cwd: folder, env, stdio: "pipe" },
      });
    }, timeout);

    test("has the version and the base image of the clone", { timeout }, async () => {
      expect(run(["--version"])).toMatchObject({
        status: 0,
        stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      });
      const script = `
        const { readRecipe } = await import("${installed()}/dist/src/base-image/recipe.js");
        console.log((await readRecipe()).imageName);`;
      const recipe = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
        encoding: "utf8",
      });
      expect(recipe.trim()).toBe((await readRecipe()).imageName);
    });

    test("names a page by a path that can be opened", { timeout }, () => {
      writeFileSync(join(folder, "config.json"), '{"device": "tpu"}');
      const { status, stderr } = run(["--context-only"]);
      rmSync(join(folder, "config.json"));
      expect(status).toBe(2);
      expect(existsSync(/(\/\S+config\.md) lists every key/.exec(stderr)![1]!)).toBe(true);
    });

    testWith([needs.root], "works for users who can't write where root installed it", { timeout }, () => {
      chmodSync(folder, 0o755);
      const home = join(folder, "home");
      mkdirSync(home);
      chownSync(home, nobody, nobody);
      const example = join(installed(), "examples", "brain-tissue");
      const { status, stdout } = spawnSync(
        join(folder, "bin", "build_processor"),
        [
          ...["predict", "--model-dir", join(example, "model"), "-i", join(example, "input"), "-o", "out"],
          ...["--no-use-tta", "--step-size", "1"],
        ],
        {
          ...{ uid: nobody, gid: nobody, cwd: home, encoding: "utf8" },
          env: { PATH: process.env["PATH"], HOME: home, TMPDIR: home },
        },
      );
      expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining("1 done") });
    });

    describe("works as a library in a program", () => {
      const example = (part: string) => join(installed(), "examples", "brain-tissue", part);
      const runUser = (program: string, args: readonly string[]) => {
        const user = mkdtempSync(join(folder, "user-"));
        return runUserProgram({ folder: user, packageFolder: installed(), program, args });
      };

      test("that converts a model and segments images", { timeout }, () => {
        const args = [example("model"), example("input")];
        expect(runUser(modelProgram, args)).toMatchObject({ models: 1, statuses: ["done"] });
      });

      test("that builds an image without Docker, checks it, and builds it again to compare", {
        timeout,
      }, async () => {
        const args = [example("model"), await smallBase(scratchFolder())];
        expect(runUser(imageProgram, args)).toEqual({
          builder: "embedded",
          stepSize: "0.25",
          departures: ["step size is 0.25; nnU-Net's is 0.5"],
          findings: expect.toSatisfy((findings: readonly unknown[]) => findings.length > 0),
          isSame: [true, false],
          wrong: "stepSize must be greater than 0 and at most 1, but is 2",
        });
      });

      describeWithEngine("with Docker", () => {
        const tag = `nnunet-processor-test/program-${randomUUID().slice(0, 8)}:1`;
        afterAll(() => removeImage(tag));

        test("that builds an image and runs it as the platform would", { timeout }, () => {
          expect(runUser(simulationProgram, [example(""), tag])).toEqual({
            failures: [],
            isAccepted: true,
            phases: ["run", "stop"],
          });
        });
      });
    });

    test("converts a model and segments an image with a hook module", { timeout }, () => {
      const example = join(installed(), "examples", "brain-tissue");
      expect(run(["convert", "--model-dir", join(example, "model"), "-o", "converted"]).status).toBe(0);
      writeFileSync(
        join(folder, "hook.ts"),
        `import type { LabelMap } from "nnunet-processor/hooks";
         export const postProcessImage = ({ labelMap }: { labelMap: LabelMap }): LabelMap => labelMap;`,
      );
      const images = ["-i", join(example, "input"), "-o", "out", "--process-img-file", "hook.ts"];
      const { status, stdout } = run([
        "predict",
        "--model-dir",
        "converted",
        ...images,
        "--no-use-tta",
        "--step-size",
        "1",
      ]);
      expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining("1 done") });
    });
  });
});
