import { defineConfig } from "vitest/config";

// Tests run as compiled: the same files, with the same worker threads, that users and images run.
export default defineConfig({
  test: {
    include: ["dist/test/**/*.test.js"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
  },
});
