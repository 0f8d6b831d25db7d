import { join } from "node:path";
import { writeOciLayout } from "./oci-layout.js";
import { assemble, smallRootFileSystem } from "./oci-scratch.js";
import { testPlan } from "./test-plan.js";

/** Writes a base image with one program as an OCI layout, and returns `oci:<folder>/base`. */
export async function smallBase(folder: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const archive = await smallRootFileSystem(folder);
  const plan = testPlan({ base: { kind: "root-file-system", archive }, env });
  const image = await assemble(plan, join(folder, "base-cache"));
  await writeOciLayout(image, join(folder, "base"));
  return `oci:${join(folder, "base")}`;
}
