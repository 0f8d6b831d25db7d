import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { isStatementSignedBy, signedStatement } from "../../../src/attest/signed-statement.js";

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const statement = Buffer.from('{"_type": "https://in-toto.io/Statement/v1"}');
const envelope = JSON.parse(signedStatement(statement, privateKey).toString()) as Record<string, unknown>;

describe("isStatementSignedBy", () => {
  test("finds the signature of a key", () => {
    expect(isStatementSignedBy(Buffer.from(JSON.stringify(envelope)), statement, privateKey)).toBe(true);
  });

  test.each([[null], [1], [[]], [{}], [{ sig: null }], [{ sig: { toString: 1 } }], [{ sig: "" }]])(
    "finds none in %j",
    (signature) => {
      const changed = Buffer.from(JSON.stringify({ ...envelope, signatures: [signature] }));
      expect(isStatementSignedBy(changed, statement, privateKey)).toBe(false);
    },
  );
});
