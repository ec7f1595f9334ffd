#!/usr/bin/env python3
"""Tests of make_twin.py and compare_code.py, the tools of the zero-cost proofs.

    test_tools.py <compiler> <objdump>
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import compare_code
import compile_probes
import make_twin

COMPILER, OBJDUMP = "c++", "objdump"


class Markers(unittest.TestCase):
    def test_what_stands_between_markers_goes(self):
        text = "a\n    // slots: begin\nb\nc\n    // slots: end\nd\n"
        self.assertEqual(make_twin.strip(text, "x"), ("a\nd\n", 2))

    def test_a_file_without_markers_stays(self):
        self.assertEqual(make_twin.strip("a\nb", "x"), ("a\nb", 0))

    def test_faults(self):
        for text, says in (
            ("// slots: begin\nb\n// slots: begin\n// slots: end\n", "x:3: slots begin inside"),
            ("a\n// slots: end\n", "x:2: slots end that did not begin"),
            ("a\n// slots: begin\nb\n", "x:2: slots begin and never end"),
            ("// slots: begin\n// slots: end\n", "x:2: there is nothing between"),
            ("// slots: bgin\n", "x:1: not a marker"),
        ):
            with self.assertRaisesRegex(make_twin.Fault, says):
                make_twin.strip(text, "x")


class Twins(unittest.TestCase):
    def make(self, files):
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder, "include")
            for name, text in files.items():
                path = source / "hookcam" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            taken, left_out = make_twin.make_twin(source, pathlib.Path(folder, "twin"))
            return {str(k): v for k, v in taken.items()}, [str(h) for h in left_out]

    def test_a_header_that_only_slots_include_is_left_out(self):
        umbrella = '#include "plan/a.hpp"\n// slots: begin\n#include "hooks/b.hpp"\n// slots: end\n'
        taken, left_out = self.make(
            {"hookcam.hpp": umbrella, "plan/a.hpp": '#include "../core/c.hpp"\n', "core/c.hpp": "", "hooks/b.hpp": "int slot;\n"}
        )
        self.assertEqual(taken, {"hookcam/hookcam.hpp": 1, "hookcam/plan/a.hpp": 0, "hookcam/core/c.hpp": 0})
        self.assertEqual(left_out, ["hookcam/hooks/b.hpp"])

    def test_faults(self):
        umbrella = '// slots: begin\n#include "b.hpp"\n// slots: end\n'
        with self.assertRaisesRegex(make_twin.Fault, "hookcam/hookcam.hpp: the markers leave m_slots"):
            self.make({"hookcam.hpp": umbrella + "int m_slots; // m_hooks\n", "b.hpp": ""})
        with self.assertRaisesRegex(make_twin.Fault, "hookcam/b.hpp is included, but is not there"):
            self.make({"hookcam.hpp": '#include "b.hpp"\n'})
        with self.assertRaisesRegex(make_twin.Fault, "nothing was taken out"):
            self.make({"hookcam.hpp": '#include "b.hpp"\n', "b.hpp": ""})

    def test_comments_and_texts_may_speak_of_hooks(self):
        self.assertEqual(make_twin.leftovers('f("a hooked slot"); // m_slots\n/* lower_hooked */ g();\n'), [])
        self.assertEqual(make_twin.leftovers("lower_hooked(node.slots());\n"), ["lower_hooked", "slots"])


SOURCE = """
extern "C" void outside(char const*);
extern "C" void elsewhere(char const*);
[[gnu::noinline]] int deep(int x) { return x * 3; }
[[gnu::noinline]] int first(int x) { outside("first"); return deep(x) + 1; }
[[gnu::noinline]] int other(int x) { outside("other"); return x; }
using function = int (*)(int);
extern function const table[];
extern function const table[] = {&first, &other};
struct guard { ~guard() { outside("end"); } };
extern "C" int probe(int x, int i) {
    guard g;
    try { outside("try"); } catch (long) { outside("caught"); }
    return table[i](x) + x;
}
"""


class Comparisons(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.count = 0
        cls.base = cls.walk()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def walk(cls, *changes, root="probe"):
        """The walk from a function of SOURCE after some changes."""
        text = SOURCE
        for before, after in changes:
            assert before in text, before
            text = text.replace(before, after)
        cls.count += 1
        source = pathlib.Path(cls.folder.name, f"{cls.count}.cpp")
        source.write_text(text, encoding="utf-8")
        target = source.with_suffix(".o")
        subprocess.run([COMPILER, "-O2", *compile_probes.FLAGS, "-c", source, "-o", target], check=True)
        walk = compare_code.Walk(compare_code.ObjectFile(target, OBJDUMP), root)
        walk.text = [line for line, _ in walk.lines]
        return walk

    def test_it_follows_tables_and_calls(self):
        names = {name for _, name in self.base.lines}
        for function in ("probe", "_Z5firsti", "_Z4deepi", "_Z5otheri", "table"):
            self.assertIn(function, names)
        self.assertIn("outside", self.base.elsewhere)
        self.assertNotIn("elsewhere", self.base.elsewhere)

    def test_names_do_not_matter(self):
        self.assertEqual(self.base.text, self.walk(("first(", "of_another_length("), ("&first", "&of_another_length")).text)

    def test_what_is_not_reached_does_not_matter(self):
        more = 'int more(int x) { outside("more"); return x / 7; }\nusing function'
        self.assertEqual(self.base.text, self.walk(("using function", more)).text)

    def test_everything_else_matters(self):
        for change in (
            ("x * 3", "x * 5"),  # a constant in a function that is called by one in the table
            ('outside("first")', 'outside("thirst")'),  # a text
            ('outside("other")', 'elsewhere("other")'),  # who is called
            ("{&first, &other}", "{&other, &first}"),  # the order of a table
            ("{&first, &other}", "{&first, &first}"),  # its content
            ("table[i](x) + x", "table[i](x) - x"),  # the function itself
            ('outside("end")', 'elsewhere("end")'),  # what runs on every way out
            ('outside("caught")', 'elsewhere("caught")'),  # what runs after an exception alone
            ("catch (long)", "catch (int)"),  # after which: that stands in the unwinder's table only
        ):
            self.assertNotEqual(self.base.text, self.walk(change).text, change)

    def test_two_functions_of_one_file_differ(self):
        self.assertNotEqual(self.base.text, self.walk(root="_Z5otheri").text)

    def test_an_unknown_function_is_a_fault(self):
        with self.assertRaisesRegex(compare_code.Fault, "there is no function nobody"):
            self.walk(root="nobody")


if __name__ == "__main__":
    COMPILER, OBJDUMP = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1])
