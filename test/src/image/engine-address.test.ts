import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { engineAddress } from "../../../src/docker/engine-address.js";

describe("engineAddress", () => {
  let config: string;

  beforeEach(() => {
    config = mkdtempSync(join(tmpdir(), "docker-config-"));
  });

  afterEach(() => rmSync(config, { recursive: true }));

  test.each([
    { host: "unix:///run/x.sock", options: { socketPath: "/run/x.sock" } },
    {
      host: "tcp://engine.example.org:2375",
      options: { protocol: "http", host: "engine.example.org", port: "2375" },
    },
    { host: "tcp://engine.example.org:2376", options: { protocol: "https", port: "2376" } },
    { host: "127.0.0.1:4243", options: { protocol: "http", host: "127.0.0.1", port: "4243" } },
    { host: "ssh://me@engine.example.org", options: { protocol: "ssh", username: "me", port: 22 } },
  ])("reads DOCKER_HOST $host", ({ host, options }) => {
    expect(engineAddress({ DOCKER_HOST: host, DOCKER_CONFIG: config }).options).toMatchObject(options);
  });

  test("refuses an invalid address and names it", () => {
    expect(() => engineAddress({ DOCKER_HOST: "tcp://[half", DOCKER_CONFIG: config })).toThrow("tcp://[half");
  });

  test("uses the context that `docker context use` has chosen", () => {
    writeContext("remote", "tcp://10.1.2.3:2375");
    writeFileSync(join(config, "config.json"), JSON.stringify({ currentContext: "remote" }));
    expect(engineAddress({ DOCKER_CONFIG: config }).url).toBe("tcp://10.1.2.3:2375");
  });

  test("prefers DOCKER_HOST to DOCKER_CONTEXT, and DOCKER_CONTEXT to the chosen context", () => {
    writeContext("chosen", "unix:///run/chosen.sock");
    writeContext("named", "unix:///run/named.sock");
    writeFileSync(join(config, "config.json"), JSON.stringify({ currentContext: "chosen" }));
    const named = { DOCKER_CONFIG: config, DOCKER_CONTEXT: "named" };
    expect(engineAddress(named).url).toBe("unix:///run/named.sock");
    expect(engineAddress({ ...named, DOCKER_HOST: "unix:///run/host.sock" }).url).toBe(
      "unix:///run/host.sock",
    );
  });

  test("says that a context does not exist", () => {
    expect(() => engineAddress({ DOCKER_CONFIG: config, DOCKER_CONTEXT: "gone" })).toThrow(/gone/);
  });

  function writeContext(name: string, host: string): void {
    const folder = join(config, "contexts", "meta", createHash("sha256").update(name).digest("hex"));
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      join(folder, "meta.json"),
      JSON.stringify({ Name: name, Endpoints: { docker: { Host: host } } }),
    );
  }
});
