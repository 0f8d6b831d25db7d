import { ProcessorError } from "../../processor/errors.js";

/** What a pickle can hold once read: plain data, and what the allow-list builds. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | Set<PickleValue>
  | PickleObject;

/** Something that the allow-list built: a tensor, a numpy array, a storage. */
export interface PickleObject {
  readonly kind: string;
}

/** What stands behind a global that a pickle may name. */
export interface AllowedGlobal {
  /** Builds the value for REDUCE; absent when the global is only named (a storage class). */
  readonly build?: (args: readonly PickleValue[]) => PickleValue;
  /** What the global itself stands for when it is used as a value. */
  readonly value?: PickleValue;
  /** Applies BUILD's state to what `build` returned. */
  readonly setState?: (target: PickleValue, state: PickleValue) => PickleValue;
}

export interface PickleOptions {
  /** For messages. */
  readonly path: string;
  /** By `module name`. Anything else is refused by name; nothing is ever called. */
  readonly allowed: (moduleName: string, name: string) => AllowedGlobal | undefined;
  readonly persistentLoad?: (id: PickleValue) => PickleValue;
}

interface GlobalReference extends PickleObject {
  readonly kind: "global";
  readonly moduleName: string;
  readonly name: string;
  readonly allowed: AllowedGlobal;
}

const mark = Symbol("mark");
type StackItem = PickleValue | typeof mark;

/** Deeper nesting than this comes from no trainer. */
const maximumMemoEntries = 5_000_000;

/**
 * Reads one pickle (protocols 0 to 5 as far as torch and numpy write them) as data.
 *
 * @returns the value and the offset behind its STOP, where a legacy torch file goes on
 * @throws CHECKPOINT_UNSAFE when it names a global outside the allow-list, CHECKPOINT_TRUNCATED when it ends early,
 * CHECKPOINT_UNSUPPORTED for an opcode that no trainer writes
 */
export function readPickle(
  bytes: Uint8Array,
  options: PickleOptions,
  start = 0,
): { readonly value: PickleValue; readonly end: number } {
  return new PickleMachine(bytes, options, start).run();
}

class PickleMachine {
  private readonly view: DataView;
  private readonly stack: StackItem[] = [];
  private readonly memo = new Map<number, PickleValue>();
  private readonly stateSetters = new WeakMap<object, AllowedGlobal>();

  constructor(
    private readonly bytes: Uint8Array,
    private readonly options: PickleOptions,
    private offset: number,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): { readonly value: PickleValue; readonly end: number } {
    for (;;) {
      const opcode = this.uint8();
      if (opcode === 0x2e) return { value: this.pop(), end: this.offset };
      const step = opcodes[opcode];
      if (step === undefined) {
        throw new ProcessorError(
          "CHECKPOINT_UNSUPPORTED",
          `${this.options.path}: pickle opcode 0x${opcode.toString(16)} at byte ${this.offset - 1}`,
        );
      }
      step(this);
    }
  }

  push(item: StackItem): void {
    this.stack.push(item);
  }

  pop(): PickleValue {
    const item = this.stack.pop();
    if (item === undefined || item === mark) throw this.malformed("stack underflow");
    return item;
  }

  top(): PickleValue {
    const item = this.stack.at(-1);
    if (item === undefined || item === mark) throw this.malformed("stack underflow");
    return item;
  }

  popMark(): PickleValue[] {
    const at = this.stack.lastIndexOf(mark);
    if (at < 0) throw this.malformed("no mark");
    return this.stack.splice(at).slice(1) as PickleValue[];
  }

  put(index: number): void {
    if (this.memo.size >= maximumMemoEntries)
      throw this.malformed("more memo entries than any trainer writes");
    this.memo.set(index, this.top());
  }

  memoize(): void {
    this.put(this.memo.size);
  }

  get(index: number): void {
    const value = this.memo.get(index);
    if (value === undefined) throw this.malformed(`memo ${index} was never set`);
    this.push(value);
  }

  global(moduleName: string, name: string): void {
    const allowed = this.options.allowed(moduleName, name);
    if (allowed === undefined) {
      throw new ProcessorError(
        "CHECKPOINT_UNSAFE",
        `${this.options.path}: the pickle asks for ${moduleName}.${name}, which no nnU-Net checkpoint needs; it was not run`,
      );
    }
    const reference: GlobalReference = { kind: "global", moduleName, name, allowed };
    this.push(allowed.value ?? reference);
  }

  reduce(): void {
    const args = this.list(this.pop());
    this.construct(this.pop(), args);
  }

  construct(target: PickleValue, args: readonly PickleValue[]): void {
    if (!isGlobal(target) || target.allowed.build === undefined)
      throw this.malformed("a call of something not callable");
    const built = target.allowed.build(args);
    if (typeof built === "object" && built !== null) this.stateSetters.set(built, target.allowed);
    this.push(built);
  }

  build(): void {
    const state = this.pop();
    const target = this.pop();
    const setter =
      typeof target === "object" && target !== null ? this.stateSetters.get(target)?.setState : undefined;
    // Without a setter the state is an object's attributes (OrderedDict's `_metadata`): nothing that anyone reads.
    this.push(setter === undefined ? target : setter(target, state));
  }

  persistent(): void {
    if (this.options.persistentLoad === undefined)
      throw this.malformed("a persistent id outside a torch archive");
    this.push(this.options.persistentLoad(this.pop()));
  }

  setItems(map: PickleValue, items: readonly PickleValue[]): void {
    if (!(map instanceof Map)) throw this.malformed("items for something that is no dictionary");
    for (let i = 0; i + 1 < items.length; i += 2) map.set(items[i]!, items[i + 1]!);
  }

  append(target: PickleValue, items: readonly PickleValue[]): void {
    if (!Array.isArray(target)) throw this.malformed("elements for something that is no list");
    for (const item of items) target.push(item);
  }

  list(value: PickleValue): PickleValue[] {
    if (!Array.isArray(value)) throw this.malformed("arguments that are no tuple");
    return value;
  }

  uint8(): number {
    return this.take(1)[0]!;
  }

  uint16(): number {
    this.take(2);
    return this.view.getUint16(this.offset - 2, true);
  }

  int32(): number {
    this.take(4);
    return this.view.getInt32(this.offset - 4, true);
  }

  uint32(): number {
    this.take(4);
    return this.view.getUint32(this.offset - 4, true);
  }

  uint64(): number {
    this.take(8);
    const value = this.view.getBigUint64(this.offset - 8, true);
    if (value > BigInt(this.bytes.length)) throw this.truncated();
    return Number(value);
  }

  float64(): number {
    this.take(8);
    return this.view.getFloat64(this.offset - 8, false);
  }

  /** A view, never a copy: a claimed length can cost nothing that the file does not have. */
  take(length: number): Uint8Array {
    if (length < 0 || this.offset + length > this.bytes.length) throw this.truncated();
    this.offset += length;
    return this.bytes.subarray(this.offset - length, this.offset);
  }

  text(length: number): string {
    return Buffer.from(this.take(length)).toString("utf8");
  }

  line(): string {
    const end = this.bytes.indexOf(0x0a, this.offset);
    if (end < 0) throw this.truncated();
    const line = Buffer.from(this.take(end - this.offset)).toString("utf8");
    this.offset++;
    return line;
  }

  long(length: number): number | bigint {
    const digits = this.take(length);
    if (length > 64) throw this.malformed(`an integer of ${length} bytes`);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(digits[i]!);
    if (length > 0 && digits[length - 1]! >= 0x80) value -= 1n << BigInt(8 * length);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  malformed(reason: string): ProcessorError {
    return new ProcessorError(
      "MODEL_FILE_INVALID",
      `${this.options.path}: no valid pickle at byte ${this.offset}: ${reason}`,
    );
  }

  private truncated(): ProcessorError {
    return new ProcessorError(
      "CHECKPOINT_TRUNCATED",
      `${this.options.path}: the pickle ends at byte ${this.bytes.length}, in the middle of a value`,
    );
  }
}

const isGlobal = (value: PickleValue): value is GlobalReference =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "global";

type Step = (machine: PickleMachine) => void;

/** By opcode. INST, OBJ, EXT and the buffer opcodes are absent on purpose: neither torch nor numpy writes them. */
const opcodes: Readonly<Record<number, Step>> = {
  128: (m) => void m.uint8(), // PROTO
  149: (m) => void m.take(8), // FRAME
  40: (m) => m.push(mark), // MARK
  48: (m) => void m.pop(), // POP
  49: (m) => void m.popMark(), // POP_MARK
  50: (m) => m.push(m.top()), // DUP
  78: (m) => m.push(null), // NONE
  136: (m) => m.push(true), // NEWTRUE
  137: (m) => m.push(false), // NEWFALSE
  73: (m) => m.push(parseInteger(m.line())), // INT
  74: (m) => m.push(m.int32()), // BININT
  75: (m) => m.push(m.uint8()), // BININT1
  77: (m) => m.push(m.uint16()), // BININT2
  76: (m) => m.push(parseInteger(m.line())), // LONG
  138: (m) => m.push(m.long(m.uint8())), // LONG1
  139: (m) => m.push(m.long(m.int32())), // LONG4
  70: (m) => m.push(Number(m.line())), // FLOAT
  71: (m) => m.push(m.float64()), // BINFLOAT
  83: (m) => m.push(m.line().slice(1, -1)), // STRING
  84: (m) => m.push(Buffer.from(m.take(m.int32())).toString("latin1")), // BINSTRING
  85: (m) => m.push(Buffer.from(m.take(m.uint8())).toString("latin1")), // SHORT_BINSTRING
  86: (m) => m.push(m.line()), // UNICODE
  88: (m) => m.push(m.text(m.uint32())), // BINUNICODE
  140: (m) => m.push(m.text(m.uint8())), // SHORT_BINUNICODE
  141: (m) => m.push(m.text(m.uint64())), // BINUNICODE8
  66: (m) => m.push(m.take(m.uint32())), // BINBYTES
  67: (m) => m.push(m.take(m.uint8())), // SHORT_BINBYTES
  142: (m) => m.push(m.take(m.uint64())), // BINBYTES8
  150: (m) => m.push(m.take(m.uint64())), // BYTEARRAY8
  93: (m) => m.push([]), // EMPTY_LIST
  41: (m) => m.push([]), // EMPTY_TUPLE
  125: (m) => m.push(new Map()), // EMPTY_DICT
  143: (m) => m.push(new Set()), // EMPTY_SET
  108: (m) => m.push(m.popMark()), // LIST
  116: (m) => m.push(m.popMark()), // TUPLE
  100: (m) => {
    const items = m.popMark(); // DICT
    m.push(new Map());
    m.setItems(m.top(), items);
  },
  145: (m) => m.push(new Set(m.popMark())), // FROZENSET
  144: (m) => {
    const items = m.popMark(); // ADDITEMS
    const target = m.top();
    if (!(target instanceof Set)) throw m.malformed("elements for something that is no set");
    for (const item of items) target.add(item);
  },
  133: (m) => m.push([m.pop()]), // TUPLE1
  134: (m) => m.push([m.pop(), m.pop()].reverse()), // TUPLE2
  135: (m) => m.push([m.pop(), m.pop(), m.pop()].reverse()), // TUPLE3
  97: (m) => {
    const item = m.pop(); // APPEND
    m.append(m.top(), [item]);
  },
  101: (m) => {
    const items = m.popMark(); // APPENDS
    m.append(m.top(), items);
  },
  115: (m) => {
    const value = m.pop(); // SETITEM
    const key = m.pop();
    m.setItems(m.top(), [key, value]);
  },
  117: (m) => {
    const items = m.popMark(); // SETITEMS
    m.setItems(m.top(), items);
  },
  112: (m) => m.put(Number(m.line())), // PUT
  113: (m) => m.put(m.uint8()), // BINPUT
  114: (m) => m.put(m.uint32()), // LONG_BINPUT
  148: (m) => m.memoize(), // MEMOIZE
  103: (m) => m.get(Number(m.line())), // GET
  104: (m) => m.get(m.uint8()), // BINGET
  106: (m) => m.get(m.uint32()), // LONG_BINGET
  99: (m) => m.global(m.line(), m.line()), // GLOBAL
  147: (m) => {
    const name = m.pop(); // STACK_GLOBAL
    const moduleName = m.pop();
    if (typeof name !== "string" || typeof moduleName !== "string")
      throw m.malformed("a global without a name");
    m.global(moduleName, name);
  },
  82: (m) => m.reduce(), // REDUCE
  129: (m) => m.reduce(), // NEWOBJ
  98: (m) => m.build(), // BUILD
  81: (m) => m.persistent(), // BINPERSID
};

/** Protocol 0 writes True as `01`, False as `00`, and longs with an `L` behind. */
function parseInteger(line: string): PickleValue {
  if (line === "01") return true;
  if (line === "00") return false;
  const value = BigInt(line.replace(/L$/, ""));
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
