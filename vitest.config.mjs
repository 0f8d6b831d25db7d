import { defineConfig } from "vitest/config";

/** Lists at the end the skipped tests and the commands that make them run. */
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

/** Reads what a skipped test needs from the brackets that test/support/needs.ts adds to its name. */
function skippedTest(module, { fullName }) {
  const needs = [...fullName.matchAll(/ \[needs ([^\]]*)\]/g)].map(([, need]) => need);
  const file = module.relativeModuleId.replace(/^dist\/(.*)\.js$/, "$1.ts");
  return { file, name: fullName.replaceAll(/ \[needs [^\]]*\]/g, ""), needs: new Set(needs) };
}

const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

/** The file for a JSON report, in which CI counts the tests. */
const reportFile = process.env.TEST_REPORT;

function project(name, include, exclude = []) {
  return { extends: true, test: { name, include, exclude } };
}

// The tests run the compiled files, which users and images run as well, with the same worker threads.
export default defineConfig({
  test: {
    // `--project unit` runs only one of them.
    projects: [
      project("unit", ["dist/test/**/*.test.js"], ["dist/test/{golden,e2e}/**"]),
      project("golden", ["dist/test/golden/**/*.test.js"]),
      project("e2e", ["dist/test/e2e/**/*.test.js"]),
    ],
    globalSetup: "test/build-page.mjs",
    // The limits are long, because a busy machine takes several times as long as a quiet one.
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
