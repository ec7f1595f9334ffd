"""Tests of docs_snippets.py: what is wrong in a page is found, at its line."""

import tempfile
import unittest
from pathlib import Path

import docs_snippets

PROGRAM = """#include <iostream>

int main() {
    int const sum = 1 + 2;

    if (sum == 3) {
        std::cout << sum << '\\n';
        return 0;
    }
    return 1;
}
"""


class Pages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.write("examples/CMakeLists.txt", "add_executable(sum sum.cpp)\n")
        self.write("examples/sum.cpp", PROGRAM)
        self.write("docs/page.md", "# A page\n\n## The `second` heading\n")

    def write(self, name, text):
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def faults(self, readme):
        self.write("README.md", readme)
        return docs_snippets.check(self.root)[0]

    def shows(self, block, mark="<!-- from: examples/sum.cpp -->", language="cpp"):
        return self.faults(f"# Title\n\n{mark}\n```{language}\n{block}\n```\n")

    def test_what_is_compiled_passes(self):
        for block in (
            "int const sum = 1 + 2;",
            "    int const sum = 1 + 2;",
            "if (sum == 3) {\n    std::cout << sum << '\\n';\n    return 0;\n}",
            "int const sum = 1 + 2;\n\nif (sum == 3) {\n    // ...\n}",
            "int main() {\n    // ...\n    return 1;\n}",
            "// ...\nint main() {\n    // ...\n}",
            PROGRAM.rstrip(),
        ):
            self.assertEqual(self.shows(block), [], block)

    def test_another_text_is_found_at_its_line(self):
        for block, line, shown, there in (
            ("int const sum = 1 + 3;", 5, "int const sum = 1 + 3;", "does not have it"),
            ("if (sum == 3) {\n    return 0;", 6, "return 0;", "has\n    std::cout << sum << '\\n';"),
            ("    return 1;\n}\n}", 7, "}", "does not have it"),
            ("int const sum = 1 + 2;\n// ...\nreturn 2;", 7, "return 2;", "does not have it"),
            ("return 1;\n// ...\nint const sum = 1 + 2;", 7, "int const sum = 1 + 2;", "does not have it"),
            ("if (sum == 3) {\nstd::cout << sum << '\\n';", 6, "std::cout", "indents it otherwise"),
            ("", 5, "nothing", "does not have it"),
        ):
            faults = self.shows(block)
            self.assertEqual(len(faults), 1, block)
            self.assertRegex(faults[0], rf"^README.md:{line}: the block shows\n", block)
            self.assertIn(f"shows\n    {shown}", faults[0])
            self.assertIn(f"but examples/sum.cpp {there}", faults[0])

    def test_a_block_of_cpp_needs_a_compiled_file(self):
        self.write("tests/compile_fail/sum.cpp", PROGRAM)
        self.write("tests/other.cpp", PROGRAM)
        self.write("src/sum.cpp", PROGRAM)
        for mark, says in (
            ("", "must follow a line <!-- from: PATH -->"),
            ("<!-- from: examples/sum.cpp -->\nProse.", "must follow a line"),
            ("<!-- from: examples/none.cpp -->", "there is no file"),
            ("<!-- from: docs/page.md -->", "is no C\\+\\+ file"),
            ("<!-- from: src/sum.cpp -->", "must stand under"),
            ("<!-- from: tests/compile_fail/sum.cpp -->", "must stand under"),
            ("<!-- from: tests/other.cpp -->", "is named by no CMakeLists.txt"),
        ):
            faults = self.shows("return 1;", mark)
            self.assertEqual(len(faults), 1, mark)
            self.assertRegex(faults[0], says)

    def test_each_block_needs_its_own_mark(self):
        block = "```cpp\nreturn 1;\n```\n"
        self.assertEqual(len(self.faults(f"<!-- from: examples/sum.cpp -->\n{block}\n{block}")), 1)

    def test_other_blocks_may_be_marked(self):
        self.write("examples/sum.txt", "3\n")
        mark = "<!-- from: examples/sum.txt -->"
        self.assertEqual(self.shows("3", mark, ""), [])
        self.assertEqual(len(self.shows("4", mark, "")), 1)
        self.assertEqual(self.shows("anything", "", ""), [])

    def test_tables_may_be_marked(self):
        table = "<!-- from: examples/sum.cpp -->\n| there | here |\n| --- | --- |\n| `1 + 2` | `{}` |\n"
        self.assertEqual(self.faults(table.format("return  1;")), [])
        self.assertEqual(self.faults("\n" + table.format("return 2;").split("\n", 1)[1]), [])
        faults = self.faults(table.format("return 2;"))
        self.assertEqual(len(faults), 1)
        self.assertIn("README.md:4: the table shows\n    return 2;", faults[0])

    def test_links(self):
        for link in (
            "[a](docs/page.md)",
            "[a](docs)",
            "![a](docs/page.md)",
            "[a](docs/page.md#the-second-heading)",
            "[a](https://example.org/none)",
            "[a](#here)\n\n# Here",
            "`[a](none.md)`",
            "```\n[a](none.md)\n```",
        ):
            self.assertEqual(self.faults(link), [], link)
        for link, says in (
            ("[a](none.md)", "there is no none.md"),
            ("![a `b`](docs/none.png)", "there is no docs/none.png"),
            ("[a](docs/page.md#third)", "no such heading"),
            ("[a](#there)", "no such heading"),
            ("`code` and [a](none.md)", "there is no none.md"),
        ):
            self.assertEqual(self.faults("First.\n" + link), [f"README.md:2: {self.ends(link, says)}"])

    def ends(self, link, says):
        target = link[link.index("(") + 1 : -1]
        return f"{target}: there is {says}" if says.startswith("no ") else says

    def test_shell_blocks(self):
        self.write("scripts/run", "")
        (self.root / "scripts/run").chmod(0o755)
        self.write("CMakePresets.json", '{"version": 6, "configurePresets": [{"name": "release"}]}')
        good = "./scripts/run --all   # not scripts/none\ncmake --preset release\n"
        self.assertEqual(self.faults(f"```sh\n{good}```\n"), [])
        bad = "cd there && scripts/none\nctest --preset debug\n"
        self.assertEqual(
            self.faults(f"```sh\n{bad}```\n"),
            ["README.md:2: there is no program scripts/none", "README.md:3: CMakePresets.json has no preset debug"],
        )


if __name__ == "__main__":
    unittest.main()
