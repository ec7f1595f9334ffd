"""What gpu_speed measures, beside PyTorch on the same GPU.

    gpu.py PROGRAM [CALLS [IMAGES]] [--device cuda]

A line a work: microseconds of hookcam, of PyTorch without TF32 (as hookcam), and of PyTorch as it is by default, each the least
of many calls. Inputs lie on the device and maps stay there.
"""

import argparse
import pathlib
import subprocess
import sys
import time

import torch
import torch.nn.functional as F

sys.path.append(str(pathlib.Path(__file__).parent.parent / "peers"))
from networks import ResNet20, SimpleCNN

arguments = argparse.ArgumentParser()
arguments.add_argument("program")
arguments.add_argument("calls", nargs="?", type=int, default=200)
arguments.add_argument("images", nargs="?", type=int, default=256)
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
defaults = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
print(f"PyTorch {torch.__version__}, {torch.cuda.get_device_name() if device.type == 'cuda' else device}")
print(f"{'network':<12}{'work':<10}{'images':>7}{'hookcam':>12}{'PyTorch':>12}{'default':>12}{'ratio':>8}")
done = subprocess.run(
    [options.program, str(options.calls), str(options.images)], check=True, stdout=subprocess.PIPE, text=True
)
for line in done.stdout.splitlines():
    network, work, images, ours = line.split()
    net = networks[network]().eval().to(device)
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    x = torch.full((int(images), 3, 32, 32), 0.5, device=device)
    use_tf32(False)
    theirs = least(works[work], net, x)
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = defaults
    by_default = least(works[work], net, x)
    print(
        f"{network:<12}{work:<10}{images:>7}{float(ours):>12.0f}{theirs:>12.0f}{by_default:>12.0f}{theirs / float(ours):>8.2f}",
        flush=True,
    )
