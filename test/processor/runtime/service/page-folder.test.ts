import { expect, test } from "vitest";
import { pageFolder } from "../../../../processor/runtime/service/start/page-folder.js";
import { temporaryFolder } from "../../../support/service/test-service.js";

test("a folder without a page is refused", () => {
  const folder = temporaryFolder();
  expect(() => pageFolder(folder)).toThrow(
    expect.objectContaining({ code: "SERVICE_USAGE", message: `--page-dir ${folder} has no index.html` }),
  );
});
