"""Writes test/fixtures/onnx: networks that PyTorch itself exports.

Run where torch and onnx are installed: python test/peer/onnx_fixtures.py
"""
import warnings
from pathlib import Path

import torch
from torch import nn

warnings.filterwarnings("ignore")
folder = Path(__file__).resolve().parents[1] / "fixtures" / "onnx"


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(nn.Conv3d(2, 4, 3, padding=1), nn.InstanceNorm3d(4, affine=True), nn.LeakyReLU())
        self.head = nn.Conv3d(4, 3, 1)

    def forward(self, x):
        return self.head(self.block(x))


torch.manual_seed(0)
network = Network().eval()
window = torch.zeros(1, 2, 8, 12, 16)
names = dict(input_names=["image"], output_names=["logits"], dynamo=False)
torch.onnx.export(network, window, folder / "fixed.onnx", opset_version=17, **names)
torch.onnx.export(
    network, window, folder / "dynamic.onnx", opset_version=14, keep_initializers_as_inputs=True,
    dynamic_axes={"image": {0: "batch", 2: "z", 3: "y", 4: "x"}, "logits": {0: "batch"}}, **names,
)
torch.onnx.export(network.half(), window.half(), folder / "half.onnx", opset_version=17, **names)
