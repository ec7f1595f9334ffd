"""Tests of docs/site/headers.py and build.py: what is public and has no comment is found; what is not public is left out."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "docs/site"))

import headers  # noqa: E402

HEADER = """#pragma once

namespace hookcam {

namespace detail {
struct hidden {
    int value;
};
} // namespace detail

/// Three numbers.
template <class T>
    requires detail::something<T>
struct three {
    using kind = policy::three;
    three() = default;
    T first; ///< of them
    [[nodiscard]] T sum() const {
        return first + third();
    }
    /// The last.
    T third() const;
    void forward(auto const& x, auto& y) const {
        y = x;
    }
};

/// Is declared, and defined for a list.
template <class List>
struct unpacked;
template <class... Items>
struct unpacked<list<Items...>> {
};

} // namespace hookcam
"""


class Headers(unittest.TestCase):
    def setUp(self):
        self.lines = headers.for_doxygen(Path("hookcam/layers/three/three.hpp"), HEADER).split("\n")

    def test_lines_stay_where_they_are(self):
        self.assertEqual(len(self.lines), HEADER.count("\n") + 1)
        self.assertEqual(self.lines.index("    T first; ///< of them"), HEADER.split("\n").index("    T first; ///< of them"))

    def test_what_is_not_public_is_left_out(self):
        text = "\n".join(self.lines)
        for gone in ("hidden", "int value", "requires", "kind", "default", "forward", "y = x"):
            self.assertNotIn(gone, text)
        for there in ("Three numbers", "struct three {", "T sum() const {", "T third() const;"):
            self.assertIn(there, text)

    def test_a_type_that_is_taken_apart_is_one_type(self):
        text = "\n".join(self.lines)
        self.assertIn("template <class List>\nstruct unpacked\n\n{", text)
        self.assertEqual(text.count("struct unpacked"), 1)

    def test_the_group_is_the_room(self):
        self.assertIn("addtogroup layers", self.lines[2])
        self.assertEqual(headers.room_of(Path("include/hookcam/opencv.hpp")), "opencv")


class Site(unittest.TestCase):
    """A small project of one header and two pages."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.write("include/hookcam/version.hpp", '#define HOOKCAM_VERSION_STRING "1.2.3"\n')
        self.write("include/hookcam/core/one.hpp", "namespace hookcam {\n\n/// One.\nstruct one {};\n\n} // namespace hookcam\n")
        self.write("README.md", "# Read me\n")
        self.write("docs/index.md", "# Start\n\n## Pages\n\n- [A page](page.md#part)\n")
        self.write("docs/page.md", "# A page\n\n## Part\n\nBack to the [start](index.md), `a@b`, @user, and [it](../README.md).\n")

    def write(self, name, text):
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def build(self):
        command = [sys.executable, "-B", ROOT / "docs/site/build.py", self.root, self.root / "out"]
        return subprocess.run(command, capture_output=True, text=True)

    def test_it_is_built(self):
        done = self.build()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout, f"{(self.root / 'out/html/index.html').resolve()}\n")
        page = (self.root / "out/html/page.html").read_text()
        self.assertIn('href="index.html', page)
        self.assertIn("@user", page)
        self.assertIn("<code>a@b</code>", page)

    def test_an_entity_without_a_comment_is_a_fault_at_its_line(self):
        for text, line, says in (
            ("struct two {};", 3, "hookcam::two has no comment"),
            ("/// Two.\nstruct two {\n    int x;\n};", 5, "hookcam::two::x has no comment"),
            ("/// Two.\nstruct two {};\nvoid f(two);", 5, "hookcam::f has no comment"),
            ("/// Two.\nenum class two { a };", 0, "hookcam::two::a has no comment"),
            ("template <class T>\nconcept two = true;", 4, "hookcam::two has no comment"),
        ):
            self.write("include/hookcam/core/two.hpp", f"namespace hookcam {{\n\n{text}\n\n}} // namespace hookcam\n")
            done = self.build()
            self.assertEqual(done.returncode, 1, text)
            self.assertIn(f"include/hookcam/core/two.hpp:{line}: {says}" if line else says, done.stdout)

    def test_a_link_to_nothing_is_a_fault(self):
        self.write("docs/page.md", "# A page\n\n## Part\n\n[It](index.md#none)\n")
        done = self.build()
        self.assertEqual(done.returncode, 1)
        self.assertIn("index__none", done.stdout)


if __name__ == "__main__":
    unittest.main()
