#!/usr/bin/env python3
"""Compares the machine code of a function in two object files, with everything that it reaches.

    compare_code.py [--objdump PROGRAM] [--different [--by NAME]] <object> <object> <function> [<function of the second>]

From the function on, every relocation is followed: to functions, to tables of functions, to constants and texts, and to what
the unwinder does with them. What the object files define is compared byte for byte: each instruction's bytes, each datum's, and
for each relocation its place, its kind and what it refers to. Three things are no part of the comparison:

- The name of what an object file defines. It is known by a number, given in order of appearance on the walk, which is the same
  walk in both files: so the two call graphs have one shape, and one body at each place. (A name tells the linker which copies
  of a function are one; it is not in the program. What a file does not define keeps its name.)
- The address at which a function or a datum begins. Compilers are asked to put each in a section of its own, where every
  function begins aligned alike; the addresses inside count from there. What pads the section behind the last instruction is
  behind the end that the symbol states, and never runs.
- Zeros behind what the unwinder is told of a function: they are its no-operation, and fill up to the next alignment.

Ends with 0 where both are the same; --different turns this round, for controls, and --by asks too that the second, and not the
first, reaches something of this name that is defined elsewhere. Reads ELF object files for x86-64 made with
-ffunction-sections -fdata-sections. Ends with 77, which CTest shows as skipped, where there is no objdump or another machine.
"""

import argparse
import bisect
import collections
import difflib
import pathlib
import re
import shutil
import struct
import subprocess
import sys

SKIPPED = 77

# What the format's documents call them: System V ABI, and its supplement for x86-64.
SHT_SYMTAB, SHT_RELA, SHT_NOBITS, SHF_EXECINSTR, SHF_MERGE, SHF_STRINGS = 2, 4, 8, 0x4, 0x10, 0x20
SHN_UNDEF, SHN_ABS = 0, 0xFFF1
STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_SECTION = 0, 1, 2, 3
RELATIVE_TO_PLACE = {2, 4, 9, 24, 41, 42}  # PC32 PLT32 GOTPCREL PC64 GOTPCRELX REX_GOTPCRELX
ABSOLUTE = {1, 10, 11}  # 64 32 32S


class Fault(Exception):
    """The object file holds something that this program does not know how to compare."""


Section = collections.namedtuple("Section", "name kind flags data size entry_size")
Symbol = collections.namedtuple("Symbol", "name kind section value size")
Relocation = collections.namedtuple("Relocation", "offset kind symbol addend")
Instruction = collections.namedtuple("Instruction", "offset size text")
# A function or a datum; `end` is one behind its last byte.
Thing = collections.namedtuple("Thing", "section begin end is_code name")


class ObjectFile:
    def __init__(self, path, objdump):
        self.path = pathlib.Path(path)
        self.bytes = self.path.read_bytes()
        if self.bytes[:6] != b"\x7fELF\x02\x01" or struct.unpack_from("<H", self.bytes, 18)[0] != 62:
            print(f"skipped: {self.path} is no object file for x86-64")
            sys.exit(SKIPPED)
        self.read_sections()
        self.read_symbols()
        self.read_unwinding()
        self.read_instructions(objdump)

    def read_sections(self):
        (at,) = struct.unpack_from("<Q", self.bytes, 0x28)
        size, count, names = struct.unpack_from("<HHH", self.bytes, 0x3A)
        raw = [struct.unpack_from("<IIQQQQIIQQ", self.bytes, at + i * size) for i in range(count)]
        if count == 0 or names >= count:
            raise Fault(f"{self.path}: too many sections")

        def text(table, offset):
            begin = raw[table][4] + offset
            return self.bytes[begin : self.bytes.index(0, begin)].decode()

        self.text = text
        self.raw = raw
        self.sections = []
        for name, kind, flags, _, offset, length, _, _, _, entry_size in raw:
            data = b"" if kind == SHT_NOBITS else self.bytes[offset : offset + length]
            self.sections.append(Section(text(names, name), kind, flags, data, length, entry_size))

    def read_symbols(self):
        self.symbols = []
        for section in self.raw:
            if section[1] == SHT_SYMTAB:
                for at in range(section[4], section[4] + section[5], 24):
                    name, info, _, where, value, size = struct.unpack_from("<IBBHQQ", self.bytes, at)
                    self.symbols.append(Symbol(self.text(section[6], name), info & 15, where, value, size))
        self.relocations = collections.defaultdict(list)
        for section in self.raw:
            if section[1] == SHT_RELA:
                for at in range(section[4], section[4] + section[5], 24):
                    offset, info, addend = struct.unpack_from("<QQq", self.bytes, at)
                    self.relocations[section[7]].append(
                        Relocation(offset, info & 0xFFFFFFFF, self.symbols[info >> 32], addend)
                    )
        for found in self.relocations.values():
            found.sort()

        # What a section holds, in order; of two names for one thing, the first.
        self.things = collections.defaultdict(list)
        ends = {}
        for symbol in self.symbols:
            if symbol.section in (SHN_UNDEF, SHN_ABS) or symbol.kind not in (STT_NOTYPE, STT_OBJECT, STT_FUNC):
                continue
            if symbol.size == 0 or symbol.section >= len(self.sections):
                continue
            key = (symbol.section, symbol.value)
            end, name = ends.get(key, (0, symbol.name))
            ends[key] = (max(end, symbol.value + symbol.size), name)
        for (section, begin), (end, name) in sorted(ends.items()):
            is_code = bool(self.sections[section].flags & SHF_EXECINSTR)
            self.things[section].append(Thing(section, begin, end, is_code, name))
        self.cold = collections.defaultdict(list)
        for things in self.things.values():
            for thing in things:
                if ".cold" in thing.name:
                    self.cold[thing.name[: thing.name.index(".cold")]].append(thing)

    def read_unwinding(self):
        """What the unwinder knows of each function: from .eh_frame (System V ABI, DWARF 5 section 6.4)."""
        self.frames = {}
        self.tables = collections.defaultdict(list)
        for index, section in enumerate(self.sections):
            if section.name != ".eh_frame":
                continue
            relocations = {r.offset: r for r in self.relocations[index]}
            at = 0
            while at + 4 <= section.size:
                (length,) = struct.unpack_from("<I", section.data, at)
                if length == 0 or length == 0xFFFFFFFF:
                    break
                (distance,) = struct.unpack_from("<I", section.data, at + 4)
                if distance != 0 and at + 8 in relocations:
                    begin = relocations[at + 8]
                    common = at + 4 - distance
                    (common_length,) = struct.unpack_from("<I", section.data, common)
                    pieces = []
                    own = (at + 12, at + 4 + length)
                    for first, last in ((common + 8, common + 4 + common_length), own):
                        found = [r for r in self.relocations[index] if first <= r.offset < last]
                        data = section.data[first:last].rstrip(b"\0")
                        pieces.append((data, [r._replace(offset=r.offset - first) for r in found]))
                        if (first, last) == own:
                            for r in found:  # the table of what to do with exceptions
                                self.tables[r.symbol.section].append(self.value_of(r))
                    self.frames[(begin.symbol.section, self.value_of(begin))] = pieces
                at += 4 + length
        for places in self.tables.values():
            places.sort()

    @staticmethod
    def value_of(relocation):
        return relocation.symbol.value + relocation.addend

    def read_instructions(self, objdump):
        listing = subprocess.run(
            [objdump, "-d", "-z", "-w", "--no-show-raw-insn", self.path], check=True, capture_output=True, text=True
        ).stdout
        # objdump names sections, and names repeat: but it takes them in their order.
        places = [i for i, s in enumerate(self.sections) if s.flags & SHF_EXECINSTR and s.size]
        parts = re.split(r"^Disassembly of section (.*):$", listing, flags=re.MULTILINE)[1:]
        if [self.sections[i].name for i in places] != parts[::2]:
            raise Fault(f"{self.path}: objdump shows other sections than the file has")
        self.instructions = {}
        for place, part in zip(places, parts[1::2]):
            lines = re.findall(r"^ *([0-9a-f]+):\t(.*)$", part, flags=re.MULTILINE)
            offsets = [int(offset, 16) for offset, _ in lines] + [self.sections[place].size]
            self.instructions[place] = [
                Instruction(offset, offsets[i + 1] - offset, " ".join(lines[i][1].split()))
                for i, offset in enumerate(offsets[:-1])
            ]

    def thing_at(self, section, offset):
        """The function or the datum at a place; what no symbol names is a datum that fills its gap."""
        things = self.things[section]
        index = bisect.bisect_right(things, offset, key=lambda t: t.begin) - 1
        if index >= 0 and offset < things[index].end:
            return things[index]
        of = self.sections[section]
        if of.flags & SHF_EXECINSTR:
            # Tables of jumps count from the table, so a place in a function can lie anywhere; the section is its own.
            if len(things) == 1:
                return things[0]
            raise Fault(f"{self.path}: {of.name}+{offset:#x} is in no function")
        ends = (end for thing in things for end in (thing.begin, thing.end))
        bounds = sorted({0, of.size, *self.tables[section], *ends})
        index = min(max(1, bisect.bisect_right(bounds, offset)), len(bounds) - 1)
        return Thing(section, bounds[index - 1], bounds[index], False, f"{of.name}+{bounds[index - 1]:#x}")

    def constant_at(self, section, offset):
        """A text or a constant that the linker may merge with equal ones: known by its value."""
        of = self.sections[section]
        if not of.flags & SHF_MERGE or not 0 <= offset < of.size:
            return None
        if of.flags & SHF_STRINGS:
            if of.entry_size != 1:
                return None
            begin = of.data.rfind(0, 0, offset) + 1
            return f"text {of.data[begin : of.data.index(0, offset)]!r}+{offset - begin}"
        begin = offset - offset % of.entry_size
        if any(begin <= r.offset < begin + of.entry_size for r in self.relocations[section]):
            return None
        return f"constant {of.data[begin : begin + of.entry_size].hex()}+{offset - begin}"

    def function(self, name):
        for symbol in self.symbols:
            if symbol.name == name and symbol.kind == STT_FUNC and symbol.section != SHN_UNDEF:
                return self.thing_at(symbol.section, symbol.value)
        raise Fault(f"{self.path}: there is no function {name}")


class Walk:
    """The text of a function and all that it reaches, with numbers for names."""

    def __init__(self, file, root):
        self.file = file
        self.numbers = {}
        self.elsewhere = set()  # the names of what other files define
        self.waiting = collections.deque()
        self.lines = []  # what is compared, and what a person wants to see beside it
        self.functions = self.data = self.code_bytes = 0
        self.number_of(file.function(root))
        while self.waiting:
            self.write(self.waiting.popleft())

    def number_of(self, thing):
        key = (thing.section, thing.begin)
        if key not in self.numbers:
            self.numbers[key] = len(self.numbers)
            self.waiting.append(thing)
        return self.numbers[key]

    def reference(self, relocation, distance):
        """What a relocation refers to. The processor counts from the next instruction, `distance` bytes on."""
        symbol, addend = relocation.symbol, relocation.addend
        if relocation.kind in RELATIVE_TO_PLACE:
            addend += distance
        elif relocation.kind not in ABSOLUTE:
            raise Fault(f"{self.file.path}: a relocation of kind {relocation.kind}")
        if symbol.section in (SHN_UNDEF, SHN_ABS) or symbol.section >= len(self.file.sections):
            self.elsewhere.add(symbol.name)
            return f"{symbol.name}{addend:+#x}"
        offset = symbol.value + addend
        constant = self.file.constant_at(symbol.section, offset)
        if constant is not None:
            return constant
        # A name says what is meant even where the place is one behind its end.
        thing = self.file.thing_at(symbol.section, offset if symbol.kind == STT_SECTION else symbol.value)
        return f"#{self.number_of(thing)}{offset - thing.begin:+#x}"

    def write(self, thing):
        section = self.file.sections[thing.section]
        kind = "function" if thing.is_code else "datum"
        number = self.number_of(thing)
        self.lines.append((f"{kind} #{number}, {thing.end - thing.begin} bytes", thing.name))
        relocations = [r for r in self.file.relocations[thing.section] if thing.begin <= r.offset < thing.end]
        if thing.is_code:
            self.functions += 1
            self.code_bytes += thing.end - thing.begin
            self.write_code(thing, section, relocations)
            for cold in self.file.cold[thing.name]:
                self.lines.append((f"  seldom: #{self.number_of(cold)}", cold.name))
            for data, found in self.file.frames.get((thing.section, thing.begin), ()):
                self.write_data("  unwind", data, found)
        else:
            self.data += 1
            if section.kind == SHT_NOBITS:
                self.lines.append(("  zeros", ""))
            else:
                found = [r._replace(offset=r.offset - thing.begin) for r in relocations]
                self.write_data("  bytes", section.data[thing.begin : thing.end], found)

    def write_data(self, what, data, relocations):
        self.lines.append((f"{what} {data.hex()}", ""))
        for r in relocations:
            self.lines.append((f"    {r.offset:#x}: kind {r.kind}, {self.reference(r, 0)}", r.symbol.name))

    def write_code(self, thing, section, relocations):
        waiting = collections.deque(relocations)
        for at in self.file.instructions[thing.section]:
            if not thing.begin <= at.offset < thing.end:
                continue
            end = at.offset + at.size
            refers = ""
            while waiting and waiting[0].offset < end:
                r = waiting.popleft()
                refers += f" [{r.offset - at.offset}: kind {r.kind}, {self.reference(r, end - r.offset)}]"
            jump = re.match(r"(?:bnd )?(?:call|j\w+) +([0-9a-f]+)\b", at.text)
            if jump and not refers and not thing.begin <= int(jump[1], 16) < thing.end:
                raise Fault(f"{self.file.path}: {thing.name}+{at.offset - thing.begin:#x} leaves its function: {at.text}")
            data = section.data[at.offset : end].hex()
            self.lines.append((f"  {at.offset - thing.begin:#x}: {data}{refers}", at.text))
        if waiting:
            raise Fault(f"{self.file.path}: {thing.name} has relocations outside its instructions")


def first_differences(a, b, most=60):
    """A unified diff with the names and instructions beside it."""
    beside = [collections.defaultdict(collections.deque), collections.defaultdict(collections.deque)]
    for lines, of in ((a.lines, beside[0]), (b.lines, beside[1])):
        for line, comment in lines:
            of[line].append(comment)
    texts = [[line for line, _ in of.lines] for of in (a, b)]
    diff = difflib.unified_diff(*texts, str(a.file.path), str(b.file.path), lineterm="", n=4)
    for shown, line in enumerate(diff):
        if shown == most:
            yield "..."
            return
        comment = ""
        if not line.startswith(("---", "+++", "@@")):
            of = beside[1 if line.startswith("+") else 0][line[1:]]
            comment = of[0] if of else ""
        yield f"{line}    ; {comment}" if comment else line


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--objdump", default="objdump")
    parser.add_argument("--different", action="store_true")
    parser.add_argument("--by", metavar="NAME")
    parser.add_argument("objects", nargs=2)
    parser.add_argument("functions", nargs="+")
    given = parser.parse_args()
    if shutil.which(given.objdump) is None:
        print("skipped: needs objdump, of GNU binutils")
        sys.exit(SKIPPED)
    try:
        first = Walk(ObjectFile(given.objects[0], given.objdump), given.functions[0])
        second = Walk(ObjectFile(given.objects[1], given.objdump), given.functions[-1])
    except Fault as fault:
        sys.exit(f"compare_code: {fault}")
    same = [line for line, _ in first.lines] == [line for line, _ in second.lines]
    size = f"{first.functions} functions, {first.code_bytes} bytes of code, {first.data} data"
    if same:
        print(f"{' and '.join(given.functions)}: the same code; {size}")
    else:
        print(f"{' and '.join(given.functions)}: the code differs; {size} in the first")
        if not given.different:
            print("\n".join(first_differences(first, second)))
    if given.by and (given.by in first.elsewhere or given.by not in second.elsewhere):
        sys.exit(f"compare_code: {given.by} is not what the second has beside the first")
    sys.exit(0 if same != given.different else 1)


if __name__ == "__main__":
    main()
