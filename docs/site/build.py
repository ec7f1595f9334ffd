"""Builds the documentation: the pages in docs/ and the reference in the headers, with Doxygen, into one folder.

    build.py ROOT OUT

The first page is html/index.html in that folder. Ends with 1, and says where, when a public entity has no comment, a link leads
nowhere, or Doxygen has any other remark.
"""

import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

SITE = Path(__file__).resolve().parent
sys.path.insert(0, str(SITE.parent.parent / "tests"))

import docs_snippets  # noqa: E402
import headers  # noqa: E402

# The rooms of the reference, in a reader's order.
ROOMS = {
    "compose": ("Composition", "Networks as types: sequences, sums, branches, names."),
    "layers": ("Layers", "What a network is made of, and the base of a layer of your own."),
    "plan": ("Models and plans", "A model owns parameters; a plan runs it, and keeps what was asked for."),
    "hooks": ("Hooks", "Slots for hooks at compile time, handles for hooks at run time."),
    "explain": ("Explanation", "Grad-CAM, features, scores."),
    "autograd": ("Variables", "Gradients of any computation, hooks on its tensors, the operations."),
    "io": ("Weights", "PyTorch's and safetensors' files, and NumPy's."),
    "train": ("Training", "Plans that learn, losses, optimisers, schedules, checkpoints, the loop."),
    "data": ("Pictures and data sets", "PNG, JPEG, CIFAR-10; from bytes to a network's input."),
    "viz": ("Figures", "Colour maps, overlays, figures."),
    "opencv": ("OpenCV", "cv::Mat in and out."),
    "tensor": ("Tensors", "Views, memory, devices."),
    "core": ("Names, sizes, errors", "What everything else is written with; no tensor in it."),
}


def page_id(path):
    """What Doxygen calls a page: docs/how-to/x.md is how-to_x."""
    name = path.as_posix().removeprefix("docs/").removesuffix(".md")
    return "index" if name == "index" else re.sub(r"[^\w-]", "_", name)


def slug(heading):
    """What GitHub calls a heading."""
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)|[`*]", lambda m: m.group(1) or "", heading)
    return re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")


def escape(text):
    """Keeps Doxygen from reading a command into prose."""
    return re.sub(r"(`[^`]*`)|([\\@])(?=\w)", lambda m: m.group(1) or "\\" + m.group(2), text)


class Pages:
    """The Markdown files, as Doxygen reads them."""

    def __init__(self, root, out):
        self.root, self.out = root, out
        self.pages = [p.relative_to(root) for p in [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))]]
        self.titles = {page: self.title_of(root / page) for page in self.pages}
        self.sources = set()

    @staticmethod
    def title_of(file):
        return next(line[2:].strip() for line in file.read_text().splitlines() if line.startswith("# "))

    def link(self, page, text, target):
        """A link of a page, for Doxygen: to another page, to a file of the project, or elsewhere."""
        if docs_snippets.ELSEWHERE.match(target):
            return f"[{text}]({target})"
        name, _, anchor = target.partition("#")
        path = Path(os.path.normpath(page.parent / name)) if name else page
        if path in self.titles:
            return f"[{text}](@ref {self.reference(path, anchor)})"
        if (self.root / path).is_file():
            self.sources.add(path)
            return f"[{text}](@ref {page_id(path)})"
        return text

    @staticmethod
    def reference(path, anchor):
        if anchor:
            return f"{page_id(path)}__{anchor}"
        return "start" if page_id(path) == "index" else page_id(path)

    def picture(self, page, text, target):
        path = Path(os.path.normpath(page.parent / target))
        copy = self.out / "html" / "images" / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.root / path, copy)
        return f'<img src="images/{path.name}" alt="{html.escape(text)}">'

    def line(self, page, line):
        kept = []  # inline code stays as it is
        hidden = re.sub(r"`[^`]*`", lambda m: kept.append(m.group()) or f"\x00{len(kept) - 1}\x00", line)

        def shown(text):
            return re.sub(r"\x00(\d+)\x00", lambda m: kept[int(m.group(1))], text)

        hidden = re.sub(
            r"(!?)\[((?:[^][]|\[[^][]*\])*)\]\(([^)\s]+)\)",
            lambda m: (self.picture if m.group(1) else self.link)(page, m.group(2), m.group(3)),
            hidden,
        )
        return shown(re.sub(r"@(?!ref )(?=\w)", r"\\@", hidden))

    def convert(self, page):
        """A page's text; every line stays where it is."""
        lines, fence, seen = [], None, {}
        for line in (self.root / page).read_text().splitlines():
            opening = docs_snippets.FENCE.match(line)
            if fence:
                fence = None if line.strip() == fence else fence
            elif opening:
                fence = opening.group(2)
            elif docs_snippets.MARK.match(line.strip()):
                line = ""
            elif heading := docs_snippets.HEADING.match(line):
                level, text = heading.groups()
                name = slug(text)
                seen[name] = seen.get(name, -1) + 1
                anchor = f"{page_id(page)}__{name}" + (f"-{seen[name]}" if seen[name] else "")
                anchor = page_id(page) if level == "#" else anchor
                if anchor == "index":
                    anchor = "start"
                line = f"{level} {self.line(page, text)} {{#{anchor}}}"
            else:
                line = self.line(page, line)
            lines.append(line)
        return "\n".join(lines) + "\n"

    def write(self, to):
        for page in self.pages:
            (to / f"{page_id(page)}.md").write_text(self.convert(page))
        for source in sorted(self.sources):
            text = (self.root / source).read_text(errors="replace").rstrip("\n")
            language = source.suffix.replace(".hpp", ".cpp") if source.suffix in (".cpp", ".hpp", ".py") else ".txt"
            page = f"# {source} {{#{page_id(source)}}}\n\n~~~~~~~{{{language}}}\n{text}\n~~~~~~~\n"
            (to / f"{page_id(source)}.md").write_text(page)

    def navigation(self):
        """The list beside every page: what docs/index.md lists, in its order, and the rooms of the reference."""
        parts = []
        for line in (self.root / "docs/index.md").read_text().splitlines():
            if line.startswith("## "):
                parts.append((line[3:].strip(), []))
            elif parts:
                for text, target in re.findall(r"^\s*[-*] \[([^]]+)\]\(([^)#]+\.md)\)", line):
                    path = Path(os.path.normpath(Path("docs") / target))
                    parts[-1][1].append((text, f"{page_id(path)}.html"))
        rooms = [(title, f"group__{room}.html") for room, (title, _) in ROOMS.items() if room in self.rooms]
        parts.append(("Reference", [*rooms, ("Everything by name", "namespacehookcam.html")]))
        lines = []
        for title, entries in parts:
            if entries:
                items = "".join(f'<li><a href="{to}">{html.escape(text)}</a></li>' for text, to in entries)
                lines.append(f"<h2>{html.escape(title)}</h2><ul>{items}</ul>")
        return "\n".join(lines)


def write_headers(root, to):
    """The public side of the headers; returns the rooms."""
    rooms = set()
    for header in sorted((root / "include/hookcam").rglob("*.hpp")):
        path = header.relative_to(root / "include")
        text = header.read_text()
        if re.search(r"^namespace hookcam", text, re.M):
            file = to / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(headers.for_doxygen(path, text))
            if "\nnamespace hookcam {" in text:
                rooms.add(headers.room_of(path))
    return rooms


def write_rooms(to, rooms):
    text = ["/** \\namespace hookcam\n    Everything that a user names. */\n"]
    for room in [*(room for room in ROOMS if room in rooms), *sorted(rooms - set(ROOMS))]:
        title, says = ROOMS.get(room, (room, ""))
        text.append(f"/** \\defgroup {room} {title}\n    {says} */\n")
    (to / "rooms.dox").write_text("".join(text))


def run_doxygen(work, settings):
    """What Doxygen remarks, a line each."""
    done = subprocess.run(["doxygen", "-"], input=settings, text=True, capture_output=True, cwd=work)
    remarks = [line for line in done.stderr.splitlines() if line.strip()]
    if done.returncode and not remarks:
        remarks.append(f"doxygen ended with {done.returncode}")
    return sorted({line.replace(f"{work}/include/", "include/").replace(f"{work}/", "docs: ") for line in remarks})


def build_html(work, out, version):
    return run_doxygen(
        work,
        (SITE / "Doxyfile").read_text()
        + f'PROJECT_NUMBER = {version}\nINPUT = "{work}"\nOUTPUT_DIRECTORY = "{out}"\n'
        f'STRIP_FROM_PATH = "{work}/include" "{work}"\nSTRIP_FROM_INC_PATH = "{work}/include"\n'
        f'USE_MDFILE_AS_MAINPAGE = "{work}/index.md"\nLAYOUT_FILE = "{SITE}/layout.xml"\n'
        f'HTML_HEADER = "{work}/header.html"\nHTML_FOOTER = "{SITE}/footer.html"\nHTML_STYLESHEET = "{SITE}/style.css"\n',
    )


def find_undocumented(work, out):
    """Public entities without a comment. Doxygen's own warning passes over a type of which nothing has one, so this looks at
    all that Doxygen sees."""
    faults = run_doxygen(
        work,
        (SITE / "Doxyfile").read_text()
        + f'INPUT = "{work}/include" "{work}/rooms.dox"\nOUTPUT_DIRECTORY = "{out}"\n'
        "EXTRACT_ALL = YES\nWARNINGS = NO\nGENERATE_HTML = NO\nGENERATE_XML = YES\nXML_PROGRAMLISTING = NO\n",
    )

    def check(entity, name):
        if "~" not in name and not any("".join(entity.find(part).itertext()).strip() for part in ("briefdescription", "detaileddescription")):
            where = entity.find("location") if entity.tag != "enumvalue" else None
            at = "" if where is None else f"{where.get('file')}:{where.get('line')}: ".replace(f"{work}/", "")
            faults.append(f"{at}{name} has no comment")

    for file in sorted((out / "xml").glob("*.xml")):
        for compound in ElementTree.parse(file).getroot().iter("compounddef"):
            if compound.get("kind") not in ("struct", "class", "union", "concept", "namespace"):
                continue
            name = compound.findtext("compoundname")
            if compound.get("prot", "public") != "public" or not name.startswith("hookcam"):
                continue
            check(compound, name)
            for member in compound.iter("memberdef"):
                if member.get("prot") == "public" and member.get("kind") != "friend":
                    full = f"{name}::{member.findtext('name')}"
                    check(member, full)
                    for value in member.iter("enumvalue"):
                        check(value, f"{full}::{value.findtext('name')}")
    return faults


def finish(out):
    """Takes out what only Doxygen's own frame needs, marks each page in its list, and returns the links that lead nowhere."""
    for unused in ("*-members.html", "functions*.html", "hierarchy.html", "namespacemembers*.html", "classes.html"):
        for page in (out / "html").glob(unused):
            page.unlink()
    pages = {page.name: page.read_text() for page in (out / "html").glob("*.html")}
    anchors = {name: set(re.findall(r'\b(?:id|name)="([^"]+)"', text)) for name, text in pages.items()}
    faults = []
    for name, raw in pages.items():
        text = re.sub(r'<div class="summary">.*?</div>', "", raw, flags=re.S)
        for target in sorted(set(re.findall(r'\b(?:href|src)="([^"]+)"', text))):
            target = html.unescape(target)
            if docs_snippets.ELSEWHERE.match(target):
                continue
            file, _, anchor = target.partition("#")
            file = file or name
            if not (out / "html" / file).exists() or (anchor and file in pages and anchor not in anchors[file]):
                faults.append(f"{name}: there is no {target}")
        here = re.sub(r'\s*<a href="[^"]*">More\.\.\.</a>|<h2 class="groupheader">\s*</h2>', "", text)
        here = re.sub(r"(?:&lt;(?:[^<](?!Reference))* )?(?:Class|Struct|Concept|Namespace)(?: Template)? Reference", "", here)
        here = here.replace(f'<li><a href="{name}">', f'<li><a aria-current="page" href="{name}">')
        if here != raw:
            (out / "html" / name).write_text(here)
    return faults


def main():
    root, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    work = out / "input"
    for folder in (work, out / "html", out / "xml"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    rooms = write_headers(root, work / "include")
    write_rooms(work, rooms)
    pages = Pages(root, out)
    pages.rooms = rooms
    pages.write(work)
    (work / "header.html").write_text((SITE / "header.html").read_text().replace("@NAVIGATION@", pages.navigation()))
    version = re.search(r'VERSION_STRING\D*([\d.]+)', (root / "include/hookcam/version.hpp").read_text()).group(1)
    faults = find_undocumented(work, out) + build_html(work, out, version) + finish(out)
    if faults:
        print("\n".join([*faults, f"{len(faults)} faults"]))
        return 1
    print(out / "html" / "index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
