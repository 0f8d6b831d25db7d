import { defineConfig } from "vitest/config";

/** Names at the end the tests that did not run, and the command that makes them run. */
const skippedByName = {
  onTestRunEnd(modules) {
    const skipped = modules.flatMap((module) =>
      [...module.children.allTests("skipped")].map((test) => skippedTest(module, test)),
    );
    if (skipped.length === 0) return;
    const missing = new Map();
    for (const test of skipped)
      for (const need of test.needs) missing.set(need, [...(missing.get(need) ?? []), test]);
    const names = skipped.map(({ file, name }) => `  ${file}: ${name}`);
    const reasons = [...missing].map(([need, tests]) => {
      const files = new Set(tests.map(({ file }) => file)).size;
      const verb = tests.length === 1 ? "needs" : "need";
      return `skipped: ${count(tests.length, "test")} in ${count(files, "file")} ${verb} ${need}`;
    });
    console.log(["", `${skipped.length} skipped:`, ...names, "", ...reasons].join("\n"));
  },
};

/** test/support/needs.ts puts what is missing into the name, in brackets. */
function skippedTest(module, { fullName }) {
  const needs = [...fullName.matchAll(/ \[needs ([^\]]*)\]/g)].map(([, need]) => need);
  const file = module.relativeModuleId.replace(/^dist\/(.*)\.js$/, "$1.ts");
  return { file, name: fullName.replaceAll(/ \[needs [^\]]*\]/g, ""), needs: new Set(needs) };
}

const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

/** A JSON report for CI, which counts. */
const reportFile = process.env.TEST_REPORT;

function project(name, include, exclude = []) {
  return { extends: true, test: { name, include, exclude } };
}

// Tests run as compiled: the same files, with the same worker threads, that users and images run.
export default defineConfig({
  test: {
    // `--project unit` chooses one.
    projects: [
      project("unit", ["dist/test/**/*.test.js"], ["dist/test/{golden,e2e}/**"]),
      project("golden", ["dist/test/golden/**/*.test.js"]),
      project("e2e", ["dist/test/e2e/**/*.test.js"]),
    ],
    // These end only what hangs: a busy machine takes several times as long as a quiet one.
    testTimeout: 300_000,
    hookTimeout: 600_000,
    reporters: [
      "default",
      skippedByName,
      ...(reportFile === undefined ? [] : [["json", { outputFile: reportFile }]]),
    ],
    pool: "forks",
    maxWorkers: 2,
  },
});
