import { ProcessorError } from "../../../processor/errors.js";
import { ByteCursor } from "./byte-cursor.js";
import { littleEndianInteger, narrow } from "./integers.js";
import { opcodes } from "./opcodes.js";
import { type GlobalTable, type PickleGlobal, StatefulValue } from "./pickle-global.js";
import { PickleStack } from "./pickle-stack.js";
import { printable, quotedString, rawUnicode } from "./pickle-text.js";

export interface ReadPickleOptions {
  /** File (and member) that the bytes come from, for messages. */
  readonly source: string;
  /** The only names that the pickle may refer to. */
  readonly globals: GlobalTable;
  /** Resolves persistent ids, as torch uses them for storages; absent: none are allowed. */
  readonly persistentLoad?: (id: unknown) => unknown;
  /** Where the pickle starts. */
  readonly position?: number;
}

export interface PickledValue {
  readonly value: unknown;
  /** Position after the STOP opcode. */
  readonly end: number;
}

/**
 * Reads a pickle (protocols 0 to 5) as data: dict → Map, list and tuple → array, set → Set, int → number or
 * bigint, bytes → Uint8Array, None → null. Names are looked up in `globals` and never imported; one that is not
 * there is CHECKPOINT_UNSAFE. Memory stays in proportion to the bytes read.
 */
export function readPickle(bytes: Uint8Array, options: ReadPickleOptions): PickledValue {
  const machine = new PickleMachine(bytes, options);
  return { value: machine.run(), end: machine.position };
}

/** Far above what any training writes, far below what a machine can hold. */
const maxObjects = 4_000_000;
const maxIntegerBytes = 64;

/** What an opcode returns that puts nothing on the stack. */
const nothing = Symbol("nothing");

type Dict = Map<unknown, unknown>;

class PickleMachine {
  readonly #input: ByteCursor;
  readonly #options: ReadPickleOptions;
  readonly #memo = new Map<number, unknown>();
  readonly #stack = new PickleStack((what) => this.#damaged(what));
  #objects = 0;

  constructor(bytes: Uint8Array, options: ReadPickleOptions) {
    this.#input = new ByteCursor(bytes, options.source, options.position);
    this.#options = options;
  }

  get position(): number {
    return this.#input.position;
  }

  run(): unknown {
    for (;;) {
      const opcode = this.#input.uint8();
      if (opcode === opcodes.STOP) return this.#stack.pop();
      const value = this.#step(opcode);
      if (value === nothing) continue;
      this.#count();
      this.#stack.push(value);
    }
  }

  /** Carries out one opcode and returns the value that it puts on the stack, if any. */
  #step(opcode: number): unknown {
    const input = this.#input;
    switch (opcode) {
      case opcodes.PROTO:
        if (input.uint8() > 5) this.#damaged("its protocol is newer than 5");
        return nothing;
      case opcodes.FRAME:
        input.uint64();
        return nothing;

      case opcodes.MARK:
        this.#count();
        this.#stack.mark();
        return nothing;
      case opcodes.POP:
        if (this.#stack.isEmpty) this.#stack.popMark();
        else this.#stack.pop();
        return nothing;
      case opcodes.POP_MARK:
        this.#stack.popMark();
        return nothing;
      case opcodes.DUP:
        return this.#stack.top();

      case opcodes.NONE:
        return null;
      case opcodes.NEWTRUE:
        return true;
      case opcodes.NEWFALSE:
        return false;
      case opcodes.BININT:
        return input.int32();
      case opcodes.BININT1:
        return input.uint8();
      case opcodes.BININT2:
        return input.uint16();
      case opcodes.LONG1:
        return this.#integer(input.uint8());
      case opcodes.LONG4:
        return this.#integer(input.int32());
      case opcodes.BINFLOAT:
        return input.float64BigEndian();
      case opcodes.INT:
        return this.#booleanOrInteger(input.line());
      case opcodes.LONG:
        return this.#integerText(input.line().replace(/L$/, ""));
      case opcodes.FLOAT:
        return this.#floatText(input.line());

      case opcodes.BINUNICODE:
        return input.utf8(input.uint32());
      case opcodes.SHORT_BINUNICODE:
        return input.utf8(input.uint8());
      case opcodes.BINUNICODE8:
        return input.utf8(input.uint64());
      case opcodes.UNICODE:
        return rawUnicode(input.line());
      case opcodes.STRING:
        return quotedString(input.line());
      // Python 2's str: text in every file that nnU-Net wrote.
      case opcodes.BINSTRING:
        return input.latin1(input.int32());
      case opcodes.SHORT_BINSTRING:
        return input.latin1(input.uint8());
      case opcodes.BINBYTES:
        return input.bytes(input.uint32());
      case opcodes.SHORT_BINBYTES:
        return input.bytes(input.uint8());
      case opcodes.BINBYTES8:
      case opcodes.BYTEARRAY8:
        return input.bytes(input.uint64());

      case opcodes.EMPTY_TUPLE:
      case opcodes.EMPTY_LIST:
        return [];
      case opcodes.TUPLE1:
        return this.#stack.popMany(1);
      case opcodes.TUPLE2:
        return this.#stack.popMany(2);
      case opcodes.TUPLE3:
        return this.#stack.popMany(3);
      case opcodes.TUPLE:
      case opcodes.LIST:
        return this.#stack.popMark();
      case opcodes.APPEND: {
        const item = this.#stack.pop();
        this.#list().push(item);
        return nothing;
      }
      case opcodes.APPENDS: {
        const items = this.#stack.popMark();
        const list = this.#list();
        for (const item of items) list.push(item);
        return nothing;
      }
      case opcodes.EMPTY_DICT:
        return new Map();
      case opcodes.DICT:
        return this.#setItems(new Map(), this.#stack.popMark());
      case opcodes.SETITEM: {
        const pair = this.#stack.popMany(2);
        this.#setItems(this.#dict(), pair);
        return nothing;
      }
      case opcodes.SETITEMS: {
        const pairs = this.#stack.popMark();
        this.#setItems(this.#dict(), pairs);
        return nothing;
      }
      case opcodes.EMPTY_SET:
        return new Set();
      case opcodes.ADDITEMS: {
        const items = this.#stack.popMark();
        const set = this.#stack.top();
        if (!(set instanceof Set)) this.#damaged("items are added to something that is no set");
        for (const item of items) (set as Set<unknown>).add(item);
        return nothing;
      }
      case opcodes.FROZENSET:
        return new Set(this.#stack.popMark());

      case opcodes.PUT:
        this.#remember(this.#integerText(input.line()));
        return nothing;
      case opcodes.BINPUT:
        this.#remember(input.uint8());
        return nothing;
      case opcodes.LONG_BINPUT:
        this.#remember(input.uint32());
        return nothing;
      case opcodes.MEMOIZE:
        this.#remember(this.#memo.size);
        return nothing;
      case opcodes.GET:
        return this.#recall(this.#integerText(input.line()));
      case opcodes.BINGET:
        return this.#recall(input.uint8());
      case opcodes.LONG_BINGET:
        return this.#recall(input.uint32());

      case opcodes.GLOBAL: {
        const module = input.line();
        return this.#global(module, input.line());
      }
      case opcodes.STACK_GLOBAL: {
        const [module, name] = this.#stack.popMany(2);
        return this.#global(String(module), String(name));
      }
      case opcodes.INST: {
        const module = input.line();
        const global = this.#global(module, input.line());
        return this.#construct(global, this.#stack.popMark());
      }
      case opcodes.OBJ: {
        const [callable, ...args] = this.#stack.popMark();
        return this.#construct(callable, args);
      }
      case opcodes.REDUCE:
      case opcodes.NEWOBJ: {
        const [callable, args] = this.#stack.popMany(2);
        return this.#construct(callable, args);
      }
      case opcodes.NEWOBJ_EX: {
        const [callable, args, keywords] = this.#stack.popMany(3);
        if (!(keywords instanceof Map) || keywords.size > 0)
          this.#unsafe("calls something with keyword arguments");
        return this.#construct(callable, args);
      }
      case opcodes.BUILD: {
        const state = this.#stack.pop();
        const object = this.#stack.top();
        if (object instanceof StatefulValue) object.setState(state);
        // An OrderedDict's attributes (torch keeps `_metadata` there) are not data.
        else if (!(object instanceof Map)) this.#unsafe("sets the attributes of an object");
        return nothing;
      }
      case opcodes.BINPERSID: {
        const id = this.#stack.pop();
        if (this.#options.persistentLoad === undefined) this.#unsafe("refers to objects outside of it");
        return this.#options.persistentLoad?.(id);
      }
      default:
        return this.#unsupported(opcode);
    }
  }

  #unsupported(opcode: number): never {
    const name = Object.entries(opcodes).find(([, code]) => code === opcode)?.[0];
    if (name !== undefined) this.#unsafe(`uses ${name}`);
    return this.#damaged(`byte ${opcode} is no pickle opcode`);
  }

  #count(objects = 1): void {
    this.#objects += objects;
    if (this.#objects > maxObjects) this.#unsafe(`builds more than ${maxObjects} objects`);
  }

  #list(): unknown[] {
    const list = this.#stack.top();
    if (!Array.isArray(list)) return this.#damaged("items are appended to something that is no list");
    return list as unknown[];
  }

  #dict(): Dict {
    const dict = this.#stack.top();
    if (!(dict instanceof Map)) return this.#damaged("items are set in something that is no dict");
    return dict as Dict;
  }

  #setItems(dict: Dict, pairs: readonly unknown[]): Dict {
    if (pairs.length % 2 === 1) this.#damaged("a dict has a key without a value");
    for (let i = 0; i < pairs.length; i += 2) dict.set(pairs[i], pairs[i + 1]);
    return dict;
  }

  #remember(index: number | bigint): void {
    this.#memo.set(Number(index), this.#stack.top());
  }

  #recall(index: number | bigint): unknown {
    if (!this.#memo.has(Number(index))) this.#damaged(`it refers to object ${index}, which it does not hold`);
    return this.#memo.get(Number(index));
  }

  #global(module: string, name: string): PickleGlobal {
    const qualifiedName = `${module}.${name}`;
    const global = this.#options.globals.get(qualifiedName);
    if (global === undefined) return this.#unsafe(`asks to load ${printable(qualifiedName)}`);
    return global;
  }

  #construct(callable: unknown, args: unknown): unknown {
    const global = callable as PickleGlobal | null;
    if (typeof global !== "object" || global === null || !isKnown(this.#options.globals, global))
      return this.#unsafe("calls something that is no name");
    if (global.construct === undefined) return this.#unsafe(`calls ${global.name}`);
    if (!Array.isArray(args)) return this.#damaged(`the arguments of ${global.name} are no tuple`);
    const value = global.construct(args);
    this.#count(weight(value));
    return value;
  }

  #integer(length: number): number | bigint {
    if (length > maxIntegerBytes) this.#unsafe(`holds an integer of ${length} bytes`);
    return littleEndianInteger(this.#input.bytes(length));
  }

  /** Protocol 0 writes booleans as the integers 00 and 01. */
  #booleanOrInteger(text: string): number | bigint | boolean {
    return text === "00" || text === "01" ? text === "01" : this.#integerText(text);
  }

  #integerText(text: string): number | bigint {
    if (!/^-?\d{1,150}$/.test(text)) return this.#damaged(`${printable(text)} is no integer`);
    return narrow(BigInt(text));
  }

  #floatText(text: string): number {
    if (text === "nan") return Number.NaN;
    const value = Number(text.replace("inf", "Infinity"));
    if (text === "" || Number.isNaN(value)) return this.#damaged(`${printable(text)} is no number`);
    return value;
  }

  #unsafe(what: string): never {
    throw new ProcessorError(
      "CHECKPOINT_UNSAFE",
      `${this.#options.source}: the pickle ${what}; a checkpoint holds tensors and plain values only`,
    );
  }

  #damaged(what: string): never {
    throw new ProcessorError(
      "MODEL_FILE_INVALID",
      `${this.#options.source}: damaged pickle before byte ${this.position}: ${what}`,
    );
  }
}

/** What a constructed value may have copied, in objects: a short pickle can ask for many copies of a long list. */
function weight(value: unknown): number {
  if (value instanceof Uint8Array) return Math.ceil(value.length / 64);
  if (value instanceof Map || value instanceof Set) return value.size;
  return Array.isArray(value) ? value.length : 0;
}

/** True for the table's own entries only, so that data that looks like an entry is never called. */
const isKnown = (globals: GlobalTable, global: PickleGlobal): boolean => globals.get(global.name) === global;
