import { describe, expect, test } from "vitest";
import { parseRetryAfter } from "../../../src/download/retry.js";
import { cacheFolder } from "../../../src/model-source/cache-folder.js";

describe("Retry-After", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  test.each([
    { name: "seconds", header: "120", ms: 120_000 },
    { name: "a date", header: "Thu, 01 Jan 2026 00:01:30 GMT", ms: 90_000 },
    { name: "a date in the past", header: "Wed, 31 Dec 2025 00:00:00 GMT", ms: 0 },
    { name: "nonsense", header: "soon", ms: null },
    { name: "nothing", header: undefined, ms: null },
  ])("is read as $name", ({ header, ms }) => {
    expect(parseRetryAfter(header, now)).toBe(ms);
  });
});

describe("the cache folder", () => {
  test.each([
    {
      name: "XDG_CACHE_HOME",
      environment: { XDG_CACHE_HOME: "/scratch/me" },
      ends: /^\/scratch\/me\/nnunet-processor$/,
    },
    {
      name: "~/.cache when XDG_CACHE_HOME is relative",
      environment: { XDG_CACHE_HOME: "cache" },
      ends: /\/\.cache\/nnunet-processor$/,
    },
    { name: "~/.cache by default", environment: {}, ends: /\/\.cache\/nnunet-processor$/ },
  ])("is below $name", ({ environment, ends }) => {
    expect(cacheFolder(environment, "linux")).toMatch(ends);
  });
});
