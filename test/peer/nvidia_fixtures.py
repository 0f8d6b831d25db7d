"""Writes small checkpoints of PyTorch Lightning that NVIDIA's nnU-Net does not run.

Usage: nvidia_fixtures.py GOLDEN OUTPUT

GOLDEN is test/golden/nvidia. Each file is the head of a golden checkpoint, changed as its name says. Needs torch.
"""

import sys
import types
from pathlib import Path

import torch

golden, output = map(Path, sys.argv[1:])
for name in ("model_checkpoint.ModelCheckpoint", "early_stopping.EarlyStopping"):
    module, cls = name.split(".")
    path = f"pytorch_lightning.callbacks.{module}"
    for part in ("pytorch_lightning", "pytorch_lightning.callbacks", path):
        sys.modules.setdefault(part, types.ModuleType(part))
    setattr(sys.modules[path], cls, type(cls, (), {}))

checkpoint = torch.load(
    next((golden / "mr_2d_dynunet" / "model").glob("*.ckpt")), map_location="cpu", weights_only=False
)
for key in ("optimizer_states", "lr_schedulers", "callbacks", "loops", "native_amp_scaling_state"):
    checkpoint.pop(key, None)
state = {name: tensor for name, tensor in checkpoint["state_dict"].items() if "output_block" in name}


def save(name, change):
    changed = {key: value for key, value in state.items()}
    parameters = dict(checkpoint["hyper_parameters"])
    change(changed, parameters)
    content = {**checkpoint, "state_dict": changed, "hyper_parameters": parameters}
    output.mkdir(parents=True, exist_ok=True)
    torch.save(content, output / f"{name}.ckpt")


def mixed(weights, _):
    weights["model.output_block.conv.conv.bias"] = weights["model.output_block.conv.conv.bias"].half()


def unetr(weights, _):
    weights.clear()
    weights["model.vit.patch_embedding.position_embeddings"] = torch.zeros(1, 8, 4)


def other_program(_, parameters):
    del parameters["args"]


for change in (mixed, unetr, other_program):
    save(change.__name__, change)
