import { expect, test } from "vitest";
import { nearest } from "../../../processor/contract/nearest-name.js";

test.each([
  { wanted: "3d_fulres", names: ["2d", "3d_fullres"], near: "3d_fullres" },
  { wanted: "lits", names: ["list", "info"], near: "list" },
  { wanted: "livr", names: ["liver", "spleen"], near: "liver" },
  { wanted: "3D", names: ["2d", "3d"], near: "3d" },
  { wanted: "3d", names: ["2d", "3d_fullres"], near: null },
  { wanted: "ct", names: ["MR", "T1"], near: null },
  { wanted: "cpo", names: ["cpu", "cuda"], near: "cpu" },
  { wanted: "gpu", names: ["cuda", "mps"], near: null },
])("$wanted is a slip for $near of $names", ({ wanted, names, near }) => {
  expect(nearest(wanted, names)).toBe(near);
});
