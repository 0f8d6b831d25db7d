import { describe, expect, test } from "vitest";
import { defaultTag, imageNameOf } from "../../../src/config/image-name.js";

const task = { id: 4, name: "Hippocampus" };
const now = new Date(1_700_000_000_500);

describe("a tag is filled in like Python's str.format", () => {
  test.each([
    [defaultTag, "nnunet/processor-task4-hippocampus:1700000000"],
    ["team/liver:1", "team/liver:1"],
    ["team/liver", "team/liver:latest"],
    ["registry.example.org:5000/{task_name}:v{task_id}", "registry.example.org:5000/hippocampus:v4"],
    ["localhost/a:{timestamp}", "localhost/a:1700000000"],
  ])("%s", (template, name) => {
    expect(imageNameOf(template, task, now)).toBe(name);
  });
});

describe("an image name that Docker would refuse is refused with the rule", () => {
  test.each([
    ["Team/liver:1", "upper-case"],
    ["team/li ver", "must be lower-case letters and digits"],
    ["team//liver", "must be lower-case letters and digits"],
    ["team/-liver", "must be lower-case letters and digits"],
    ["team/liver:.1", "the tag"],
    [`team/liver:${"x".repeat(129)}`, "1 to 128"],
    ["exa_mple.org/liver", "not a host name"],
    ["team/{task}:1", "no {task}; there are {task_id}, {task_name}, {timestamp}"],
    ["team/{constructor}:1", "no {constructor}; there are"],
    ["team/{__proto__}:1", "no {__proto__}; there are"],
    [`${"a".repeat(256)}`, "longer than 255"],
  ])("%s", (template, rule) => {
    expect(() => imageNameOf(template, task, now)).toThrow(rule);
  });
});
