#!/usr/bin/env python3
"""Compiles the probes of the zero-cost proofs.

    compile_probes.py <compiler> <levels, as "O2 march=x86-64-v3"> <file of flags> <include folder> <source> <folder for the results>

leaves three object files in the folder: library.o with hookcam's headers, twin.o with their slot-free twin, which it makes, and
hooked.o with hookcam's headers and a hook attached.
"""

import pathlib
import subprocess
import sys

import make_twin

# In sections of their own all functions are aligned alike, wherever they stand, and a symbol ends where its function ends.
FLAGS = ["-std=c++20", "-ffunction-sections", "-fdata-sections"]


def main():
    if len(sys.argv) != 7:
        sys.exit(__doc__)
    compiler, levels, flags, include, source, work = sys.argv[1:]
    levels = [f"-{level}" for level in levels.split()]
    work = pathlib.Path(work)
    work.mkdir(parents=True, exist_ok=True)
    try:
        make_twin.make_twin(include, work / "twin")
    except make_twin.Fault as fault:
        sys.exit(f"make_twin: {fault}")

    # What other packages need. hookcam's own folder is left out: the twin must not find there what it does not have.
    others = []
    for flag in pathlib.Path(flags).read_text(encoding="utf-8").splitlines():
        if flag and not (flag.startswith("-I") and (pathlib.Path(flag[2:]) / "hookcam").is_dir()):
            others.append(flag)

    for name, headers, hooked in (
        ("library", include, []),
        ("twin", work / "twin", []),
        ("hooked", include, ["-DHOOKED"]),
    ):
        target = work / f"{name}.o"
        target.unlink(missing_ok=True)
        command = [compiler, *levels, *FLAGS, *hooked, f"-I{headers}", *others, "-c", source, "-o", str(target)]
        if subprocess.run(command, check=False).returncode != 0:
            sys.exit("compile_probes: the compiler failed: " + " ".join(map(str, command)))
    print(f"{compiler} {' '.join(levels)}: the library, its twin, and the library with a hook")


if __name__ == "__main__":
    main()
