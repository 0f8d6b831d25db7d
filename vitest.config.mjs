import { defineConfig } from "vitest/config";

/** Says at the end which tests did not run: without a Docker engine, for example. */
const skippedByName = {
  onTestRunEnd(modules) {
    const names = modules.flatMap((module) =>
      [...module.children.allTests("skipped")].map((test) => test.fullName),
    );
    if (names.length > 0)
      console.log(["", `${names.length} skipped:`, ...names.map((name) => `  ${name}`)].join("\n"));
  },
};

/** A JSON report for CI, which counts. */
const reportFile = process.env.TEST_REPORT;

// Tests run as compiled: the same files, with the same worker threads, that users and images run.
export default defineConfig({
  test: {
    include: ["dist/test/**/*.test.js"],
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
