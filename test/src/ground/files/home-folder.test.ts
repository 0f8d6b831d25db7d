import { spawnSync } from "node:child_process";
import { userInfo } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { repositoryRoot } from "../../../support/golden.js";

const module = pathToFileURL(join(repositoryRoot, "dist", "processor", "contract", "home-folder.js")).href;

test.each([
  { named: "/somewhere", home: "/somewhere" },
  { named: "", home: userInfo().homedir },
  { named: "relative", home: userInfo().homedir },
])("HOME=$named gives $home", ({ named, home }) => {
  const code = `import(${JSON.stringify(module)}).then(({ homeFolder }) => process.stdout.write(homeFolder()))`;
  const { stdout } = spawnSync(process.execPath, ["-e", code], { env: { HOME: named }, encoding: "utf8" });
  expect(stdout).toBe(home);
});
