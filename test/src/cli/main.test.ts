import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { main } from "../../../src/cli/main.js";
import { goldenPath, repositoryRoot } from "../../support/golden.js";
import { needs, testWith } from "../../support/needs.js";
import { type TestTerminal, testTerminal } from "../../support/programs/test-terminal.js";

let folder = "";
let terminal: TestTerminal;
const blobs = goldenPath("v2", "blobs_2d", "model");
const blobsInput = goldenPath("v2", "blobs_2d", "input");

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cli-"));
  terminal = testTerminal(folder);
});

afterEach(() => rmSync(folder, { recursive: true }));

const run = (...argv: readonly string[]): Promise<number> => main(argv, terminal);

describe("a mistake on the command line exits with 2 and says what was meant", () => {
  test.each([
    { argv: ["--modle-dir", "x"], says: "no option --modle-dir; did you mean --model-dir?" },
    { argv: ["predct"], says: "no command predct; did you mean predict?" },
    { argv: ["predct", "-i", "scan.nii.gz"], says: "error USAGE: no command predct; did you mean predict?" },
    { argv: ["insepct", "model"], says: "no command insepct; did you mean inspect?\nRun" },
    { argv: ["predict", "--disable-ttaa"], says: "did you mean --disable-tta?" },
    {
      argv: ["--model-dir", "x", "--no-overwrit"],
      says: "no option --no-overwrit; did you mean --no-overwrite?",
    },
    { argv: ["predict", "--model-dir", "x"], says: "--input and --output are missing" },
    {
      argv: ["predict", "--model-dir", "x", "-i", "a", "-o", "b", "--device", "tpu"],
      says: "--device tpu: it takes auto, cpu or cuda\n",
    },
    {
      argv: ["predict", "--model-dir", "x", "-i", "a", "-o", "b", "--mode", "fatsest"],
      says: "did you mean fastest?",
    },
    { argv: ["models", "lits"], says: "lits: it takes list, info or download; did you mean list?" },
    { argv: ["convert", "--model-dir", "x", "-o"], says: "-o needs a value" },
    {
      argv: ["predict", "--model-dir", "x", "-i", "a", "-o", "b", "--step-size", "2"],
      says: "--step-size must be greater than 0 and at most 1, but is 2",
    },
    {
      argv: ["predict", "--model-dir", "x", "-i", "a", "-o", "b", "--overwrite", "--continue"],
      says: "cannot be used together",
    },
    { argv: ["base-image", "--device", "cuda", "--cuda", "11"], says: "--cuda 11: it takes 12 or 13\n" },
    { argv: ["models", "info"], says: "needs the name of a model" },
    { argv: ["verify"], says: "<image> is missing: archive, oci:FOLDER, or a name" },
    { argv: ["inspect"], says: "<model> is missing: anything that --model-dir accepts" },
    { argv: ["train", "4"], says: "USAGE: <configuration> is missing: 2d" },
    { argv: ["plan", "4", "-c", "2d"], says: "no option -c\n" },
    { argv: ["fingerprint", "4", "--workers", "two"], says: "--workers takes a number only" },
    { argv: ["plan", "4", "--target-spacing", "1", "x", "1"], says: "--target-spacing takes numbers only" },
    { argv: ["help", "predct"], says: "no command predct; did you mean predict?" },
    { argv: ["doctor", "gpu"], says: "doctor takes no argument gpu" },
    { argv: ["completion", "fish"], says: "completion takes no argument fish" },
    { argv: ["--export=maybe"], says: "--export is on or off: write --export or --no-export, not" },
    { argv: ["simulate", "x:1", "-i", "a", "--min-dice", "2"], says: "--min-dice must be from 0 to 1, but" },
    { argv: ["simulate", "x:1", "-i", "a", "--timeout", "0"], says: "--timeout must be greater than 0, but" },
    { argv: ["predict", "-m", "3d_fullres"], says: "no option -m: --model-dir takes the model's folder" },
    { argv: ["predict", "-t", "4"], says: "no option -t: --task (-d) takes the task's number or name" },
    { argv: ["predict", "-tr", "nnUNetTrainer"], says: "no option -tr: trainer and plans are chosen by" },
    { argv: ["--tag", "x:1", "-p", "nnUNetPlans"], says: "no option -p: trainer and plans are chosen by" },
    { argv: ["predict", "-npp", "3"], says: "no option -npp: reading and writing run in parallel" },
    { argv: ["predict", "--verbose"], says: "no option --verbose: progress goes to stderr" },
    { argv: ["-v"], says: "no option -v: progress goes to stderr, as plain lines" },
    { argv: ["predict", "-chk"], says: "--checkpoint needs a value" },
    {
      argv: ["predict", "--model-dir", "x", "-i", "a", "-o", "b", "-step_size", "2"],
      says: "--step-size must be greater than 0 and at most 1, but is 2",
    },
    {
      argv: ["predict", "--model-dir", "x", "-i", "a", "-o", "b", "--use-tta", "--disable_tta"],
      says: "--use-tta and --disable-tta cannot be used together",
    },
  ])("$argv", async ({ argv, says }) => {
    expect(await run(...argv)).toBe(2);
    expect(terminal.printed.err).toContain(says);
    expect(terminal.printed.out).toBe("");
  });
});

test("doctor exits with 5 when a check fails, after its findings", async () => {
  writeFileSync(join(folder, "file"), "");
  terminal = testTerminal(folder, { XDG_CACHE_HOME: join(folder, "file") });
  expect(await run("doctor", "--json", "--cuda", "12")).toBe(5);
  expect(JSON.parse(terminal.printed.out)).toMatchObject({ isFit: false });
  expect(terminal.printed.err).toContain("MACHINE_UNFIT: space (cache)");
});

describe("--help", () => {
  test.each([[], ["predict"], ["convert"], ["init"], ["base-image"], ["models"], ["doctor"]])(
    "of %s groups and explains the options",
    async (...words) => {
      expect(await run(...words, "--help")).toBe(0);
      expect(terminal.printed.out).toMatch(/Model:|Image:|Output:/);
      expect(terminal.printed.out).toContain("Examples:");
    },
  );

  test("help does the same as --help, also for a command", async () => {
    expect(await run("help")).toBe(0);
    expect(terminal.printed.out).toMatch(
      /^build_processor\nbuild_processor COMMAND\n[\s\S]*Segment images:\n {2}predict /,
    );
    expect(await run("help", "predict")).toBe(0);
    expect(terminal.printed.out).toContain("build_processor predict\n");
  });

  describe("completion prints a script that completes commands, and a command's flags", () => {
    /** @param shell the command that runs the script that follows it */
    async function expectCompletion(shell: readonly [string, ...string[]], beginning: string) {
      expect(await run("completion")).toBe(0);
      const complete = (...words: readonly string[]): readonly string[] => {
        const script = `${beginning}
${terminal.printed.out}
complete_words() {
  [ -z "\${ZSH_VERSION-}" ] || { emulate -L sh; setopt kshglob noshglob braceexpand; }
  COMP_WORDS=(build_processor ${words.map((word) => `"${word}"`).join(" ")}); COMP_CWORD=${words.length}
  _build_processor; printf '%s\\n' "\${COMPREPLY[@]}"
}
complete_words`;
        const { stdout, stderr } = spawnSync(shell[0], [...shell.slice(1), script], { encoding: "utf8" });
        expect(stderr).toBe("");
        // zsh takes from the answer what begins with the word, so that its function need not.
        const begun = words.at(-1)!;
        return stdout
          .trim()
          .split("\n")
          .filter((word) => shell[0] === "bash" || word.startsWith(begun));
      };
      expect(complete("pre")).toEqual(["predict", "preflight", "preprocess", "predict-nnunet-serve"]);
      expect(complete("--push")).toEqual(["--push"]);
      expect(complete("predict", "-i", "x", "--save-p")).toEqual(["--save-probabilities"]);
    }

    testWith([needs.bash], "in bash", () => expectCompletion(["bash", "-c"], ""));
    // bashcompinit calls the function with these options.
    testWith([needs.zsh], "in zsh", () =>
      expectCompletion(["zsh", "-f", "-c"], "autoload -U compinit && compinit -u -D"),
    );
  });

  test.each(["--version", "-V"])("%s is package.json's", async (flag) => {
    expect(await run(flag)).toBe(0);
    const { version } = JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8")) as {
      version: string;
    };
    expect(terminal.printed.out.trim()).toBe(version);
  });
});

describe("a wrong config.json exits with 2 before the work starts", () => {
  test.each([
    { name: "a missing file", text: null, code: "CONFIG_NOT_FOUND", says: "No config file found at:" },
    {
      name: "no JSON",
      text: '{"task_id": 3,\n "x" }',
      code: "CONFIG_NOT_JSON",
      says: "own.json:2:6: expected a colon",
    },
    { name: "no object", text: "[]", code: "CONFIG_INVALID", says: "must hold a JSON object" },
    {
      name: "a wrong type",
      text: '{"task_id": "x"}',
      code: "CONFIG_INVALID",
      says: '/own.json:1:2 /task_id: found "x", allowed: integer',
    },
    {
      name: "a misspelled key",
      text: '{"allowed_extension": ["mha"]}',
      code: "CONFIG_INVALID",
      says: "did you mean allowed_extensions?",
    },
    {
      name: "a misspelled value",
      text: '{"model": "3d_fulres"}',
      code: "CONFIG_INVALID",
      says: "did you mean 3d_fullres?",
    },
    {
      name: "out of range",
      text: '{"num_threads_nifti_save": 65}',
      code: "CONFIG_INVALID",
      says: "must be <= 64",
    },
    {
      name: "a folder that leaves the output",
      text: '{"overlay_destination": "../x"}',
      code: "CONFIG_INVALID",
      says: "/overlay_destination",
    },
  ])("$name", async ({ text, code, says }) => {
    if (text !== null) writeFileSync(join(folder, "own.json"), text);
    expect(await run("--config-file", "own.json", "--model-dir", blobs)).toBe(2);
    expect(terminal.printed.err).toContain(`error ${code}`);
    expect(terminal.printed.err).toContain(says);
  });

  test("and reports several faults at the same time", async () => {
    writeFileSync(
      join(folder, "own.json"),
      '{"task_id": -1, "folds": ["zero"], "device": "gpu", "tasc_name": "x"}',
    );
    await run("--config-file", "own.json");
    expect(terminal.printed.err).toContain("has 4 faults");
  });
});

describe("a wrong model exits with 3", () => {
  test.each([
    { name: "a folder that does not exist", argv: ["--model-dir", "nothing"], code: "MODEL_NOT_FOUND" },
    { name: "an empty folder", argv: ["--model-dir", "."], code: "MODEL_NOT_FOUND" },
    {
      name: "a fold that the model does not have",
      argv: ["--model-dir", blobs, "--folds", "4"],
      code: "FOLD_MISSING",
    },
  ])("$name", async ({ argv, code }) => {
    expect(await run("convert", ...argv, "-o", "converted")).toBe(3);
    expect(terminal.printed.err).toContain(`error ${code}`);
    expect(existsSync(join(folder, "converted"))).toBe(false);
  });

  test.each([
    {
      name: "one fold of a model",
      argv: ["--model-dir", join(blobs, "fold_0")],
      says: `it is one fold of a model: pass its parent folder, ${blobs}\n`,
    },
    {
      name: "a configuration that it does not have",
      argv: ["--model-dir", blobs, "--configuration", "3d_lowres"],
      says: "has 2d, not 3d_lowres\nChoose a configuration that the model folder has. --configuration names it.",
    },
    {
      name: "a misspelled folder",
      argv: ["--model-dir", blobs.replace(/model$/, "modle")],
      says: `does not exist; did you mean ${blobs}?`,
    },
  ])("$name, with what to pass instead", async ({ argv, says }) => {
    expect(await run("convert", ...argv, "-o", "converted")).toBe(3);
    expect(terminal.printed.err).toContain(says);
  });

  test("a config of another task", async () => {
    writeFileSync(join(folder, "config.json"), '{"task_id": 3, "task_name": "Liver"}');
    expect(await run("--model-dir", blobs)).toBe(3);
    expect(terminal.printed.err).toContain("MODEL_TASK_MISMATCH");
  });
});

test("on a terminal an error is red, and lines are wrapped between words", async () => {
  const environment = { ...terminal.environment, NO_COLOR: "" };
  const narrow = { ...terminal, environment, isInteractive: true, columns: 40 };
  expect(await main(["predict", "-i", "x", "--step-size", "2", "-m", "3d_fullres"], narrow)).toBe(2);
  expect(terminal.printed.err).toBe(
    [
      "\u001b[31merror\u001b[39m USAGE: no option -m: --model-dir",
      "takes the model's folder,",
      "--configuration (-c) the name of its",
      "configuration",
      "Run the command with --help to see its",
      "options.\n",
    ].join("\n"),
  );
});

describe("the config's model", () => {
  test("is built without --model-dir, even if it is nnU-Net v1's", async () => {
    const model = goldenPath("v1", "blobs_2d", "model");
    writeFileSync(join(folder, "config.json"), JSON.stringify({ model }));
    expect(await run("--tag", "team/blobs:1", "--context-only")).toBe(0);
    expect(terminal.printed.out).toContain("team/blobs:1");
  });

  test("a previous stage for a model that is not the second stage of a cascade", async () => {
    writeFileSync(join(folder, "config.json"), '{"previous_stage": "./nothing"}');
    expect(await run("--model-dir", blobs, "--tag", "team/blobs:1", "--context-only")).toBe(2);
    expect(terminal.printed.err).toMatch(/nothing was named as the previous stage, but 2d does not need one/);
  });

  test("is replaced by --model-dir", async () => {
    writeFileSync(join(folder, "config.json"), '{"model": "./nothing"}');
    expect(await run("--tag", "team/blobs:1", "--context-only")).toBe(3);
    expect(terminal.printed.err).toContain(join(folder, "nothing"));
    expect(await run("--model-dir", blobs, "--tag", "team/blobs:1", "--context-only")).toBe(0);
  });
});

test("a build without an engine says so, and says what to do instead", async () => {
  expect(await run("--model-dir", blobs, "--tag", "team/blobs:1")).toBe(5);
  expect(terminal.printed.err).toContain("error ENGINE_MISSING");
  expect(readdirSync(folder)).toEqual([]);
});

test("--context-only stops after writing the Dockerfile", async () => {
  expect(await run("--model-dir", blobs, "--tag", "team/blobs:1", "--context-only")).toBe(0);
  expect(terminal.printed.out).toContain("docker build -t team/blobs:1");
  expect(readFileSync(join(folder, "build", "Dockerfile"), "utf8")).toMatch(/^FROM nnunet-processor-base/m);
});

test("convert writes a folder, and does not touch one that exists", async () => {
  expect(await run("convert", "--model-dir", blobs, "-o", "converted", "--json")).toBe(0);
  expect(JSON.parse(terminal.printed.out)).toMatchObject({ model: { configuration: "2d" } });
  expect(readdirSync(join(folder, "converted"))).toContain("fold_0.onnx");
  expect(await run("convert", "--model-dir", blobs, "-o", "converted")).toBe(2);
  expect(terminal.printed.err).toContain("OUTPUT_EXISTS");
});

describe("a file that does not exist is named, with what to pass instead:", () => {
  test("an archive to verify, instead of an image's name", async () => {
    expect(await run("verify", "team-liver-1.tar.gz", "--model-dir", blobs)).toBe(4);
    expect(terminal.printed.err).toContain("error INPUT_NOT_FOUND: team-liver-1.tar.gz does not exist");
  });

  test("an archive to verify, with a config for a platform that prescribes the archive's name", async () => {
    writeFileSync(join(folder, "config.json"), '{"target": "amos22", "amos22": {"team": "us", "task": 1}}');
    expect(await run("verify", "us-task1.tar.gz", "--model-dir", blobs)).toBe(4);
    expect(terminal.printed.err).toContain("error INPUT_NOT_FOUND: us-task1.tar.gz does not exist");
  });

  test("an ONNX file", async () => {
    expect(await run("convert", "--model-dir", blobs, "--onnx", "net.onnx", "-o", "converted")).toBe(3);
    expect(terminal.printed.err).toMatch(
      /error ONNX_NOT_FOUND: .*net\.onnx is not a file\nName files that exist, .*--onnx/,
    );
  });
});

describe("predict", () => {
  test("prints only JSON on stdout when asked for", async () => {
    expect(
      await run("predict", "--model-dir", blobs, "-i", blobsInput, "-o", "out", "--disable-tta", "--json"),
    ).toBe(0);
    const report = JSON.parse(terminal.printed.out) as { cases: readonly { status: string }[] };
    expect(report.cases.map(({ status }) => status)).toEqual(["done"]);
    for (const number of terminal.printed.out.match(/\d+\.\d+/g)!)
      expect(number.replace(/^[0.]+|\./g, "").length).toBeLessThanOrEqual(6);
    expect(readdirSync(join(folder, "out"))).toEqual(["blob_010.nii.gz"]);
  });

  test("exits with 6 when one of several cases failed, and names it", async () => {
    cpSync(blobsInput, join(folder, "in"), { recursive: true });
    writeFileSync(join(folder, "in", "bad_0000.nii.gz"), "no image");
    expect(await run("predict", "--model-dir", blobs, "-i", "in", "-o", "out", "--disable-tta")).toBe(6);
    expect(terminal.printed.err.match(/bad: failed: IMAGE_TRUNCATED/g)).toHaveLength(1);
    expect(terminal.printed.err).toContain("IMAGE_TRUNCATED: Copy the file again");
    expect(terminal.printed.out).toMatch(/^bad {2}failed\nblob_010 {2}.*\n.*\n1 done, 1 failed, on /);
    expect(terminal.printed.err).toContain("error SOME_CASES_FAILED: 1 of 2 cases failed: bad");
  });

  test("exits with the error of the only case", async () => {
    mkdirSync(join(folder, "in"));
    writeFileSync(join(folder, "in", "bad_0000.nii.gz"), "no image");
    expect(await run("predict", "--model-dir", blobs, "-i", "in", "-o", "out")).toBe(4);
    expect(terminal.printed.err).toContain("error IMAGE_TRUNCATED: bad: ");
    expect(terminal.printed.err).not.toContain("other cases");
    expect(terminal.printed.err.match(/IMAGE_TRUNCATED/g)).toHaveLength(1);
  });

  test("counts existing results separately, and names what it leaves out", async () => {
    cpSync(blobsInput, join(folder, "in"), { recursive: true });
    writeFileSync(join(folder, "in", "notes.txt"), "");
    const argv = ["predict", "--model-dir", blobs, "-i", "in", "-o", "out", "--disable-tta"];
    expect(await run(...argv)).toBe(0);
    cpSync(join(folder, "in", "blob_010_0000.nii.gz"), join(folder, "in", "other_0000.nii.gz"));
    terminal = testTerminal(folder);
    expect(await run(...argv)).toBe(2);
    expect(terminal.printed.err).toMatch(/OUTPUT_EXISTS: .*\n.*--overwrite replaces it\. --continue keeps/);
    expect(await run(...argv, "--continue")).toBe(0);
    expect(terminal.printed.out).toMatch(/1 done, 1 already there, on (?:OpenVINO )?CPU/);
    expect(terminal.printed.err).toContain("left out: 1 file that is not an image: notes.txt");
  });

  test("stops at Ctrl-C with 130 and leaves nothing", async () => {
    const model = goldenPath("v2", "brain_tissue_3d", "model");
    const input = goldenPath("v2", "brain_tissue_3d", "input");
    const running = run("predict", "--model-dir", model, "-i", input, "-o", "out");
    const isUnderWay = () => existsSync(join(folder, "out"));
    while (!isUnderWay()) await new Promise((resolve) => setImmediate(resolve));
    terminal.interrupt();
    expect(await running).toBe(130);
    expect(terminal.printed.err).toMatch(
      /INTERRUPTED: .*\nNo half-written file remains\. --continue processes/,
    );
    expect(readdirSync(join(folder, "out"))).toEqual([]);
  });
});

describe("a command that fails prints its error as JSON if a report was asked for:", () => {
  test.each([
    { argv: ["predict", "--model-dir", "nope", "-i", "a", "-o", "b"], exitCode: 3, code: "MODEL_NOT_FOUND" },
    { argv: ["--model-dir", "nope"], exitCode: 3, code: "MODEL_NOT_FOUND" },
    { argv: ["convert", "--model-dir", "nope", "-o", "b"], exitCode: 3, code: "MODEL_NOT_FOUND" },
    { argv: ["inspect", "nope"], exitCode: 3, code: "MODEL_NOT_FOUND" },
    { argv: ["preflight", "nope.tar.gz"], exitCode: 4, code: "INPUT_NOT_FOUND" },
    { argv: ["simulate", "nope.tar.gz", "-i", "nope"], exitCode: 4, code: "INPUT_NOT_FOUND" },
    { argv: ["models", "info"], exitCode: 2, code: "USAGE" },
    { argv: ["predict", "--modle-dir", "x"], exitCode: 2, code: "USAGE" },
  ])("$argv", async ({ argv, exitCode, code }) => {
    expect(await run(...argv, "--json")).toBe(exitCode);
    const printed = JSON.parse(terminal.printed.out) as unknown;
    const text = expect.any(String) as string;
    expect(printed).toEqual({ errorVersion: 1, error: { code, exitCode, message: text, help: text } });
    expect(terminal.printed.err).toContain(`error ${code}: `);
  });
});

test("the program itself exits with the code and keeps stdout clean", () => {
  const program = join(repositoryRoot, "dist", "build_processor.js");
  const good = spawnSync(process.execPath, [program, "predict", "--help"], { encoding: "utf8" });
  expect([good.status, good.stderr]).toEqual([0, ""]);
  const bad = spawnSync(process.execPath, [program, "--nothing"], { encoding: "utf8" });
  expect([bad.status, bad.stdout]).toEqual([2, ""]);
});
