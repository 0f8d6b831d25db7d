"""Makes test/fixtures/checkpoints with the real torch and numpy.

Run where torch is installed: python test/peer/checkpoint_fixtures.py

harmless.pth (zip), harmless_legacy.pth: a dict with two values that are read and, under `extra`, one of every object that
trainings save in checkpoints and that inference ignores.
state_dicts.pth (zip), state_dicts_legacy.pth: the same weight, [1, 2], in every kind of state dict that nnU-Net loads or a
training saves.
harmless.pkl, harmless_p0.pkl: the same without tensors, in pickle protocols 4 and 0, as nnU-Net v1 saves it with a checkpoint.
"""

import argparse
import collections
import datetime
import decimal
import enum
import fractions
import functools
import ipaddress
import pathlib
import pickle
import random
import re
import types
import uuid
from pathlib import Path

import numpy as np
import torch

OUT = Path(__file__).resolve().parents[1] / "fixtures" / "checkpoints"


class Phase(enum.Enum):
    TRAIN = 1


class Settings:
    def __init__(self):
        self.depth = {"a": [1, 2]}


Point = collections.namedtuple("Point", "x y")


class OrderedStateDict(collections.OrderedDict):
    pass


class StateDict(dict):
    def __init__(self, *args):
        super().__init__(*args)
        self.version = 3


class DictByArgument(dict):
    def __reduce__(self):
        return DictByArgument, (dict(self),)


class DictByPairs(dict):
    def __reduce__(self):
        return DictByPairs, (list(self.items()),)


class DictByItems(dict):
    def __reduce__(self):
        return DictByItems, (), {"note": "x"}, None, iter(self.items())


def state_dicts():
    def weight(dtype=torch.float32):
        return torch.tensor([1.0, 2.0], dtype=dtype)

    default = collections.defaultdict(list, w=weight())
    return {
        **{kind.__name__: kind({"w": weight()}) for kind in (
            dict, collections.OrderedDict, OrderedStateDict, StateDict, DictByArgument, DictByPairs, DictByItems,
        )},
        "defaultdict": default,
        "DataParallel": {"module.w": weight()},
        "compiled": {"_orig_mod.w": weight()},
        "DistributedDataParallel of a compiled one": {"module._orig_mod.w": weight()},
        "Parameter": {"w": torch.nn.Parameter(weight())},
        "Buffer": {"w": torch.nn.Buffer(weight())},
        **{str(dtype): {"w": weight(dtype)} for dtype in (torch.float16, torch.bfloat16, torch.float64, torch.int64)},
        "strided": {"w": torch.tensor([[1.0, 7], [2, 8]])[:, 0]},
    }


def plain_objects():
    record = np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])
    return {
        "counter": collections.Counter([30, 60]),
        "complex": 1 + 2j,
        "posix_path": pathlib.PurePosixPath("/data/x"),
        "deque": collections.deque([1, 2, 3], maxlen=5),
        "chain_map": collections.ChainMap({"a": 1}),
        "datetime": datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
        "timedelta": datetime.timedelta(seconds=5),
        "namespace": argparse.Namespace(lr=0.01, paths=[pathlib.PurePosixPath("/a")]),
        "simple_namespace": types.SimpleNamespace(a=1),
        "decimal": decimal.Decimal("1.5"),
        "fraction": fractions.Fraction(1, 3),
        "uuid": uuid.UUID(int=5),
        "range": range(0, 10, 2),
        "slice": slice(1, None),
        "ellipsis": ...,
        "types": [int, float, complex, dict, type(None), collections.OrderedDict],
        "random_state": np.random.RandomState(5),
        "generator": np.random.default_rng(5),
        "python_random": random.Random(5),
        "pattern": re.compile("a+"),
        "partial": functools.partial(max, 3),
        "enum": Phase.TRAIN,
        "object": Settings(),
        "named_tuple": Point(1, 2),
        "address": ipaddress.ip_address("10.0.0.1"),
        "complex_array": np.ones(2, dtype=np.complex64),
        "complex_scalar": np.complex64(1 + 2j),
        "dates": np.array(["2024-01-01"], dtype="datetime64[D]"),
        "record": record,
        "fortran": np.asfortranarray(np.ones((2, 3))),
        "masked": np.ma.masked_array([1, 2], mask=[0, 1]),
        "no_rows": np.zeros((5, 0)),
        "exception": ValueError("x"),
        "numpy_function": np.mean,
    }


def tensors():
    return {
        "layout": torch.strided,
        "dtype": torch.uint16,
        "size": torch.Size([1, 2]),
        "device": torch.device("cpu"),
        "torch_version": torch.torch_version.TorchVersion("2.15.0"),
        "uint16": torch.ones(2, dtype=torch.uint16),
        "float8": torch.ones(2).to(torch.float8_e4m3fn),
        "complex": torch.ones(2, dtype=torch.complex64),
        "expanded": torch.ones(1).expand(5),
        "sparse": torch.eye(3).to_sparse(),
        "sparse_csr": torch.eye(3).to_sparse_csr(),
        "quantized": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
        "meta": torch.ones(2, device="meta"),
        "conjugate": torch.ones(2, dtype=torch.complex64).conj(),
        "parameter": torch.nn.Parameter(torch.ones(2)),
    }


def used():
    return {"trainer_name": "nnUNetTrainer", "network_weights": collections.OrderedDict(w=torch.ones(3))}


def main():
    OUT.mkdir(exist_ok=True)
    torch.save(state_dicts(), OUT / "state_dicts.pth")
    torch.save(state_dicts(), OUT / "state_dicts_legacy.pth", _use_new_zipfile_serialization=False)
    whole = {**used(), "extra": {**plain_objects(), **{f"torch_{k}": v for k, v in tensors().items()}}}
    torch.save(whole, OUT / "harmless.pth")
    torch.save(
        {**used(), "extra": {**plain_objects(), **{f"torch_{k}": v for k, v in tensors().items()}}},
        OUT / "harmless_legacy.pth",
        _use_new_zipfile_serialization=False,
    )
    record = {"name": "nnUNetTrainerV2", "extra": plain_objects()}
    (OUT / "harmless.pkl").write_bytes(pickle.dumps(record, protocol=4))
    (OUT / "harmless_p0.pkl").write_bytes(pickle.dumps(record, protocol=0))


main()
