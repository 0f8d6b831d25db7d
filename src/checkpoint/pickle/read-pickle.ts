import { printable } from "../../ground/untrusted/printable.js";
import { ByteCursor } from "./byte-cursor.js";
import { locating } from "./damaged-pickle.js";
import { MemoryBudget, maxMegabytes } from "./memory-budget.js";
import { NameTable } from "./name-table.js";
import { integerOf } from "./number-text.js";
import { opcodes } from "./opcodes.js";
import { PickleFaults } from "./pickle-faults.js";
import { type GlobalTable, PickleGlobal, StatefulValue } from "./pickle-global.js";
import { PickleMemo } from "./pickle-memo.js";
import { PickleStack } from "./pickle-stack.js";
import { noScalar, numberIn, readScalar } from "./read-scalar.js";
import { UnreadObject } from "./unread-object.js";

export interface ReadPickleOptions {
  /** File (and member) of the bytes, for messages. */
  readonly source: string;
  /**
   * Names whose objects are read. Objects of other names are not read, and names that run code are refused.
   */
  readonly globals: GlobalTable;
  /** Resolves persistent ids, which torch uses for storages. If undefined, persistent ids are refused. */
  readonly persistentLoad?: (id: unknown) => unknown;
  /** Position where the pickle starts. */
  readonly position?: number;
}

export interface PickledValue {
  readonly value: unknown;
  /** Position after the STOP opcode. */
  readonly end: number;
}

/**
 * Reads a pickle (protocols 0 to 5) as data: dict → Map, list and tuple → array, set → Set, int → number or
 * bigint, bytes → Uint8Array, None → null, any other object → UnreadObject. Names are looked up in `globals`
 * and never imported. Memory is proportional to the bytes read.
 *
 * @throws CHECKPOINT_UNSAFE for a name anywhere in the pickle that runs code in Python; CHECKPOINT_REFUSED,
 * CHECKPOINT_TRUNCATED, MODEL_FILE_INVALID
 */
export function readPickle(bytes: Uint8Array, options: ReadPickleOptions): PickledValue {
  const machine = new PickleMachine(bytes, options);
  const value = locating(options.source, () => machine.run());
  return { value, end: machine.position };
}

/** Returned by opcodes that push nothing on the stack. */
const nothing = Symbol("nothing");

/** The target of the opcodes SETITEM and SETITEMS. */
interface Dict {
  set(key: unknown, value: unknown): void;
}

class PickleMachine {
  readonly #input: ByteCursor;
  readonly #options: ReadPickleOptions;
  readonly #memo = new PickleMemo();
  readonly #faults: PickleFaults;
  readonly #stack = new PickleStack((what) => this.#faults.damaged(what));
  readonly #budget = new MemoryBudget(() =>
    this.#faults.refused(`builds more than ${maxMegabytes} MB of values`),
  );
  readonly #names: NameTable;

  constructor(bytes: Uint8Array, options: ReadPickleOptions) {
    this.#input = new ByteCursor(bytes, options.source, options.position);
    this.#faults = new PickleFaults(options.source, this.#input);
    this.#options = options;
    this.#names = new NameTable(options.globals, this.#faults, this.#budget);
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
      if (isRecall(opcode)) this.#budget.takeReference();
      else this.#budget.takeNew(value);
      this.#stack.push(value);
    }
  }

  /** Executes one opcode and returns the value to push on the stack, or `nothing`. */
  #step(opcode: number): unknown {
    const input = this.#input;
    const scalar = readScalar(opcode, input, this.#faults);
    if (scalar !== noScalar) return scalar;
    switch (opcode) {
      case opcodes.PROTO:
        if (input.uint8() > 5) this.#faults.damaged("its protocol is newer than 5");
        return nothing;
      case opcodes.FRAME:
        input.uint64();
        return nothing;

      case opcodes.MARK:
        this.#budget.takeList();
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
        this.#list()?.push(item);
        return nothing;
      }
      case opcodes.APPENDS: {
        const items = this.#stack.popMark();
        const list = this.#list();
        for (const item of items) list?.push(item);
        return nothing;
      }
      case opcodes.EMPTY_DICT:
        return new Map();
      case opcodes.DICT:
        return this.#setItems(new Map<unknown, unknown>(), this.#stack.popMark());
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
        if (set instanceof UnreadObject) return nothing;
        if (!(set instanceof Set)) this.#faults.damaged("items are added to something that is not a set");
        this.#budget.takeEntries(items.length);
        for (const item of items) (set as Set<unknown>).add(item);
        return nothing;
      }
      case opcodes.FROZENSET:
        return new Set(this.#stack.popMark());

      case opcodes.PUT:
        this.#remember(numberIn(input.line(), integerOf, this.#faults));
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
        return this.#recall(numberIn(input.line(), integerOf, this.#faults));
      case opcodes.BINGET:
        return this.#recall(input.uint8());
      case opcodes.LONG_BINGET:
        return this.#recall(input.uint32());

      case opcodes.GLOBAL: {
        const module = input.line();
        return this.#names.find(module, input.line());
      }
      case opcodes.STACK_GLOBAL: {
        const [module, name] = this.#stack.popMany(2);
        if (typeof module !== "string" || typeof name !== "string")
          return this.#faults.damaged("it has a name that is not text");
        return this.#names.find(module, name);
      }
      case opcodes.INST: {
        const module = input.line();
        const global = this.#names.find(module, input.line());
        return this.#names.construct(global, this.#stack.popMark());
      }
      case opcodes.OBJ: {
        const [callable, ...args] = this.#stack.popMark();
        return this.#names.construct(callable, args);
      }
      case opcodes.REDUCE:
      case opcodes.NEWOBJ: {
        const [callable, args] = this.#stack.popMany(2);
        return this.#names.construct(callable, args);
      }
      case opcodes.NEWOBJ_EX: {
        const [callable, args, keywords] = this.#stack.popMany(3);
        const value = this.#names.construct(callable, args);
        const isPlain = keywords instanceof Map && keywords.size === 0;
        return isPlain || value instanceof UnreadObject
          ? value
          : new UnreadObject("an object that was made with keyword arguments");
      }
      case opcodes.BUILD: {
        const state = this.#stack.pop();
        const object = this.#stack.top();
        if (object instanceof StatefulValue) object.setState(state);
        else if (object instanceof PickleGlobal)
          this.#faults.unsafe(`sets the attributes of ${printable(object.name)}`);
        // Attributes of a dict (torch stores `_metadata` there), a set or a tensor are not data.
        else if (typeof object !== "object" || object === null || Array.isArray(object))
          this.#faults.damaged("it sets the attributes of something that has none");
        return nothing;
      }
      case opcodes.BINPERSID: {
        const id = this.#stack.pop();
        if (this.#options.persistentLoad === undefined)
          this.#faults.refused("refers to objects outside the file");
        return this.#options.persistentLoad?.(id);
      }
      default:
        return this.#unsupported(opcode);
    }
  }

  #unsupported(opcode: number): never {
    const name = Object.entries(opcodes).find(([, code]) => code === opcode)?.[0];
    if (name !== undefined) this.#faults.refused(`uses ${name}, which refers to something outside the file`);
    return this.#faults.damaged(`byte ${opcode} is not a pickle opcode`);
  }

  /** Returns the list on top of the stack; null for an object that is not read. */
  #list(): unknown[] | null {
    const list = this.#stack.top();
    if (list instanceof UnreadObject) return null;
    if (!Array.isArray(list))
      return this.#faults.damaged("items are appended to something that is not a list");
    return list as unknown[];
  }

  #dict(): Dict {
    const dict = this.#stack.top();
    if (dict instanceof Map || dict instanceof UnreadObject) return dict;
    return this.#faults.damaged("items are set in something that is not a dict");
  }

  #setItems(dict: Dict, pairs: readonly unknown[]): Dict {
    if (pairs.length % 2 === 1) this.#faults.damaged("a dict has a key without a value");
    this.#budget.takeEntries(pairs.length / 2);
    for (let i = 0; i < pairs.length; i += 2) dict.set(pairs[i], pairs[i + 1]);
    return dict;
  }

  #remember(index: number | bigint): void {
    const number = Number(index);
    if (this.#memo.isNext(number)) this.#budget.takeReference();
    else this.#budget.takeEntries(2);
    this.#memo.set(number, this.#stack.top());
  }

  #recall(index: number | bigint): unknown {
    if (!this.#memo.has(Number(index)))
      this.#faults.damaged(`it refers to object ${index}, which it does not hold`);
    return this.#memo.get(Number(index));
  }
}

/** Returns whether the opcode pushes a value that already exists. */
const isRecall = (opcode: number): boolean =>
  opcode === opcodes.GET ||
  opcode === opcodes.BINGET ||
  opcode === opcodes.LONG_BINGET ||
  opcode === opcodes.DUP;
