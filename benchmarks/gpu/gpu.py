"""What gpu_speed measures, beside PyTorch on the same GPU.

    gpu.py FILE [CALLS] [--device cuda]

FILE holds what gpu_speed printed. A line a work: microseconds of hookcam, of PyTorch without TF32 (as hookcam), and of PyTorch
as it is by default, each the least of many calls; then how many times as fast hookcam is as the former, and how many are wanted.
Ends with 1 where one of these is missed. Inputs lie on the device and maps stay there.
"""

import argparse
import pathlib
import sys
import time

import torch
import torch.nn.functional as F

sys.path.append(str(pathlib.Path(__file__).parent.parent / "peers"))
from networks import ResNet20, SimpleCNN

arguments = argparse.ArgumentParser()
arguments.add_argument("file", type=argparse.FileType())
arguments.add_argument("calls", nargs="?", type=int, default=200)
arguments.add_argument("--device", default="cuda")
options = arguments.parse_args()
device = torch.device(options.device)


def forward(net, x):
    with torch.no_grad():
        return net(x)


def grad_cam(net, x):
    """Of the predicted class, with as little work as PyTorch can do it: the front part keeps no graph."""
    found = {}

    def keep(_, __, output):
        found["activation"] = output.detach().requires_grad_()
        return found["activation"]

    with net.get_submodule(net.explained).register_forward_hook(keep):
        logits = net(x)
    score = logits.gather(1, logits.argmax(1, keepdim=True)).sum()
    (gradient,) = torch.autograd.grad(score, found["activation"])
    with torch.no_grad():
        raw = F.relu((gradient.mean((2, 3), keepdim=True) * found["activation"]).sum(1, keepdim=True))
        maps = F.interpolate(raw, x.shape[2:], mode="bilinear", align_corners=False)
        low = maps.amin((2, 3), keepdim=True)
        high = maps.amax((2, 3), keepdim=True)
        return (maps - low) / (high - low).clamp_min(1e-12)


def least(work, net, x):
    best = float("inf")
    for i in range(options.calls + 3):
        begin = time.perf_counter()
        work(net, x)
        if device.type == "cuda":
            torch.cuda.synchronize()
        if i >= 3:
            best = min(best, time.perf_counter() - begin)
    return best * 1e6


def use_tf32(yes):
    torch.backends.cuda.matmul.allow_tf32 = yes
    torch.backends.cudnn.allow_tf32 = yes


networks = {"simple_cnn": SimpleCNN, "resnet20": ResNet20}
works = {"forward": forward, "grad_cam": grad_cam}
wanted = {("simple_cnn", "grad_cam", 1): 5.0, ("resnet20", "grad_cam", 256): 1.0}
defaults = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
print(f"PyTorch {torch.__version__}, {torch.cuda.get_device_name() if device.type == 'cuda' else device}")
print(f"{'network':<12}{'work':<10}{'images':>7}{'hookcam':>12}{'PyTorch':>12}{'default':>12}{'ratio':>8}{'wanted':>8}")
missed = set(wanted)
for line in options.file:
    network, work, images, ours = line.split()
    if work not in works:
        continue  # hookcam alone
    net = networks[network]().eval().to(device)
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    x = torch.full((int(images), 3, 32, 32), 0.5, device=device)
    use_tf32(False)
    theirs = least(works[work], net, x)
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = defaults
    by_default = least(works[work], net, x)
    ratio = theirs / float(ours)
    key = network, work, int(images)
    goal = wanted.get(key)
    if goal is not None and ratio >= goal:
        missed.remove(key)
    says = "" if goal is None else f"{goal:>8.2f} {'missed' if key in missed else 'reached'}"
    print(
        f"{network:<12}{work:<10}{images:>7}{float(ours):>12.0f}{theirs:>12.0f}{by_default:>12.0f}{ratio:>8.2f}{says}",
        flush=True,
    )
for key in sorted(missed):
    print("missed, or not measured:", *key)
sys.exit(1 if missed else 0)
