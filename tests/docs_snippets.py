"""Checks the Markdown files: what they show is what is compiled, and what they point at is there.

    docs_snippets.py [ROOT]

Reads README.md and its like in ROOT, and docs/**/*.md:

- Every ```cpp block follows a line `<!-- from: PATH -->`, and stands word for word in that file, which the build
  compiles: one under examples/, tests/ or include/. The file may be indented deeper. A line `// ...` in the block stands for
  lines left out. Another block may carry the mark too: what a program prints (examples/docs/NAME.txt), a CMakeLists.txt.
- In a table with the mark, each piece of code in the second column stands in that file, spaces aside.
- Links and pictures that are files are there, and so are the headings that they name.
- In ```sh blocks: scripts are there and executable, and presets are in CMakePresets.json.

Ends with 1 and a line `FILE:LINE: what is wrong` for each fault.
"""

import json
import os
import re
import sys
from pathlib import Path

MARK = re.compile(r"<!--\s*from:\s*(\S+)\s*-->\s*$")
FENCE = re.compile(r"(\s*)(```+|~~~+)\s*([\w+-]*)")
LINK = re.compile(r"!?\[(?:[^][]|\[[^][]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*$")
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:", re.I)


class Block:
    """A fenced block: its language, its lines, the line it begins at, and the file that its mark names."""

    def __init__(self, language, line, mark):
        self.language, self.line, self.mark, self.lines = language, line, mark, []


def parse(text):
    """The blocks of a page, and its lines (number, text) outside them."""
    blocks, prose = [], []
    block = fence = mark = None
    for number, line in enumerate(text.splitlines(), 1):
        if block is not None:
            if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                block = None
            else:
                block.lines.append(line[len(indent):] if line.startswith(indent) else line)
            continue
        match = FENCE.match(line)
        if match:
            indent, fence, language = match.groups()
            block = Block(language, number, mark)
            blocks.append(block)
            mark = None
            continue
        prose.append((number, line))
        if line.strip():
            found = MARK.match(line.strip())
            mark = found.group(1) if found else None
    return blocks, prose


def indent_of(line):
    return len(line) - len(line.lstrip(" "))


def find(block, source):
    """None where the lines of a block stand in a source; else (index in the block, its line, the source's line) of the
    first difference behind the longest part that agrees."""
    begin = next((i for i, line in enumerate(block) if line.strip() not in ("", "// ...")), None)
    if begin is None:
        return 0, "nothing", None
    first = block[begin]
    best = (begin, first, None)
    for start, line in enumerate(source):
        deeper = indent_of(line) - indent_of(first)
        if line.strip() != first.strip() or deeper < 0:
            continue
        at, skipping = start, False
        for index in range(begin, len(block)):
            wanted = block[index].rstrip()
            if wanted.strip() == "// ...":
                skipping = True
                continue
            wanted = " " * deeper + wanted if wanted else wanted
            if skipping:
                if not wanted:
                    continue
                rest = (i for i in range(at, len(source)) if source[i].rstrip() == wanted)
                at, skipping = next(rest, len(source)), False
            if at == len(source) or source[at].rstrip() != wanted:
                if index > best[0] or best[2] is None:
                    best = (index, block[index], source[at] if at < len(source) else None)
                break
            at += 1
        else:
            return None
    return best


def why_not_compiled(root, path):
    """Why a file is none that the build compiles, or None."""
    if path.suffix not in (".cpp", ".hpp"):
        return "is no C++ file"
    if path.parts[0] not in ("examples", "tests", "include") or "compile_fail" in path.parts:
        return "must stand under examples/, tests/ or include/, and not in compile_fail/"
    if path.suffix == ".cpp":
        lists = [root / folder / "CMakeLists.txt" for folder in path.parents]
        listed = re.compile(rf"\b{re.escape(path.stem)}\b|GLOB")
        if not any(listed.search(file.read_text()) for file in lists if file.exists()):
            return "is named by no CMakeLists.txt"
    return None


def check_block(root, block):
    """Yields (line, fault)."""
    if block.mark is None:
        if block.language in ("cpp", "c++", "hpp"):
            yield block.line, "a block of C++ must follow a line <!-- from: PATH --> that names its compiled file"
        return
    path = Path(block.mark)
    if not (root / path).is_file():
        yield block.line, f"there is no file {path}"
        return
    if block.language in ("cpp", "c++", "hpp"):
        reason = why_not_compiled(root, path)
        if reason:
            yield block.line, f"{path} {reason}"
            return
    elif path.parts[0] not in ("examples", "tests"):
        yield block.line, f"{path} must stand under examples/ or tests/"
        return
    difference = find(block.lines, (root / path).read_text().splitlines())
    if difference:
        index, shown, there = difference
        if there is None:
            has = "does not have it"
        elif there.strip() == shown.strip():
            has = "indents it otherwise"
        else:
            has = f"has\n    {there.strip()}"
        yield block.line + 1 + index, f"the block shows\n    {shown.strip()}\n  but {path} {has}"


def check_tables(root, text):
    """Yields (line, fault) for the tables that carry a mark."""
    code, file = None, None
    for number, line in parse(text)[1]:
        if found := MARK.match(line.strip()):
            file, code = found.group(1), None
            if (root / file).is_file():
                code = "".join((root / file).read_text().split())
        elif not line.startswith("|"):
            code = None
        elif code is not None:
            cells = re.split(r"(?<!\\)\|", line)
            for shown in re.findall(r"`([^`]+)`", cells[2]):
                if "".join(shown.split()) not in code:
                    yield number, f"the table shows\n    {shown}\n  but {file} does not have it"


def anchors(text):
    """What GitHub calls the headings of a page."""
    names, counts = set(), {}
    for _, line in parse(text)[1]:
        match = HEADING.match(line)
        if match:
            plain = re.sub(r"\[([^]]*)\]\([^)]*\)|[`*]", lambda m: m.group(1) or "", match.group(2))
            name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
            seen = counts[name] = counts.get(name, -1) + 1
            names.add(name if seen == 0 else f"{name}-{seen}")
    return names


def links(prose):
    """Yields (line, target) of every link and picture outside code."""
    for number, line in prose:
        for match in LINK.finditer(re.sub(r"`[^`]*`", lambda m: "`" * len(m.group()), line)):
            yield number, match.group(1)


def check_link(page, target):
    """Why a link leads nowhere, or None."""
    if ELSEWHERE.match(target):
        return None
    name, _, anchor = target.partition("#")
    file = page.parent / name if name else page
    if not file.exists():
        return f"there is no {target}"
    if anchor and file.suffix == ".md" and anchor not in anchors(file.read_text()):
        return f"{target}: there is no such heading"
    return None


def presets(root):
    file = root / "CMakePresets.json"
    if not file.exists():
        return set()
    content = json.loads(file.read_text())
    return {preset["name"] for kind, list_of in content.items() if kind.endswith("Presets") for preset in list_of}


def check_shell(root, block):
    """Yields (line, fault)."""
    known = presets(root)
    for index, line in enumerate(block.lines, block.line + 1):
        for script in re.findall(r"(?:^|[\s;&|])(?:\./)?(scripts/[\w.-]+)", line.split(" #")[0]):
            if not os.access(root / script, os.X_OK):
                yield index, f"there is no program {script}"
        for preset in re.findall(r"--preset[ =]([\w-]+)", line):
            if preset not in known:
                yield index, f"CMakePresets.json has no preset {preset}"


def check_page(root, page):
    """Yields (line, fault)."""
    blocks, prose = parse(page.read_text())
    for block in blocks:
        yield from check_block(root, block)
        if block.language in ("sh", "bash", "shell", "console"):
            yield from check_shell(root, block)
    yield from check_tables(root, page.read_text())
    for line, target in links(prose):
        fault = check_link(page, target)
        if fault:
            yield line, fault


def check(root):
    """The faults of all pages, and how many pages and blocks there are."""
    pages = sorted(root.glob("*.md")) + sorted((root / "docs").rglob("*.md"))
    faults = [f"{page.relative_to(root)}:{line}: {fault}" for page in pages for line, fault in check_page(root, page)]
    shown = sum(block.mark is not None for page in pages for block in parse(page.read_text())[0])
    return faults, len(pages), shown


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    faults, pages, shown = check(root)
    if pages == 0:
        faults.append(f"{root}: there are no pages")
    print("\n".join([*faults, f"{pages} pages, {shown} blocks compared, {len(faults)} faults"]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
