import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readImage } from "../../../processor/imaging/formats/read-image.js";
import { writeLabelMap } from "../../../processor/imaging/formats/write-image.js";
import { main } from "../../../src/cli/main.js";
import { goldenPath } from "../../support/golden.js";
import { type TestTerminal, testTerminal } from "../../support/programs/test-terminal.js";

const model = goldenPath("v2", "blobs_2d", "model");
const input = goldenPath("v2", "blobs_2d", "input", "blob_010_0000.nii.gz");
const final = ["-ckpt", "checkpoint_final.pth", "--device", "cpu"] as const;

let folder = "";
let terminal: TestTerminal;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "serve-"));
  terminal = testTerminal(folder);
});

afterEach(() => rmSync(folder, { recursive: true }));

const run = (...argv: readonly string[]): Promise<number> =>
  main(["predict-nnunet-serve", "-o", "out", ...argv], terminal);

describe("one case is segmented as nnunet_serve does it", () => {
  test("all labels and their probabilities are written under its names", async () => {
    expect(await run("-i", input, "-m", model, ...final, "-S")).toBe(0);
    expect(readdirSync(join(folder, "out")).sort()).toEqual([
      ...["prediction.nii.gz", "probabilities.nii.gz", "volume_0000.nii.gz"],
    ]);
    const expected = goldenPath("v2", "blobs_2d", "expected", "blob_010", "seg.nii.gz");
    const [found, right] = [
      await readImage(join(folder, "out/prediction.nii.gz")),
      await readImage(expected),
    ];
    const wrong = (found.voxels as Uint8Array).reduce(
      (sum: number, label, i) => sum + (label === right.voxels[i] ? 0 : 1),
      0,
    );
    expect(wrong).toBeLessThan(found.voxels.length / 10_000);
    expect(terminal.printed.out).toContain(join(folder, "out/prediction.nii.gz"));
  });

  test("the candidates of a class have the value 1, and a suffix is in the names", async () => {
    expect(
      await run("-i", input, "-m", model, ...final, ..."--class_idx 1 --suffix b --json".split(" ")),
    ).toBe(0);
    expect(readdirSync(join(folder, "out")).sort()).toEqual(["prediction_b.nii.gz", "proba_b.nii.gz"]);
    const { voxels } = await readImage(join(folder, "out/prediction_b.nii.gz"));
    expect([...new Set(voxels as Uint8Array)].sort()).toEqual([0, 1]);
    const report = JSON.parse(terminal.printed.out) as { case: { candidates: { confidences: number[] } } };
    expect(report.case.candidates.confidences.length).toBeGreaterThan(0);
  });

  test("parts outside a mask are removed", async () => {
    const first = await readImage(input);
    const mask = join(folder, "nothing.nii.gz");
    await writeLabelMap(
      { voxels: new Uint8Array(first.voxels.length), geometry: first.geometry },
      mask,
      first.source,
    );
    expect(await run("-i", input, "-m", model, ...final, "--intersect_with", mask)).toBe(0);
    const { voxels } = await readImage(join(folder, "out/prediction.nii.gz"));
    expect([...new Set(voxels as Uint8Array)]).toEqual([0]);
  });

  test("the box around a mask is segmented without a class, and its probabilities are put into the whole image", async () => {
    const { geometry, voxels } = await readImage(input);
    const mask = new Uint8Array(voxels.length);
    mask[Math.floor(voxels.length / 2)] = 1;
    const file = join(folder, "mask.nii.gz");
    await writeLabelMap({ voxels: mask, geometry }, file, { format: "nifti", path: "", nifti: null });
    expect(await run("-i", input, "-m", model, ...final, "--crop_from", file)).toBe(0);
    const map = await readImage(join(folder, "out/probabilities.nii.gz"));
    expect(map.geometry.sizeZyx).toEqual(geometry.sizeZyx);
    // Outside of the box, everything is background.
    const first = Array.from({ length: map.components }, (_, head) =>
      Number(map.voxels[head * voxels.length]),
    );
    expect(first).toEqual([1, ...first.slice(1).map(() => 0)]);
  });

  test("a mask of the same size elsewhere in the patient is refused", async () => {
    const first = await readImage(input);
    const mask = join(folder, "elsewhere.nii.gz");
    const geometry = { ...first.geometry, originMmXyz: [0, 0, 999] as const };
    const source = { format: "nifti", path: "", nifti: null } as const;
    await writeLabelMap({ voxels: new Uint8Array(first.voxels.length), geometry }, mask, source);
    for (const option of ["--intersect_with", "--crop_from"])
      expect(await run("-i", input, "-m", model, ...final, "--class_idx", "1", option, mask)).toBe(4);
    expect(terminal.printed.err).toContain("it and the image have no place in the patient in common");
  });

  test("fold 0 and checkpoint_best.pth are the defaults", async () => {
    expect(await run("-i", input, "-m", model)).toBe(3);
    expect(terminal.printed.err).toContain("no fold has checkpoint_best.pth");
    const trained = join(folder, "trained");
    mkdirSync(join(trained, "fold_0"), { recursive: true });
    for (const name of ["plans.json", "dataset.json"]) copyFileSync(join(model, name), join(trained, name));
    copyFileSync(join(model, "fold_0/checkpoint_final.pth"), join(trained, "fold_0/checkpoint_best.pth"));
    expect(await run("-i", input, "-m", trained, "--device", "cpu")).toBe(0);
  });

  test.each([
    { argv: ["-i", "gone.nii.gz", "-m", model, ...final], code: 4, says: "gone.nii.gz does not exist" },
    { argv: ["-i", input, input, "-m", model, ...final], code: 4, says: "but 2 were named" },
    { argv: ["-i", input, "-m", model, ...final, "-D"], code: 2, says: "--is_dicom (-D) needs DICOM input" },
    {
      argv: ["-i", input, "-m", model, ...final, "--rt_struct_output"],
      code: 2,
      says: "--rt_struct_output needs DICOM input",
    },
  ])("a request that cannot be met ends with $code and $says", async ({ argv, code, says }) => {
    expect(await run(...argv)).toBe(code);
    expect(terminal.printed.err).toContain(says);
    expect(existsSync(join(folder, "out/prediction.nii.gz"))).toBe(false);
  });
});

interface Received {
  readonly type: string | undefined;
  readonly body: string;
}

/** A server that answers with the given statuses, one after the other, and then with 200. */
async function withServer(
  statuses: readonly number[],
  use: (url: string, received: readonly Received[]) => Promise<void>,
): Promise<void> {
  const received: Received[] = [];
  const server: Server = createServer(async (request, response) => {
    received.push({ type: request.headers["content-type"], body: await text(request) });
    response.writeHead(statuses[received.length - 1] ?? 200).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jobs`, received);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe("the end of a job is reported", () => {
  test("success, as JSON, after a server that fails at first, and in the log file", async () => {
    await withServer([503], async (url, received) => {
      writeFileSync(join(folder, "log.json"), '{"job_id": "old", "kept": 1, "status": "running"}');
      const job = [
        "--job_id",
        "7",
        "--update_url",
        url,
        "--success_message",
        "fine",
        "--log_file",
        "log.json",
      ];
      expect(await run("-i", input, "-m", model, ...final, ...job)).toBe(0);
      const status = { job_id: "7", status: "fine", output_log: "", output_error: "" };
      expect(received.length).toBe(2);
      expect(received[1]!.type).toBe("application/json");
      expect(JSON.parse(received[1]!.body)).toEqual(status);
      expect(JSON.parse(readFileSync(join(folder, "log.json"), "utf8"))).toEqual({
        ...{ ...status, job_id: "old", kept: 1 },
      });
    });
  });

  test("an empty segmentation, as a form", async () => {
    await withServer([], async (url, received) => {
      const job = [
        "--update_url",
        url,
        "--update_encoding",
        "form",
        "--class_idx",
        "1",
        "--min_confidence",
        "1",
      ];
      expect(await run("-i", input, "-m", model, ...final, ...job, "--proba_threshold", "1")).toBe(0);
      expect(received[0]!.type).toBe("application/x-www-form-urlencoded");
      expect(received[0]!.body).toBe("status=done_no_output&output_log=No+lesion+detected&output_error=");
    });
  });

  test("a failure, also in a log file whose folder is new, and the exit code stays that of the failure", async () => {
    await withServer([], async (url, received) => {
      writeFileSync(join(folder, "broken.nii.gz"), "not an image");
      const job = ["--job_id", "7", "--update_url", url, "--log_file", "logs/7/log.json"];
      expect(await run("-i", "broken.nii.gz", "-m", model, ...final, ...job)).toBe(4);
      const status = JSON.parse(received[0]!.body) as { status: string; output_error: string };
      expect(status.status).toBe("failed");
      expect(status.output_error).toContain("broken.nii.gz");
      expect(JSON.parse(readFileSync(join(folder, "logs/7/log.json"), "utf8"))).toEqual(status);
    });
  });

  test("a server that refuses the report changes neither the result nor the exit code", async () => {
    await withServer([400], async (url, received) => {
      expect(await run("-i", input, "-m", model, ...final, "--update_url", url)).toBe(0);
      expect(received.length).toBe(1);
      expect(terminal.printed.err).toContain("the status did not arrive at --update_url");
      expect(terminal.printed.err).toContain("answers 400");
      expect(existsSync(join(folder, "out/prediction.nii.gz"))).toBe(true);
    });
  });

  test("a log file that is something else is not replaced, and nothing runs", async () => {
    writeFileSync(join(folder, "log.json"), "[1]");
    expect(await run("-i", input, "-m", model, ...final, "--log_file", "log.json")).toBe(2);
    expect(terminal.printed.err).toContain("does not hold a JSON object");
    expect(readFileSync(join(folder, "log.json"), "utf8")).toBe("[1]");
  });
});

test("the help is printed with -h, and a misspelled option exits with 2", async () => {
  expect(await run("-h")).toBe(0);
  expect(terminal.printed.out).toContain("-ckpt, --checkpoint_name NAME");
  expect(await run("--fold", "0", "--outputdir", "x")).toBe(2);
  expect(terminal.printed.err).toContain("no option --outputdir; did you mean --output_dir?");
});
