import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findTrialCases, layOutSockets } from "../../src/targets/simulate/trial-cases.js";
import { svgBox, svgPicture, svgText } from "./svg.js";

const notes: Readonly<Record<string, string>> = {
  "inputs.json": "names the sockets and their values",
  images: "",
  "t1-brain-mri": 'the slug of the input socket: "inputs" in config.json',
};

/**
 * Draws the input folders that the platforms mount: the folder that `simulate` makes for grand-challenge, and the plain
 * folder of images.
 *
 * @param casesFolder a folder of images with the names that nnU-Net expects
 */
export async function inputPicture(casesFolder: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "input-"));
  try {
    const [trialCase] = await findTrialCases(casesFolder);
    await layOutSockets({ trialCase: trialCase!, folder, slugs: ["t1-brain-mri"], spelling: "socket" });
    const plain = (await readdir(casesFolder)).sort().map((name) => ({ depth: 1, name }));
    return draw([
      { title: "--target plain, sol", lines: [{ depth: 0, name: "/input" }, ...plain] },
      { title: "--target amos22", lines: [{ depth: 0, name: "/workspace/input (or /input)" }, ...plain] },
      {
        title: "--target grand-challenge",
        lines: [{ depth: 0, name: "/input" }, ...(await treeOf(folder, 1))],
      },
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface TreeLine {
  readonly depth: number;
  readonly name: string;
}

interface Panel {
  readonly title: string;
  readonly lines: readonly TreeLine[];
}

async function treeOf(folder: string, depth: number): Promise<TreeLine[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const lines = await Promise.all(
    entries
      .sort((a, b) => Number(a.isDirectory()) - Number(b.isDirectory()) || (a.name < b.name ? -1 : 1))
      .map(async (entry) => [
        { depth, name: entry.name },
        ...(entry.isDirectory() ? await treeOf(join(folder, entry.name), depth + 1) : []),
      ]),
  );
  return lines.flat();
}

function draw(panels: readonly Panel[]): string {
  const width = 860;
  const parts: string[] = [];
  let y = 16;
  for (const { title, lines } of panels) {
    const height = 44 + 20 * lines.length;
    parts.push(svgBox({ x: 16, y, width: width - 32, height }, "#f6f8fa"));
    parts.push(svgText(32, y + 24, title, { weight: "bold" }));
    lines.forEach(({ depth, name }, i) => {
      const at = y + 50 + 20 * i;
      parts.push(svgText(40 + 28 * depth, at, name, { font: "mono", size: 13 }));
      const note = notes[name] ?? "";
      if (note !== "") parts.push(svgText(400, at, note, { tone: "quiet", size: 12 }));
    });
    y += height + 12;
  }
  return svgPicture("What each platform mounts as input", [width, y + 4], parts);
}
