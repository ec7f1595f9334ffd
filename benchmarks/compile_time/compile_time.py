#!/usr/bin/env python3
"""Prints what programs with hookcam cost to compile: CPU seconds and peak memory of one compiler.

First what each umbrella header costs by itself, beside an empty program that includes xtensor: the core should cost at
most 1.5 s more than that. Then the README's program, the tutorial's Grad-CAM program, also with -march=native, and networks
of 20, 50 and 100 layers of distinct types, explained at their first layer: with the empty program taken off, 100 layers
should cost at most 2.5 times what 50 do.

usage: compile_time.py [--compiler g++] [--rounds 3]
"""
import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

EMPTY = """
#if __has_include(<xtensor/containers/xtensor.hpp>)
#include <xtensor/containers/xtensor.hpp>
#else
#include <xtensor/xtensor.hpp>
#endif
int main() {}
"""


def network(layers):
    """A chain of convolutions, no two of one type, explained at the first."""
    chain = ",\n    ".join(
        f'hc::named<"conv{i}", hc::conv2d<{i}, {i + 1}, hc::kernel<3>, hc::padding<1>>>' for i in range(1, layers + 1)
    )
    return f"""
#include <hookcam/hookcam.hpp>
namespace hc = hookcam;
using network = hc::sequential<
    {chain},
    hc::adaptive_avg_pool2d<1>, hc::flatten<>>;
int main() {{
    hc::model<network> const model;
    xt::xtensor<float, 3> const image = xt::xtensor<float, 3>::from_shape({{1, 8, 8}});
    return hc::grad_cam<"conv1">(model, image).heatmap(0, 0, 0) > 0;
}}
"""


def umbrella(header):
    return f"#include <hookcam/{header.name}>\nint main() {{}}\n"


def package_flags():
    """Where the headers of further packages are, as far as they are there."""
    flags = ["-isystem", "/usr/include/opencv4"]
    for module in ("libzip", "pangocairo"):
        found = subprocess.run(["pkg-config", "--cflags", module], capture_output=True, text=True, check=False)
        flags += found.stdout.split()
    return flags


def compile_once(compiler, source):
    """CPU seconds and peak MiB of the compiler and what it starts; None where the program does not compile."""
    command = [*compiler, "-std=c++20", "-O2", "-I", str(ROOT / "include"), "-c", str(source), "-o", os.devnull]
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        return None
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compiler", default="g++", help="the compiler's command (default: g++)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is compiled; the least counts (default: 3)")
    arguments = parser.parse_args()
    compiler = arguments.compiler.split() + package_flags()
    with tempfile.TemporaryDirectory() as folder:
        programs = {"empty, with xtensor": EMPTY}
        headers = sorted((ROOT / "include/hookcam").glob("*.hpp"))
        programs |= {f"hookcam/{header.name}": umbrella(header) for header in headers if header.stem != "version"}
        grad_cam = ROOT / "examples/tutorial/11_grad_cam.cpp"
        programs["the README's program"] = ROOT / "examples/readme.cpp"
        programs["tutorial's Grad-CAM"] = grad_cam
        programs["with -march=native"] = grad_cam
        programs |= {f"{n} distinct layers": network(n) for n in (20, 50, 100)}
        seconds = {}
        print(f"{arguments.compiler} -O2, CPU seconds and MiB, the least of {arguments.rounds}")
        for name, program in programs.items():
            source = program
            if isinstance(program, str):
                source = Path(folder) / "program.cpp"
                source.write_text(program)
            flags = ["-march=native"] if name.endswith("-march=native") else []
            runs = [compile_once(compiler + flags, source) for _ in range(arguments.rounds)]
            if None in runs:
                print(f"{name:<22}does not compile here: is a package missing?", flush=True)
                continue
            seconds[name] = min(run[0] for run in runs)
            print(f"{name:<22}{seconds[name]:7.2f} s {min(run[1] for run in runs):7.0f} MiB", flush=True)
        empty = seconds["empty, with xtensor"]
        if "hookcam/hookcam.hpp" in seconds:
            print(f"the core costs {seconds['hookcam/hookcam.hpp'] - empty:.2f} s more than xtensor")
        if not {"50 distinct layers", "100 distinct layers"} <= seconds.keys():
            sys.exit("hookcam does not compile here")
        growth = (seconds["100 distinct layers"] - empty) / (seconds["50 distinct layers"] - empty)
        print(f"100 layers cost {growth:.2f} times what 50 do, the empty program taken off")


if __name__ == "__main__":
    main()
