#!/usr/bin/env python3
"""Makes the slot-free twin of hookcam's headers.

    make_twin.py <include folder> <folder of the twin>

The twin is the umbrella <hookcam/hookcam.hpp> and every header that it reaches, without the lines from `// slots: begin` to
`// slots: end`. Ends with an error where markers are nested or have no partner, where nothing was taken out, and where what is
left still names a hook or a slot. test_tools.py tests this.
"""

import pathlib
import re
import shutil
import sys

BEGIN = "// slots: begin"
END = "// slots: end"
UMBRELLA = pathlib.PurePosixPath("hookcam/hookcam.hpp")

# Words like these that are no part of a slot: the library's own name; the concept that a layer can be named by a path; the kind
# of an error; the kind of a policy, which is a tag; the list of types behind a name, of which the twin has no member; and the
# standard library's base of exceptions.
HARMLESS = {"hookcam", "HOOKCAM_INSTRUCTION_SET", "hookable", "hook", "slot", "Slots", "runtime_error"}
HARMLESS |= {"HOOKCAM_DEVICE", "HOOKCAM_UNROLL", "HOOKCAM_CUDA_KERNEL", "HOOKCAM_CUDA_FUNCTION"} # of kernels

# What slots and hooks are made of, whatever its name.
TELLING = re.compile(r"\b(\w*(?:hook|slot)\w*|registry|snapshot|run_?time\w*|\w*_watched)\b", re.IGNORECASE)


class Fault(Exception):
    """Why there can be no twin."""


def strip(text, name):
    """The text without what stands between markers, and the number of lines that are gone."""
    kept, inside, gone = [], None, 0
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        words = line.strip()
        if words == BEGIN:
            if inside is not None:
                raise Fault(f"{name}:{number}: slots begin inside those that begin in line {inside}")
            inside = number
        elif words == END:
            if inside is None:
                raise Fault(f"{name}:{number}: slots end that did not begin")
            if number == inside + 1:
                raise Fault(f"{name}:{number}: there is nothing between the markers")
            inside = None
        elif words.startswith("// slots:"):
            raise Fault(f"{name}:{number}: not a marker: {words}")
        elif inside is None:
            kept.append(line)
        else:
            gone += 1
    if inside is not None:
        raise Fault(f"{name}:{inside}: slots begin and never end")
    return "".join(kept), gone


def code_of(text):
    """The text without comments and string literals."""
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', " ", text, flags=re.DOTALL)


def leftovers(text):
    """The words of slots and hooks that a stripped header still uses."""
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return sorted(set(TELLING.findall(code_of(code))) - HARMLESS)


def includes(text, header):
    """Those of hookcam's own headers that a header includes."""
    for name in re.findall(r'^\s*#\s*include\s*"([^"]+)"', text, flags=re.MULTILINE):
        parts = []
        for part in (header.parent / name).parts:
            if part == "..":
                parts.pop()
            else:
                parts.append(part)
        yield pathlib.PurePosixPath(*parts)


def make_twin(source, target):
    """Writes the twin. Returns the lines taken out of each of its headers, and the headers that it does not have."""
    source, target = pathlib.Path(source), pathlib.Path(target)
    if not (source / UMBRELLA).is_file():
        raise Fault(f"{source / UMBRELLA} is not there")
    if target.exists():
        shutil.rmtree(target)
    waiting, taken = [UMBRELLA], {}
    while waiting:
        header = waiting.pop()
        if header in taken:
            continue
        if not (source / header).is_file():
            raise Fault(f"{header} is included, but is not there")
        text, taken[header] = strip((source / header).read_text(encoding="utf-8"), header)
        left = leftovers(text)
        if left:
            raise Fault(f"{header}: the markers leave {', '.join(left)}")
        (target / header).parent.mkdir(parents=True, exist_ok=True)
        (target / header).write_text(text, encoding="utf-8")
        waiting.extend(includes(text, header))

    everything, waiting = set(), [UMBRELLA]
    while waiting:
        header = waiting.pop()
        if header not in everything:
            everything.add(header)
            waiting.extend(includes((source / header).read_text(encoding="utf-8"), header))
    left_out = sorted(everything - taken.keys())
    if not any(taken.values()) or not left_out:
        raise Fault("nothing was taken out: the twin would be the library itself")
    return taken, left_out


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        taken, left_out = make_twin(*sys.argv[1:])
    except Fault as fault:
        sys.exit(f"make_twin: {fault}")
    for header, lines in sorted(taken.items()):
        if lines:
            print(f"{header}: {lines} lines taken out")
    for header in left_out:
        print(f"{header}: left out")


if __name__ == "__main__":
    main()
