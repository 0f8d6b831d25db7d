"""Checks the ONNX files of a folder that `convert --format onnx` or `--format triton` wrote, and runs them.

Usage: check_onnx.py FOLDER WINDOW SHAPE OUTPUT

WINDOW is a file of float32 with the shape SHAPE, such as 1,2,32,32. Prints JSON with the version of each program, the
opset and IR version of each file, and the names of a Triton repository's models that clients may call. Writes the answers
into OUTPUT, one file for each model or ONNX file, as `<name>.<runtime>` in float32.

Needs the packages onnx, onnxruntime and openvino, and for a repository protobuf and tritonclient.
"""

import importlib.util
import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import openvino

folder, window_file, shape_text, output = sys.argv[1:]
folder, output = Path(folder), Path(output)
window = np.fromfile(window_file, np.float32).reshape([int(size) for size in shape_text.split(",")])


def check(file):
    onnx.checker.check_model(str(file), full_check=True)
    model = onnx.load(str(file), load_external_data=False)
    (opset,) = [entry.version for entry in model.opset_import if entry.domain == ""]
    return {"file": str(file.relative_to(folder)), "opset": opset, "irVersion": model.ir_version}


def run_onnxruntime(file, inputs):
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs)))


def run_openvino(file, inputs):
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(str(file)), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    result = compiled(inputs)
    return {value.any_name: result[value] for value in compiled.outputs}


runtimes = {"onnxruntime": run_onnxruntime, "openvino": run_openvino}


def load_model_config():
    """Returns the message class from Triton's client package without its other modules, which need gRPC."""
    base = Path(importlib.util.find_spec("tritonclient").submodule_search_locations[0])
    spec = importlib.util.spec_from_file_location("model_config_pb2", base / "grpc" / "model_config_pb2.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_repository():
    from google.protobuf import text_format

    proto = load_model_config()
    configs = {}
    for file in sorted(folder.glob("*/config.pbtxt")):
        config = text_format.Parse(file.read_text("utf-8"), proto.ModelConfig())
        assert config.name == file.parent.name, file
        assert (file.parent / "1").is_dir(), f"{file.parent} has no version 1"
        for tensor in [*config.input, *config.output]:
            assert tensor.data_type == proto.TYPE_FP32, tensor
        for tensor in config.output:
            if tensor.label_filename:
                labels = (file.parent / tensor.label_filename).read_text("utf-8").splitlines()
                channels = tensor.dims[0 if config.max_batch_size > 0 else 1]
                assert len(labels) == channels, (labels, channels)
        configs[config.name] = config
    return configs


def expect_same_tensors(config):
    """Checks what Triton checks: the tensors of a model's configuration and of its ONNX file must agree."""
    session = onnxruntime.InferenceSession(str(folder / config.name / "1" / "model.onnx"))
    for configured, found in [(config.input, session.get_inputs()), (config.output, session.get_outputs())]:
        assert [tensor.name for tensor in configured] == [value.name for value in found]
        for tensor, value in zip(configured, found):
            batch = [] if config.max_batch_size == 0 else [value.shape[0]]
            assert config.max_batch_size == 0 or isinstance(value.shape[0], str), value.shape
            assert batch + list(tensor.dims) == value.shape, (tensor.dims, value.shape)


def run_model(configs, name, inputs, run):
    """Does what Triton does with an ensemble."""
    config = configs[name]
    if config.platform != "ensemble":
        expect_same_tensors(config)
        return run(folder / name / "1" / "model.onnx", inputs)
    tensors = dict(inputs)
    for step in config.ensemble_scheduling.step:
        given = {inner: tensors[outer] for inner, outer in step.input_map.items()}
        answers = run_model(configs, step.model_name, given, run)
        tensors.update({outer: answers[inner] for inner, outer in step.output_map.items()})
    return {tensor.name: tensors[tensor.name] for tensor in config.output}


files = [check(file) for file in sorted(folder.rglob("*.onnx"))]
configs = read_repository() if any(folder.glob("*/config.pbtxt")) else {}
inner = {step.model_name for config in configs.values() for step in config.ensemble_scheduling.step}
called = [name for name in configs if name not in inner]
for runtime, run in runtimes.items():
    if configs:
        answers = {name: run_model(configs, name, {configs[name].input[0].name: window}, run) for name in called}
    else:
        answers = {Path(file["file"]).name: run(folder / file["file"], {"input": window}) for file in files}
    for name, tensors in answers.items():
        (answer,) = tensors.values()
        np.ascontiguousarray(answer, np.float32).tofile(output / f"{name}.{runtime}")

packages = ["onnx", "onnxruntime", "openvino"] + (["tritonclient"] if configs else [])
print(json.dumps({"versions": {name: version(name) for name in packages}, "files": files, "models": called}))
