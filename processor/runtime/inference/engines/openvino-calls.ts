import { join } from "node:path";
import { openvinoEntryLibrary } from "../../../contract/openvino-libraries.js";
import { loadNativeCalls, type NativeCalls, type Pointer } from "../../../files/native-calls.js";
import { freeFilePages } from "./free-file-pages.js";

/** Settings of a compiled network, in OpenVINO's words. */
export type OpenvinoProperties = Readonly<Record<string, string>>;

/** A network that OpenVINO has compiled for one shape of input. */
export interface CompiledNetwork {
  readonly outputShape: readonly number[];
  /** Returns the value that OpenVINO uses for a setting. */
  property(key: string): string;
  /** Creates a request that reads its input from one place in memory and writes its output to another. */
  request(input: Pointer, output: Pointer): InferRequest;
  free(): void;
}

export interface InferRequest {
  /** Computes once. OpenVINO computes in threads of its own. */
  run(): Promise<void>;
  free(): void;
}

/** The C interface of OpenVINO in this process. */
export class OpenvinoCalls {
  readonly #koffi: NativeCalls;
  readonly #call: Call;
  readonly #core: Pointer;

  /**
   * @param folder the folder with the libraries
   * @throws the error of the dynamic linker if they do not load
   */
  constructor(folder: string) {
    this.#koffi = loadNativeCalls();
    this.#call = declare(this.#koffi, join(folder, openvinoEntryLibrary));
    this.#core = this.#create((out) => this.#call.coreCreate(out));
  }

  /** Returns the version that the library itself reports, such as `2026.4.1-22982-…`. */
  get version(): string {
    const version: { buildNumber?: string } = {};
    this.#check(this.#call.version(version));
    return version.buildNumber ?? "";
  }

  /**
   * Reads an ONNX file and compiles it for the CPU.
   *
   * @param shape the input's shape
   * @throws Error with OpenVINO's message
   */
  compile(onnxFile: string, shape: readonly number[], properties: OpenvinoProperties): CompiledNetwork {
    const model = this.#create((out) => this.#call.readModel(this.#core, onnxFile, null, out));
    try {
      const bounds = BigInt64Array.from(shape.flatMap((size) => [BigInt(size), BigInt(size)]));
      const rank = { min: shape.length, max: shape.length };
      this.#check(this.#call.reshape(model, { rank, dims: bounds }));
      const list = Object.entries(properties).map(([key, value]) => ({ key, value }));
      const compiled = this.#create((out) =>
        this.#call.compile(this.#core, model, "CPU", list.length, list, out),
      );
      return this.#network(compiled, shape);
    } finally {
      this.#call.modelFree(model);
      // The compiled network has a copy of the weights in its own order.
      freeFilePages(onnxFile);
    }
  }

  #network(compiled: Pointer, inputShape: readonly number[]): CompiledNetwork {
    const outputShape = this.#outputShape(compiled);
    return {
      outputShape,
      property: (key) => this.#text((out) => this.#call.property(compiled, key, out)),
      request: (input, output) => this.#request(compiled, [inputShape, input], [outputShape, output]),
      free: () => this.#call.compiledFree(compiled),
    };
  }

  #outputShape(compiled: Pointer): readonly number[] {
    const port = this.#create((out) => this.#call.output(compiled, out));
    try {
      const shape: { rank?: number; dims?: Pointer } = {};
      this.#check(this.#call.portShape(port, shape));
      const sizes = this.#koffi.decode(shape.dims, "int64_t", Number(shape.rank)) as ArrayLike<
        number | bigint
      >;
      return Array.from(sizes, Number);
    } finally {
      this.#call.portFree(port);
    }
  }

  #request(compiled: Pointer, input: Place, output: Place): InferRequest {
    const call = this.#call;
    const request = this.#create((out) => call.createRequest(compiled, out));
    const tensors = [this.#tensor(input), this.#tensor(output)] as const;
    this.#check(call.setInput(request, 0, tensors[0]));
    this.#check(call.setOutput(request, 0, tensors[1]));
    return {
      run: async () => {
        this.#check(call.start(request));
        this.#check(
          await new Promise<number>((resolve, reject) => {
            call.wait.async(request, (error: Error | null, status: number) =>
              error === null ? resolve(status) : reject(error),
            );
          }),
        );
      },
      free: () => {
        call.requestFree(request);
        for (const tensor of tensors) call.tensorFree(tensor);
      },
    };
  }

  #tensor([shape, address]: Place): Pointer {
    const dims = BigInt64Array.from(shape, BigInt);
    return this.#create((out) =>
      this.#call.tensor(elementTypeFloat32, { rank: shape.length, dims }, address, out),
    );
  }

  #create(make: (out: [Pointer | null]) => number): Pointer {
    const out: [Pointer | null] = [null];
    this.#check(make(out));
    return out[0]!;
  }

  #text(get: (out: [Pointer | null]) => number): string {
    const address = this.#create(get);
    const text = this.#koffi.decode(address, "char", -1) as string;
    this.#call.free(address);
    return text;
  }

  #check(status: number): void {
    if (status === 0) return;
    const message = (this.#call.lastError() ?? "").trim();
    throw new Error(message === "" ? `OpenVINO failed with status ${status}` : openvinoWords(message));
  }
}

type Place = readonly [shape: readonly number[], address: Pointer];

/**
 * Returns OpenVINO's own message, without the lines that name C++ files.
 *
 * @example openvinoWords("Exception from src/inference/src/cpp/core.cpp:95:\nUnable to read the model") // "Unable to
 *   read the model"
 */
export const openvinoWords = (message: string): string =>
  message
    .split("\n")
    .map((line) =>
      line
        .replace(/^Exception from \S+:\d+:\s*/, "")
        .replace(/^Check '.*' failed at \S+:\d+:\s*/, "")
        .trim(),
    )
    .filter((line) => line !== "")
    .join(" ");

/** A value of OpenVINO's `ov_element_type_e`. */
const elementTypeFloat32 = 4;

type Out = [Pointer | null];

/** The functions that are called. Each returns OpenVINO's status, 0 for success, unless its type says otherwise. */
interface Call {
  version(out: object): number;
  lastError(): string | null;
  free(text: Pointer): void;
  coreCreate(out: Out): number;
  readModel(core: Pointer, path: string, weights: null, out: Out): number;
  reshape(model: Pointer, shape: object): number;
  modelFree(model: Pointer): void;
  compile(core: Pointer, model: Pointer, device: string, count: number, list: object, out: Out): number;
  property(compiled: Pointer, key: string, out: Out): number;
  compiledFree(compiled: Pointer): void;
  output(compiled: Pointer, out: Out): number;
  portShape(port: Pointer, out: object): number;
  portFree(port: Pointer): void;
  createRequest(compiled: Pointer, out: Out): number;
  requestFree(request: Pointer): void;
  tensor(type: number, shape: object, address: Pointer, out: Out): number;
  tensorFree(tensor: Pointer): void;
  setInput(request: Pointer, index: number, tensor: Pointer): number;
  setOutput(request: Pointer, index: number, tensor: Pointer): number;
  start(request: Pointer): number;
  wait: { async(request: Pointer, done: (error: Error | null, status: number) => void): void };
}

function declare(koffi: NativeCalls, file: string): Call {
  const library = koffi.load(file);
  const dimension = koffi.struct({ min: "int64_t", max: "int64_t" });
  const partialShape = koffi.struct({ rank: dimension, dims: "void *" });
  const shape = koffi.struct({ rank: "int64_t", dims: "void *" });
  const property = koffi.struct({ key: "const char *", value: "const char *" });
  const version = koffi.struct({ buildNumber: "const char *", description: "const char *" });
  type TypeSpec = Parameters<NativeCalls["out"]>[0];
  const out = (type: TypeSpec) => koffi.out(koffi.pointer(type));
  const created = out("void *");
  const status = (name: string, ...parameters: TypeSpec[]) => library.func(name, "int", parameters);
  const nothing = (name: string) => library.func(name, "void", ["void *"]);
  return {
    version: status("ov_get_openvino_version", out(version)),
    lastError: library.func("ov_get_last_err_msg", "const char *", []),
    free: nothing("ov_free"),
    coreCreate: status("ov_core_create", created),
    readModel: status("ov_core_read_model", "void *", "const char *", "const char *", created),
    reshape: status("ov_model_reshape_single_input", "void *", partialShape),
    modelFree: nothing("ov_model_free"),
    compile: status(
      "ov_core_compile_model_props",
      ...["void *", "void *", "const char *", "size_t", koffi.pointer(property), created],
    ),
    property: status("ov_compiled_model_get_property", "void *", "const char *", created),
    compiledFree: nothing("ov_compiled_model_free"),
    output: status("ov_compiled_model_output", "void *", created),
    portShape: status("ov_const_port_get_shape", "void *", out(shape)),
    portFree: nothing("ov_output_const_port_free"),
    createRequest: status("ov_compiled_model_create_infer_request", "void *", created),
    requestFree: nothing("ov_infer_request_free"),
    tensor: status("ov_tensor_create_from_host_ptr", "int", shape, "void *", created),
    tensorFree: nothing("ov_tensor_free"),
    setInput: status("ov_infer_request_set_input_tensor_by_index", "void *", "size_t", "void *"),
    setOutput: status("ov_infer_request_set_output_tensor_by_index", "void *", "size_t", "void *"),
    start: status("ov_infer_request_start_async", "void *"),
    wait: status("ov_infer_request_wait", "void *"),
  };
}
