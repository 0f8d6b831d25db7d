import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Field } from "../../../../src/checkpoint/fields.js";
import { NumpyArray } from "../../../../src/checkpoint/pickle/numpy-globals.js";
import { readPickle } from "../../../../src/checkpoint/pickle/read-pickle.js";
import { UnreadObject } from "../../../../src/checkpoint/pickle/unread-object.js";
import { checkpointGlobals } from "../../../../src/checkpoint/torch/torch-globals.js";
import { repositoryRoot } from "../../../support/golden.js";
import { PickleWriter } from "../../../support/model/pickle-writer.js";

const read = (bytes: Uint8Array): unknown =>
  readPickle(bytes, { source: "test.pkl", globals: checkpointGlobals("test.pkl") }).value;

const fromBase64 = (text: string) => Buffer.from(text, "base64");

describe("a pickle of Python is read as the same data", () => {
  // pickle.dumps({"a": [1, -2, 3.5, True, None, (1, 2), "é\n", 2**70, -2**40, 300, 70000],
  //               "empty": [[], (), {}], "nested": {"k": (1, (2, 3, 4, 5))}}, protocol)
  test.each([
    [
      0,
      "KGRwMApWYQpwMQoobHAyCkkxCmFJLTIKYUYzLjUKYUkwMQphTmEoSTEKSTIKdHAzCmFW6Vx1MDAwYQpwNAphTDExODA1OTE2MjA3MTc0MTEzMDM0MjRMCmFMLTEwOTk1MTE2Mjc3NzZMCmFJMzAwCmFJNzAwMDAKYXNWZW1wdHkKcDUKKGxwNgoobHA3CmEodGEoZHA4CmFzVm5lc3RlZApwOQooZHAxMApWawpwMTEKKEkxCihJMgpJMwpJNApJNQp0cDEyCnRwMTMKc3Mu",
    ],
    [
      1,
      "fXEAKFgBAAAAYXEBXXECKEsBSv7///9HQAwAAAAAAABJMDEKTihLAUsCdHEDWAMAAADDqQpxBEwxMTgwNTkxNjIwNzE3NDExMzAzNDI0TApMLTEwOTk1MTE2Mjc3NzZMCk0sAUpwEQEAZVgFAAAAZW1wdHlxBV1xBihdcQcpfXEIZVgGAAAAbmVzdGVkcQl9cQpYAQAAAGtxCyhLAShLAksDSwRLBXRxDHRxDXN1Lg==",
    ],
    [
      2,
      "gAJ9cQAoWAEAAABhcQFdcQIoSwFK/v///0dADAAAAAAAAIhOSwFLAoZxA1gDAAAAw6kKcQSKCQAAAAAAAAAAQIoGAAAAAAD/TSwBSnARAQBlWAUAAABlbXB0eXEFXXEGKF1xByl9cQhlWAYAAABuZXN0ZWRxCX1xClgBAAAAa3ELSwEoSwJLA0sESwV0cQyGcQ1zdS4=",
    ],
    [
      4,
      "gASVdgAAAAAAAAB9lCiMAWGUXZQoSwFK/v///0dADAAAAAAAAIhOSwFLAoaUjAPDqQqUigkAAAAAAAAAAECKBgAAAAAA/00sAUpwEQEAZYwFZW1wdHmUXZQoXZQpfZRljAZuZXN0ZWSUfZSMAWuUSwEoSwJLA0sESwV0lIaUc3Uu",
    ],
    [
      5,
      "gAWVdgAAAAAAAAB9lCiMAWGUXZQoSwFK/v///0dADAAAAAAAAIhOSwFLAoaUjAPDqQqUigkAAAAAAAAAAECKBgAAAAAA/00sAUpwEQEAZYwFZW1wdHmUXZQoXZQpfZRljAZuZXN0ZWSUfZSMAWuUSwEoSwJLA0sESwV0lIaUc3Uu",
    ],
  ])("in protocol %i", (_, pickle) => {
    expect(read(fromBase64(pickle))).toEqual(
      new Map<string, unknown>([
        ["a", [1, -2, 3.5, true, null, [1, 2], "é\n", 2n ** 70n, -(2 ** 40), 300, 70000]],
        ["empty", [[], [], new Map()]],
        ["nested", new Map([["k", [1, [2, 3, 4, 5]]]])],
      ]),
    );
  });

  // {"b": b"\x00\xff", "s": {7}, "f": frozenset([8]), "ba": bytearray(b"hi"), "od": OrderedDict([("x", 1)]),
  //  "dd": defaultdict(list, {"y": [2]})}
  test.each([
    [
      2,
      "gAJ9cQAoWAEAAABicQFjX2NvZGVjcwplbmNvZGUKcQJYAwAAAADDv3EDWAYAAABsYXRpbjFxBIZxBVJxBlgBAAAAc3EHY19fYnVpbHRpbl9fCnNldApxCF1xCUsHYYVxClJxC1gBAAAAZnEMY19fYnVpbHRpbl9fCmZyb3plbnNldApxDV1xDksIYYVxD1JxEFgCAAAAYmFxEWNfX2J1aWx0aW5fXwpieXRlYXJyYXkKcRJoAlgCAAAAaGlxE2gEhnEUUnEVhXEWUnEXWAIAAABvZHEYY2NvbGxlY3Rpb25zCk9yZGVyZWREaWN0CnEZKVJxGlgBAAAAeHEbSwFzWAIAAABkZHEcY2NvbGxlY3Rpb25zCmRlZmF1bHRkaWN0CnEdY19fYnVpbHRpbl9fCmxpc3QKcR6FcR9ScSBYAQAAAHlxIV1xIksCYXN1Lg==",
    ],
    [
      4,
      "gASVpQAAAAAAAAB9lCiMAWKUQwIA/5SMAXOUj5QoSweQjAFmlChLCJGUjAJiYZSMCGJ1aWx0aW5zlIwJYnl0ZWFycmF5lJOUQwJoaZSFlFKUjAJvZJSMC2NvbGxlY3Rpb25zlIwLT3JkZXJlZERpY3SUk5QpUpSMAXiUSwFzjAJkZJRoD4wLZGVmYXVsdGRpY3SUk5RoCIwEbGlzdJSTlIWUUpSMAXmUXZRLAmFzdS4=",
    ],
    [
      5,
      "gAWVmAAAAAAAAAB9lCiMAWKUQwIA/5SMAXOUj5QoSweQjAFmlChLCJGUjAJiYZSWAgAAAAAAAABoaZSMAm9klIwLY29sbGVjdGlvbnOUjAtPcmRlcmVkRGljdJSTlClSlIwBeJRLAXOMAmRklGgKjAtkZWZhdWx0ZGljdJSTlIwIYnVpbHRpbnOUjARsaXN0lJOUhZRSlIwBeZRdlEsCYXN1Lg==",
    ],
  ])("with bytes, sets and the dicts of collections in protocol %i", (_, pickle) => {
    const value = read(fromBase64(pickle)) as Map<string, unknown>;
    expect([...(value.get("b") as Uint8Array)]).toEqual([0, 255]);
    expect(Buffer.from(value.get("ba") as Uint8Array).toString()).toBe("hi");
    expect(value.get("s")).toEqual(new Set([7]));
    expect(value.get("f")).toEqual(new Set([8]));
    expect(value.get("od")).toEqual(new Map([["x", 1]]));
    expect(value.get("dd")).toEqual(new Map([["y", [2]]]));
  });

  // {"f4": float32(1.5), "i8": int64(-7), "b": bool_(True), "a": int16 [[1, 2, 3], [4, 5, 6]], "s": ["ab", "c"],
  //  "o": object [None, "x"], "big": ">f8" [1, 2], "h": float16(0.1), "str": str_("hey"), "bo": [True, False]}
  const numpyProtocol2 =
    "gAJ9cQAoWAIAAABmNHEBY251bXB5Ll9jb3JlLm11bHRpYXJyYXkKc2NhbGFyCnECY251bXB5CmR0eXBlCnEDWAIAAABmNHEEiYiHcQVScQYoSwNYAQAAADxxB05OTkr/////Sv////9LAHRxCGJjX2NvZGVjcwplbmNvZGUKcQlYBQAAAAAAw4A/cQpYBgAAAGxhdGluMXELhnEMUnENhnEOUnEPWAIAAABpOHEQaAJoA1gCAAAAaThxEYmIh3ESUnETKEsDaAdOTk5K/////0r/////SwB0cRRiaAlYEAAAAMO5w7/Dv8O/w7/Dv8O/w79xFWgLhnEWUnEXhnEYUnEZWAEAAABicRpoAmgDWAIAAABiMXEbiYiHcRxScR0oSwNYAQAAAHxxHk5OTkr/////Sv////9LAHRxH2JoCVgBAAAAAXEgaAuGcSFScSKGcSNScSRYAQAAAGFxJWNudW1weS5fY29yZS5tdWx0aWFycmF5Cl9yZWNvbnN0cnVjdApxJmNudW1weQpuZGFycmF5CnEnSwCFcShoCVgBAAAAYnEpaAuGcSpScSuHcSxScS0oSwFLAksDhnEuaANYAgAAAGkycS+JiIdxMFJxMShLA2gHTk5OSv////9K/////0sAdHEyYoloCVgMAAAAAQACAAMABAAFAAYAcTNoC4ZxNFJxNXRxNmJYAQAAAHNxN2gmaCdLAIVxOGgrh3E5UnE6KEsBSwKFcTtoA1gCAAAAVTJxPImIh3E9UnE+KEsDaAdOTk5LCEsESwh0cT9iiWgJWBAAAABhAAAAYgAAAGMAAAAAAAAAcUBoC4ZxQVJxQnRxQ2JYAQAAAG9xRGgmaCdLAIVxRWgrh3FGUnFHKEsBSwKFcUhoA1gCAAAATzhxSYmIh3FKUnFLKEsDaB5OTk5K/////0r/////Sz90cUxiiV1xTShOWAEAAAB4cU5ldHFPYlgDAAAAYmlncVBoJmgnSwCFcVFoK4dxUlJxUyhLAUsChXFUaANYAgAAAGY4cVWJiIdxVlJxVyhLA1gBAAAAPnFYTk5OSv////9K/////0sAdHFZYoloCVgRAAAAP8OwAAAAAAAAQAAAAAAAAABxWmgLhnFbUnFcdHFdYlgBAAAAaHFeaAJoA1gCAAAAZjJxX4mIh3FgUnFhKEsDaAdOTk5K/////0r/////SwB0cWJiaAlYAgAAAGYucWNoC4ZxZFJxZYZxZlJxZ1gDAAAAc3RycWhoAmgDWAIAAABVM3FpiYiHcWpScWsoSwNoB05OTksMSwRLCHRxbGJoCVgMAAAAaAAAAGUAAAB5AAAAcW1oC4ZxblJxb4ZxcFJxcVgCAAAAYm9xcmgmaCdLAIVxc2grh3F0UnF1KEsBSwKFcXZoHYloCVgCAAAAAQBxd2gLhnF4UnF5dHF6YnUu";
  const numpyProtocol5 =
    "gAWV4QIAAAAAAAB9lCiMAmY0lIwWbnVtcHkuX2NvcmUubXVsdGlhcnJheZSMBnNjYWxhcpSTlIwFbnVtcHmUjAVkdHlwZZSTlIwCZjSUiYiHlFKUKEsDjAE8lE5OTkr/////Sv////9LAHSUYkMEAADAP5SGlFKUjAJpOJRoBGgHjAJpOJSJiIeUUpQoSwNoC05OTkr/////Sv////9LAHSUYkMI+f////////+UhpRSlIwBYpRoBGgHjAJiMZSJiIeUUpQoSwOMAXyUTk5OSv////9K/////0sAdJRiQwEBlIaUUpSMAWGUjBNudW1weS5fY29yZS5udW1lcmljlIwLX2Zyb21idWZmZXKUk5QolgwAAAAAAAAAAQACAAMABAAFAAYAlGgHjAJpMpSJiIeUUpQoSwNoC05OTkr/////Sv////9LAHSUYksCSwOGlIwBQ5R0lFKUjAFzlGgkKJYQAAAAAAAAAGEAAABiAAAAYwAAAAAAAACUaAeMAlUylImIh5RSlChLA2gLTk5OSwhLBEsIdJRiSwKFlGgrdJRSlIwBb5RoAowMX3JlY29uc3RydWN0lJOUaAWMB25kYXJyYXmUk5RLAIWUQwFilIeUUpQoSwFLAoWUaAeMAk84lImIh5RSlChLA2gcTk5OSv////9K/////0s/dJRiiV2UKE6MAXiUZXSUYowDYmlnlGgkKJYQAAAAAAAAAD/wAAAAAAAAQAAAAAAAAACUaAeMAmY4lImIh5RSlChLA4wBPpROTk5K/////0r/////SwB0lGJLAoWUaCt0lFKUjAFolGgEaAeMAmYylImIh5RSlChLA2gLTk5OSv////9K/////0sAdJRiQwJmLpSGlFKUjANzdHKUaARoB4wCVTOUiYiHlFKUKEsDaAtOTk5LDEsESwh0lGJDDGgAAABlAAAAeQAAAJSGlFKUjAJib5RoJCiWAgAAAAAAAAABAJRoG0sChZRoK3SUUpR1Lg==";

  test.each([
    ["protocol 2", fromBase64(numpyProtocol2)],
    ["protocol 5", fromBase64(numpyProtocol5)],
    [
      "the module names of numpy 1",
      Buffer.from(
        Buffer.from(numpyProtocol2, "base64").toString("latin1").replaceAll("numpy._core", "numpy.core"),
        "latin1",
      ),
    ],
  ])("with numpy values in %s", (_, pickle) => {
    const value = read(pickle) as Map<string, unknown>;
    const array = (key: string) => {
      const { shape, values } = { shape: (value.get(key) as NumpyArray).shape, values: value.get(key) };
      expect(values).toBeInstanceOf(NumpyArray);
      return [shape, (values as NumpyArray).values()];
    };
    expect([value.get("f4"), value.get("i8"), value.get("b"), value.get("str")]).toEqual([
      1.5,
      -7,
      true,
      "hey",
    ]);
    expect(value.get("h")).toBeCloseTo(0.1, 4);
    expect(array("a")).toEqual([
      [2, 3],
      [1, 2, 3, 4, 5, 6],
    ]);
    expect(array("s")).toEqual([[2], ["ab", "c"]]);
    expect(array("o")).toEqual([[2], [null, "x"]]);
    expect(array("big")).toEqual([[2], [1, 2]]);
    expect(array("bo")).toEqual([[2], [true, false]]);
  });
});

describe("a pickle that would run code is refused with the name that it loads", () => {
  const call = (writer: PickleWriter) => writer.tuple((args) => args.string("touch /tmp/x")).raw("R");
  test.each([
    ["os.system", call(new PickleWriter().global("os", "system")), "os.system"],
    ["posix.system by the stack", call(new PickleWriter().stackGlobal("posix", "system")), "posix.system"],
    ["builtins.eval", call(new PickleWriter().global("builtins", "eval")), "builtins.eval"],
    ["builtins.getattr", call(new PickleWriter().global("builtins", "getattr")), "builtins.getattr"],
    ["torch.load", call(new PickleWriter().global("torch", "load")), "torch.load"],
    [
      "a nested name",
      call(new PickleWriter().stackGlobal("torch", "storage.os.system")),
      "torch.storage.os.system",
    ],
    ["a name that is not called", new PickleWriter().global("subprocess", "Popen"), "subprocess.Popen"],
    ["INST", new PickleWriter().raw("(").string("x").raw("i").text("os\nsystem\n"), "os.system"],
    ["OBJ", new PickleWriter().raw("(").global("os", "system").string("x").raw("o"), "os.system"],
    [
      "what another module imported",
      new PickleWriter().stackGlobal("random", "_os.system"),
      "random._os.system",
    ],
    ["a file's method", new PickleWriter().stackGlobal("pathlib", "Path.unlink"), "pathlib.Path.unlink"],
    [
      "the way from an object to its module",
      new PickleWriter().stackGlobal("collections", "Counter.__init__.__globals__"),
      "__globals__",
    ],
    ["builtins of another module", new PickleWriter().stackGlobal("torch", "builtins.eval"), "builtins.eval"],
    ["Python 2's builtins", call(new PickleWriter().global("__builtin__", "execfile")), "execfile"],
    ["a function from text", new PickleWriter().global("types", "FunctionType"), "types.FunctionType"],
    ["a method by its name", new PickleWriter().global("operator", "methodcaller"), "methodcaller"],
    ["a pickle in the pickle", call(new PickleWriter().global("_pickle", "loads")), "_pickle.loads"],
    [
      "torch's load of bytes",
      new PickleWriter().global("torch.storage", "_load_from_bytes"),
      "_load_from_bytes",
    ],
    ["numpy's load", call(new PickleWriter().global("numpy", "load")), "numpy.load"],
    [
      "attributes of a class",
      new PickleWriter().global("my", "Class").raw("}b"),
      "sets the attributes of my.Class",
    ],
  ])("%s", (_, writer, name) => {
    const attempt = () => read(writer.finish());
    expect(attempt).toThrow(expect.objectContaining({ code: "CHECKPOINT_UNSAFE" }));
    expect(attempt).toThrow(name);
  });

  test("without control characters that would reach the terminal", () => {
    const writer = new PickleWriter().global("os", `\u001b[2J${"x".repeat(500)}`);
    const attempt = () => read(writer.finish());
    expect(attempt).toThrow("asks to load os.?[2Jxxx");
    expect(attempt).not.toThrow("x".repeat(200));
  });
});

describe("a pickle that no training writes is refused, without mentioning code:", () => {
  test.each([
    ["an extension code", new PickleWriter().opcode(0x82).opcode(1), "EXT1"],
    ["an out-of-band buffer", new PickleWriter().opcode(0x97), "NEXT_BUFFER"],
    ["a persistent id as text", new PickleWriter().raw("P").text("0\n"), "PERSID"],
    [
      "a persistent id outside of torch",
      new PickleWriter().string("x").raw("Q"),
      "refers to objects outside",
    ],
    ["a call of data", new PickleWriter().raw("})R"), "calls something that is not a name"],
  ])("%s", (_, writer, message) => {
    const attempt = () => read(writer.finish());
    expect(attempt).toThrow(expect.objectContaining({ code: "CHECKPOINT_REFUSED" }));
    expect(attempt).toThrow(message);
  });
});

describe("objects that only Python could build are not read", () => {
  const fixture = (name: string) => readFileSync(join(repositoryRoot, "test/fixtures/checkpoints", name));

  test.each(["harmless.pkl", "harmless_p0.pkl"])(
    "the record that a training saves next to a checkpoint: %s",
    (name) => {
      const record = read(fixture(name)) as ReadonlyMap<string, unknown>;
      expect(record.get("name")).toBe("nnUNetTrainerV2");
      const extra = new Field(record.get("extra"), "extra");
      expect(extra.keys()).toHaveLength(34);
      expect(extra.get("counter").raw).toEqual(new Map([30, 60].map((step) => [step, 1])));
      expect(extra.get("datetime").text()).toBe("an object of datetime.datetime");
      // Only code that reads such an object gets an error, which describes it.
      for (const name of ["datetime", "decimal", "fortran", "dates", "record", "complex_array", "object"]) {
        expect(() => extra.get(name).list()).toThrow(expect.objectContaining({ code: "MODEL_FILE_INVALID" }));
      }
    },
  );

  test.each([
    ["JavaScript's own names", new PickleWriter().global("constructor", "constructor").raw(")R")],
    ["__proto__", new PickleWriter().global("__proto__", "__proto__").raw(")R")],
    ["a custom class", new PickleWriter().global("my.module", "Trainer").raw(")").opcode(0x81).raw("}b")],
    ["with items", new PickleWriter().global("my", "List").raw(")R(NNeNa(NNuNNs")],
    ["a type of torch", new PickleWriter().global("torch", "FloatStorage").raw(")R")],
  ])("%s", (_, writer) => {
    expect(read(writer.finish())).toBeInstanceOf(UnreadObject);
  });

  test("the keys of a dictionary are not properties of an object that is not read", () => {
    const value = read(new PickleWriter().global("my", "Class").finish());
    expect(() => new Field(value, "x").get("name")).toThrow(
      "x should be a dictionary, but is the name my.Class",
    );
  });
});

describe("a pickle that claims more than it contains costs no memory", () => {
  test.each([
    ["a text of 2 GB", new PickleWriter().raw("X").uint32(0x7fffffff)],
    ["bytes of 8 EB", new PickleWriter().opcode(0x8e).uint32(-1).uint32(0x6fffffff)],
    ["an integer of 2 GB", new PickleWriter().opcode(0x8b).uint32(0x7fffffff)],
    ["an integer of negative length", new PickleWriter().opcode(0x8b).uint32(-5)],
    ["a line without end", new PickleWriter().raw("I12345")],
  ])("%s", (_, writer) => {
    expect(() => read(writer.finish())).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^CHECKPOINT_(TRUNCATED|REFUSED)$/) }),
    );
  });

  test("millions of objects are refused", () => {
    const bytes = Buffer.alloc(5_000_000, "}");
    bytes.set([0x80, 2]);
    expect(() => read(bytes)).toThrow("more than 400 MB");
  });

  test("a short pickle that copies a long list again and again is refused", () => {
    // `set(list)` 1000 times, by the memo.
    const distinct = new PickleWriter().global("builtins", "set").raw("q").opcode(0).raw("](");
    for (let i = 0; i < 20_000; i++) distinct.integer(i);
    distinct.raw("e").raw("q").opcode(1);
    for (let i = 0; i < 1000; i++) distinct.raw("h").opcode(0).raw("(h").opcode(1).raw("tR");
    expect(() => read(distinct.finish())).toThrow("more than 400 MB");
  });

  test("a list that contains itself is read once", () => {
    const list = read(
      new PickleWriter().raw("]q").opcode(0).raw("h").opcode(0).raw("a").finish(),
    ) as unknown[];
    expect(list[0]).toBe(list);
  });

  /** Builds `numpy.core.multiarray._reconstruct()` with this shape and type, and this text as its bytes. */
  const numpyArray = (shape: readonly number[], type: string, text: string, writer = new PickleWriter()) => {
    writer.global("numpy.core.multiarray", "_reconstruct").raw(")R");
    writer.tuple((state) => {
      state.integer(1).tuple((sizes) => {
        for (const size of shape) sizes.integer(size);
      });
      state.global("numpy", "dtype").raw("(").string(type).raw("tR").opcode(0x89).string(text);
    });
    return writer.raw("b");
  };

  test("a numpy array of 400 million rows without values is refused on access", () => {
    const value = read(numpyArray([400_000_000, 0], "f4", "").finish());
    expect(() => new Field(value, "plans").list()).toThrow("plans has 400000000 values");
  });

  test("lists that are accessed many times are refused", () => {
    const writer = new PickleWriter().raw("](");
    numpyArray([100_000], "u1", "x".repeat(100_000), writer).raw("q").opcode(0);
    for (let i = 0; i < 300; i++) writer.raw("h").opcode(0);
    const field = new Field(read(writer.raw("e").finish()), "plans");
    expect(() => field.list().map((row) => row.list())).toThrow(
      "exceeds the total of 10000000 values allowed in a file",
    );
  });

  test("a numpy array with more bytes than its shape needs is not converted", () => {
    const value = read(numpyArray([2], "u1", "x".repeat(100_000)).finish()) as NumpyArray;
    expect(() => value.values()).toThrow("shape 2 in 100000 bytes");
  });

  test("a numpy array of 10^12 values in one byte is refused on access", () => {
    const writer = new PickleWriter().global("numpy.core.multiarray", "_reconstruct").raw(")R");
    writer.tuple((state) => {
      state.integer(1).tuple((shape) => shape.integer(1_000_000).integer(1_000_000));
      state.global("numpy", "dtype").raw("(").string("u1").raw("tR").opcode(0x89).string("x");
    });
    const array = read(writer.raw("b").finish()) as NumpyArray;
    expect(() => array.values()).toThrow(expect.objectContaining({ code: "MODEL_FILE_INVALID" }));
  });
});

describe("a damaged pickle is an error of the catalogue, never a crash:", () => {
  test.each([
    ["an empty file", Uint8Array.of()],
    ["no STOP", Uint8Array.of(0x80, 2, 0x7d)],
    ["STOP without a value", Uint8Array.of(0x80, 2, 0x2e)],
    ["an unknown opcode", Uint8Array.of(0x80, 2, 0xff, 0x2e)],
    ["a protocol of the future", Uint8Array.of(0x80, 9, 0x4e, 0x2e)],
    ["a mark that was never set", new PickleWriter().raw("t").finish()],
    ["a memo entry that was never set", new PickleWriter().raw("h").opcode(7).finish()],
    ["a key without value", new PickleWriter().raw("}(").string("x").raw("u").finish()],
    ["an item for a dict", new PickleWriter().raw("}Na").finish()],
    ["a pair for a list", new PickleWriter().raw("]NNs").finish()],
    ["an invalid number", new PickleWriter().raw("Iconstructor\n").finish()],
    ["an invalid float", new PickleWriter().raw("FtoString\n").finish()],
  ])("%s", (_, bytes) => {
    expect(() => read(bytes)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^(MODEL_FILE_INVALID|CHECKPOINT_TRUNCATED)$/) }),
    );
  });
});
