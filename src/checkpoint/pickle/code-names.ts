/**
 * Returns whether loading a pickle that contains this name may run code in Python. Such names are functions
 * that start programs, evaluate text, import modules, or open files or connections, and attributes that lead
 * to those functions. All other names are classes or functions that build data, or belong to a library that
 * is not known here. This program never runs anything of either kind.
 */
export function runsCode(module: string, name: string): boolean {
  if (isBuiltins(module)) return !(harmlessBuiltins.has(name) || isException(name));
  const path = [...module.split("."), ...name.split(".")].map(withoutUnderscores);
  const whole = path.join(".");
  if (codeModules.has(path[0]!) && !harmlessNames.has(whole)) return true;
  if (codeNames.some((prefix) => whole === prefix || whole.startsWith(`${prefix}.`))) return true;
  return name.includes(".") && leadsToCode(module, name.split("."));
}

const isBuiltins = (module: string): boolean => module === "builtins" || module === "__builtin__";

/** Types, constants, exceptions, and functions that only compute. */
const harmlessBuiltins: ReadonlySet<string> = new Set(
  `bool bytearray bytes complex dict enumerate float frozenset int list long object range reversed set slice str tuple
  type unicode xrange zip basestring staticmethod classmethod property Ellipsis NotImplemented None True False
  StopIteration StopAsyncIteration GeneratorExit KeyboardInterrupt SystemExit
  abs all any ascii bin callable chr cmp divmod format hash hex id isinstance issubclass len max min oct ord pow print
  repr round sorted sum`.split(/\s+/),
);

const isException = (name: string): boolean =>
  /^[A-Za-z]{0,60}(?:Error|Exception|Warning|ExceptionGroup)$/.test(name);

/** Removes the underscore of `_os`, because it leads to the same functions as `os`. */
const withoutUnderscores = (part: string): string => (/^_[a-z]/i.test(part) ? part.slice(1) : part);

/** Protocol 4 can reach any attribute of a module, such as `storage.os.system` of `torch`. */
function leadsToCode(module: string, parts: readonly string[]): boolean {
  if (module === "pathlib" || parts.some((part) => /^__.*__$/.test(part))) return true;
  return parts.some((part) => codeModules.has(withoutUnderscores(part)) || isBuiltins(part));
}

const codeModules: ReadonlySet<string> = new Set(
  `os posix nt subprocess posixsubprocess sys shutil socket ssl importlib imp runpy pkgutil zipimport code codeop
  commands popen2 pty ctypes cffi pickle cPickle cloudpickle dill joblib marshal shelve dbm sqlite3 webbrowser antigravity
  urllib urllib2 urllib3 http httplib ftplib smtplib poplib imaplib telnetlib xmlrpc xmlrpclib socketserver requests httpx
  aiohttp asyncio concurrent multiprocessing threading thread signal pdb bdb timeit cProfile profile trace doctest
  unittest test tempfile fileinput glob linecache zipfile tarfile gzip bz2 lzma platform site sitecustomize pydoc
  idlelib lib2to3 ensurepip venv pip setuptools pkg_resources distutils IPython ipykernel gc inspect ast dis symtable
  rlcompleter readline cmd curses tkinter turtle turtledemo mmap fcntl resource winreg msvcrt wsgiref cgi cgitb
  psutil paramiko fabric pexpect ptyprocess invoke boto3 yaml sympy jinja2 mako`.split(/\s+/),
);

/** The names in those modules that are only data. */
const harmlessNames: ReadonlySet<string> = new Set([
  "inspect.Parameter",
  "inspect.Signature",
  "inspect.ParameterKind",
  "signal.Signals",
  "multiprocessing.context.TimeoutError",
]);

/** Modules and functions of other modules. */
const codeNames: readonly string[] = [
  ...["io.open", "io.open_code", "io.FileIO", "codecs.open", "pathlib.os", "copyreg.add_extension"],
  ...[
    "operator.attrgetter",
    "operator.methodcaller",
    "types.CodeType",
    "types.FunctionType",
    "types.LambdaType",
  ],
  ...["functools.reduce", "itertools.starmap", "logging.config", "logging.handlers", "random.os"],
  ...[
    "numpy.load",
    "numpy.loadtxt",
    "numpy.genfromtxt",
    "numpy.fromfile",
    "numpy.memmap",
    "numpy.core.memmap",
  ],
  ...["numpy.save", "numpy.savez", "numpy.savetxt", "numpy.DataSource", "numpy.lib.npyio", "numpy.f2py"],
  ...["numpy.distutils", "numpy.testing", "numpy.ctypeslib", "numpy.lib.DataSource", "numpy.lib.format"],
  ...["torch.load", "torch.save", "torch.compile", "torch.hub", "torch.jit", "torch.package", "torch.fx"],
  ...[
    "torch.dynamo",
    "torch.inductor",
    "torch.export",
    "torch.onnx",
    "torch.testing",
    "torch.multiprocessing",
  ],
  ...["torch.ops", "torch.classes", "torch.library", "torch.serialization.load", "torch.serialization.save"],
  ...["torch.serialization.legacy_load", "torch.storage.load_from_bytes", "torch.utils.cpp_extension"],
  ...[
    "torch.utils.model_zoo",
    "torch.utils.collect_env",
    "torch.utils.bottleneck",
    "torch.utils.config_module",
  ],
  ...[
    "torch.utils.data.datapipes",
    "torch.distributed.run",
    "torch.distributed.launch",
    "torch.distributed.rpc",
  ],
  ...["pandas.eval", "pandas.read_pickle", "pandas.io", "scipy.io", "nibabel.load", "SimpleITK.ReadImage"],
  ...["batchgenerators.utilities.file_and_folder_operations", "nnunetv2.run", "nnunet.run"],
];
