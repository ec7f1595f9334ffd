"""Training on CIFAR-10, ours and PyTorch's in turn, and how much each needs.

    training.py PROGRAM FOLDER [--network simple_cnn|resnet20] [--threads N] [--rounds N] [--steps N]

PROGRAM is training_speed, FOLDER that of CIFAR-10's binary version. Both run batches of 64 through the network, the mean cross
entropy, and its optimiser, Adam for the tutorial's SimpleCNN and SGD for ResNet-20, and make their batches of bytes in memory:
PyTorch by indexing a tensor, which is faster than its DataLoader. An epoch is 782 of the steps of the round in which they took
least. Memory is the growth of the peak of resident memory from before the first step to after the third; ours begins before
the training plan and the optimiser are made.
"""

import argparse
import os
import pathlib
import subprocess
import time

arguments = argparse.ArgumentParser()
arguments.add_argument("program")
arguments.add_argument("folder")
arguments.add_argument("--network", choices=("simple_cnn", "resnet20"), default="simple_cnn")
arguments.add_argument("--threads", type=int, default=1)
arguments.add_argument("--rounds", type=int, default=15)
arguments.add_argument("--steps", type=int, default=10)
options = arguments.parse_args()
os.environ["OMP_NUM_THREADS"] = str(options.threads)
os.environ["OPENBLAS_NUM_THREADS"] = str(options.threads)
os.environ.pop("OPENBLAS_CORETYPE", None)  # or OpenBLAS does not choose its kernels by the processor

import torch
import torch.nn.functional as F

from recipes import BATCH, read_training_set, recipe


def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


class PyTorch:
    def __init__(self):
        torch.set_num_threads(options.threads)
        torch.manual_seed(1)
        self.images, self.labels = read_training_set(options.folder)
        self.training = recipe(options.network)
        self.batches = iter(())
        pathlib.Path("/proc/self/clear_refs").write_text("5")
        before = peak()
        self.run(3)
        self.growth = peak() - before

    def batch(self):
        found = next(self.batches, None)
        if found is None:
            self.batches = iter(torch.randperm(len(self.labels))[: len(self.labels) // BATCH * BATCH].split(BATCH))
            found = next(self.batches)
        return found

    def run(self, steps):
        begin = time.perf_counter()
        for _ in range(steps):
            batch = self.batch()
            self.training.optimizer.zero_grad()
            input = self.training.input_of(self.images[batch])
            F.cross_entropy(self.training.net(input), self.labels[batch]).backward()
            self.training.optimizer.step()
        return time.perf_counter() - begin


class Ours:
    def __init__(self):
        self.process = subprocess.Popen(
            [options.program, options.folder, options.network, str(options.threads)],
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
print(f"{options.network}: PyTorch {torch.__version__}, {options.threads} threads, {options.rounds} rounds of {options.steps} steps")
print(f"an epoch         ours {782 * least[ours]:8.1f} s    PyTorch {782 * least[pytorch]:8.1f} s    PyTorch/ours "
      f"{least[pytorch] / least[ours]:.2f} (by rounds {ratios[0]:.2f} to {ratios[-1]:.2f}, median {ratios[len(ratios) // 2]:.2f})")
print(f"growth of memory ours {ours.growth / 1024:8.1f} MB   PyTorch {pytorch.growth / 1024:8.1f} MB   ours/PyTorch "
      f"{ours.growth / pytorch.growth:.2f}")
