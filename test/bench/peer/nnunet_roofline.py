"""Prints how fast torch runs a network of full_size_model.py, as a JSON list of {"what", "milliseconds"}.

usage: nnunet_roofline.py MODEL_FOLDER cuda|cpu PATCH_SIZE
Measures nnU-Net's own way and then, on a GPU, half precision, channels last, four windows at once, and compiled.
"""
import json
import sys
import time

import torch
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from torch.utils.flop_counter import FlopCounterMode

model, device, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
plans = json.load(open(model + "/plans.json"))
labels = json.load(open(model + "/dataset.json"))["labels"]
architecture = plans["configurations"]["3d_fullres"]["architecture"]
network = get_network_from_plans(
    architecture["network_class_name"],
    architecture["arch_kwargs"],
    architecture["_kw_requires_import"],
    1,
    len(labels),
    deep_supervision=False,
)
network = network.to(device).eval()
window = torch.randn(1, 1, size, size, size, device=device)
torch.backends.cudnn.benchmark = True
rows = []


def milliseconds(run, repeats=6):
    for _ in range(3 if device == "cuda" else 1):
        run()
    if device != "cuda":
        start = time.perf_counter()
        run()
        return 1000 * (time.perf_counter() - start)
    torch.cuda.synchronize()
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(repeats):
        run()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / repeats


def report(what, run, windows=1):
    time_ms = milliseconds(run) / windows
    rows.append({"what": f"{what}, {gigaflops / time_ms:.0f} TFLOP/s", "milliseconds": time_ms})


with torch.inference_mode():
    with FlopCounterMode(display=False) as counter:
        network(window)
    gigaflops = counter.get_total_flops() / 1e9

    def as_nnunet():
        with torch.autocast(device, enabled=device == "cuda"):
            network(window)

    report("as nnU-Net", as_nnunet)
    if device == "cuda":
        half, window_half = network.half(), window.half()
        report("half precision", lambda: half(window_half))
        last = half.to(memory_format=torch.channels_last_3d)
        window_last = window_half.to(memory_format=torch.channels_last_3d)
        report("half precision, channels last", lambda: last(window_last))
        four = window_last.repeat(4, 1, 1, 1, 1).to(memory_format=torch.channels_last_3d)
        report("half precision, channels last, four windows", lambda: last(four), windows=4)
        compiled = torch.compile(last)
        report("half precision, channels last, compiled", lambda: compiled(window_last))
print(json.dumps(rows))
