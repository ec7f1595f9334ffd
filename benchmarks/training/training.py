"""The tutorial's training, ours and PyTorch's in turn, and how much each needs.

    training.py PROGRAM FOLDER [--threads N] [--rounds N] [--steps N]

PROGRAM is training_speed, FOLDER that of CIFAR-10's binary version. Both run batches of 64 through SimpleCNN, the mean cross
entropy, and Adam at 0.001, and make their batches of bytes in memory: PyTorch by indexing a tensor, which is faster than its
DataLoader. An epoch is 782 of the least time of a step over all rounds. Memory is the growth of the peak of resident memory
from before the first step to after the third; ours begins before the training plan and the optimiser are made.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import time

arguments = argparse.ArgumentParser()
arguments.add_argument("program")
arguments.add_argument("folder")
arguments.add_argument("--threads", type=int, default=1)
arguments.add_argument("--rounds", type=int, default=15)
arguments.add_argument("--steps", type=int, default=10)
options = arguments.parse_args()
os.environ["OMP_NUM_THREADS"] = str(options.threads)
os.environ["OPENBLAS_NUM_THREADS"] = str(options.threads)
os.environ.pop("OPENBLAS_CORETYPE", None)  # or OpenBLAS does not choose its kernels by the processor

import numpy
import torch
import torch.nn.functional as F

sys.path.append(str(pathlib.Path(__file__).parent.parent / "peers"))
from networks import SimpleCNN


def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


class PyTorch:
    def __init__(self):
        torch.set_num_threads(options.threads)
        torch.manual_seed(1)
        records = numpy.concatenate(
            [numpy.fromfile(f"{options.folder}/data_batch_{i}.bin", numpy.uint8).reshape(-1, 3073) for i in range(1, 6)]
        )
        self.images = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).copy())
        self.labels = torch.from_numpy(records[:, 0].astype(numpy.int64))
        del records
        self.net = SimpleCNN()
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=0.001)
        self.batches = iter(())
        pathlib.Path("/proc/self/clear_refs").write_text("5")
        before = peak()
        self.run(3)
        self.growth = peak() - before

    def batch(self):
        found = next(self.batches, None)
        if found is None:
            self.batches = iter(torch.randperm(len(self.labels))[: len(self.labels) // 64 * 64].split(64))
            found = next(self.batches)
        return found

    def run(self, steps):
        begin = time.perf_counter()
        for _ in range(steps):
            batch = self.batch()
            images = (self.images[batch].float() / 255 - 0.5) / 0.5
            self.optimizer.zero_grad()
            F.cross_entropy(self.net(images), self.labels[batch]).backward()
            self.optimizer.step()
        return time.perf_counter() - begin


class Ours:
    def __init__(self):
        self.process = subprocess.Popen(
            [options.program, options.folder, str(options.threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.growth = int(self.process.stdout.readline().split()[1])

    def run(self, steps):
        print("run", steps, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline().split()[1])


ours, pytorch = Ours(), PyTorch()
least = {ours: float("inf"), pytorch: float("inf")}
ratios = []
for _ in range(options.rounds):
    times = {}
    for who in (ours, pytorch):
        who.run(1)  # caches hold its own data
        times[who] = who.run(options.steps) / options.steps
        least[who] = min(least[who], times[who])
    ratios.append(times[pytorch] / times[ours])
ratios.sort()
print(f"PyTorch {torch.__version__}, {options.threads} threads, {options.rounds} rounds of {options.steps} steps")
print(f"an epoch         ours {782 * least[ours]:8.1f} s    PyTorch {782 * least[pytorch]:8.1f} s    PyTorch/ours "
      f"{least[pytorch] / least[ours]:.2f} (by rounds {ratios[0]:.2f} to {ratios[-1]:.2f}, median {ratios[len(ratios) // 2]:.2f})")
print(f"growth of memory ours {ours.growth / 1024:8.1f} MB   PyTorch {pytorch.growth / 1024:8.1f} MB   ours/PyTorch "
      f"{ours.growth / pytorch.growth:.2f}")
