import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repositoryRoot } from "../golden.js";

export interface ModelEdit {
  /** New values by path: `{"plans.configurations.odd.spacing": [1, 1, 1]}`; undefined removes the field. */
  readonly json?: Readonly<Record<string, unknown>>;
  /** Changes the copied folder. */
  readonly folder?: (modelDir: string) => void;
}

/** Calls `use` with a changed copy of a fixture network's model folder. */
export async function withEditedModel<T>(
  fixture: string,
  edit: ModelEdit,
  use: (modelDir: string) => Promise<T>,
): Promise<T> {
  const parent = mkdtempSync(join(tmpdir(), "edited-model-"));
  try {
    const modelDir = join(parent, "model");
    cpSync(join(repositoryRoot, "test", "fixtures", fixture), modelDir, { recursive: true });
    if (edit.json !== undefined) editJson(modelDir, edit.json);
    edit.folder?.(modelDir);
    return await use(modelDir);
  } finally {
    rmSync(parent, { recursive: true });
  }
}

function editJson(modelDir: string, edits: Readonly<Record<string, unknown>>): void {
  for (const [path, value] of Object.entries(edits)) {
    const [document = "", ...keys] = path.split(".");
    const file = join(modelDir, `${document}.json`);
    const root: unknown = JSON.parse(readFileSync(file, "utf8"));
    const last = keys.pop() ?? "";
    const parent = keys.reduce((node, key) => (node as JsonObject)[key], root) as JsonObject;
    // JSON.stringify leaves out fields that are undefined.
    parent[last] = value;
    writeFileSync(file, JSON.stringify(root));
  }
}

type JsonObject = Record<string, unknown>;
