#!/usr/bin/env python3
"""Proves that the tidy rules fail on planted violations and pass on a clean house."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import headers  # noqa: E402
import layers  # noqa: E402
import losses  # noqa: E402
import names  # noqa: E402
import one_type  # noqa: E402
import sizes  # noqa: E402
import source  # noqa: E402

HEADER = "#pragma once\nnamespace perdure {\nint answer();\n}  // namespace perdure\n"
LONG_BODY = "    x += 1;\n" * 80


class PlantedHouse(unittest.TestCase):
    """A small clean house; each test plants one violation."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = pathlib.Path(scratch.name)
        for room, deps in {"base": "", "data": "DEPS base", "crypto": "DEPS base",
                           "store": "DEPS base", "repository": "DEPS store data base",
                           "origin": "DEPS data base"}.items():
            self.plant(f"src/{room}/CMakeLists.txt", f"pd_room({room} {deps})\n")
            self.plant(f"src/{room}/README.md", "# a room\nWhy it exists.\n")
            self.plant(f"src/{room}/{room}.h", HEADER)
        self.plant("src/data/use.cpp", '#include "base/base.h"\nint use() {\n    return 1;\n}\n')

    def plant(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def found(self, rule):
        return "\n".join(rule.check(self.root))

    def test_a_clean_house_passes_every_rule(self):
        for rule in (layers, sizes, names, one_type, headers):
            self.assertEqual(self.found(rule), "", rule.__name__)

    def test_two_types_of_one_name_are_found(self):
        text = "namespace perdure::data {{\n{}struct Row {{\n    int a;\n}};\n{}}}\n"
        self.plant("src/data/a.cpp", text.format("", ""))
        self.plant("src/data/b.cpp", text.format("namespace {\n", "}  // namespace\n"))
        self.plant("src/data/c.cpp", "namespace perdure::data {\nstruct Row;\n"
                   "struct Row::Part {\n    int a;\n};\nclass Table {\n    struct Row {};\n};\n}\n")
        self.assertEqual(self.found(one_type), "")
        self.plant("src/data/d.h", "#pragma once\nnamespace perdure::data {\n"
                   "class Row final : public Cells {\n};\n}\n")
        self.assertIn("perdure::data::Row is another type in each of src/data/a.cpp, src/data/d.h",
                      self.found(one_type))

    def test_a_known_loss_without_its_test_is_found(self):
        head = "| what happened there | what holds here | file | test |\n|---|---|---|---|\n"
        self.plant("src/data/data_test.cpp", "TEST(Row, StaysWhole) {\n}\n")
        row = "| a row was cut | it is not | src/data/data_test.cpp | {} |\n"
        self.plant("docs/KNOWN_LOSSES.md", head + row.format("StaysWhole"))
        self.assertEqual(self.found(losses), "")
        self.plant("docs/KNOWN_LOSSES.md", head + row.format("IsNotThere"))
        self.assertIn("has no test IsNotThere", self.found(losses))
        self.plant("docs/KNOWN_LOSSES.md", head)
        self.assertIn("no row can be read", self.found(losses))

    def test_an_upward_arrow_is_found(self):
        self.plant("src/store/bad.cpp", '#include "repository/repository.h"\n')
        self.assertIn("src/store/bad.cpp: store includes", self.found(layers))
        self.assertIn("upwards", self.found(layers))

    def test_a_sideways_arrow_is_found(self):
        self.plant("src/repository/bad.h", '#pragma once\n#include "origin/origin.h"\n')
        self.assertIn("sideways", self.found(layers))

    def test_an_arrow_that_cmake_does_not_declare_is_found(self):
        self.plant("src/origin/bad.cpp", '#include "crypto/crypto.h"\n')
        self.assertIn("does not name crypto in DEPS", self.found(layers))

    def test_a_wrong_arrow_in_cmake_is_found(self):
        self.plant("src/store/CMakeLists.txt", "pd_room(store DEPS repository base)\n")
        self.assertIn("DEPS names repository", self.found(layers))

    def test_an_include_that_is_not_written_from_src_is_found(self):
        self.plant("src/data/bad.cpp", '#include "use.h"\n')
        self.assertIn("not written from src", self.found(layers))

    def test_a_room_without_a_layer_is_found(self):
        self.plant("src/attic/CMakeLists.txt", "pd_room(attic DEPS base)\n")
        self.assertIn("a room without a layer", self.found(layers))

    def test_a_kind_that_knows_another_kind_is_found(self):
        self.plant("src/store/local/local.h", HEADER)
        self.plant("src/store/s3/bad.cpp", '#include "store/local/local.h"\n')
        self.assertIn("kind s3 includes", self.found(layers))

    def test_a_long_file_is_found(self):
        self.plant("src/base/long.cpp", "int x;\n" * 501)
        self.assertIn("src/base/long.cpp: 501 lines", self.found(sizes))

    def test_a_test_may_be_longer_than_a_source_but_not_endless(self):
        self.plant("src/base/long_test.cpp", "int x;\n" * 800)
        self.assertEqual(self.found(sizes), "")
        self.plant("src/base/long_test.cpp", "int x;\n" * 801)
        self.assertIn("long_test.cpp: 801 lines", self.found(sizes))

    def test_a_wide_line_is_found(self):
        self.plant("src/base/wide.cpp", "// " + "x" * 98 + "\n")
        self.assertIn("src/base/wide.cpp:1: 101 columns", self.found(sizes))

    def test_a_long_function_is_found_in_every_shape(self):
        for shape in ("int f(int x) {\n%s}\n",
                      "namespace a {\nint f(int x = 3) {\n%s}\n}\n",
                      "struct A {\n    int f(int x) const override {\n%s}\n};\n",
                      "A::A(int y) : a_{y}, b_{2} {\n%s}\n",
                      "template <typename T>\nstruct B {\n  bool operator==(T x) {\n%s}\n};\n",
                      "TEST(Suite, Name) {\n%s}\n",
                      "class A : public B {\n    auto f() -> int {\n%s}\n};\n",
                      "constexpr int t[] = {1, 2};\nstruct X f(char c = '}') {\n%s}\n"):
            self.plant("src/base/f.cpp", shape % LONG_BODY)
            self.assertIn("lines, at most 70", self.found(sizes), shape)

    def test_braces_in_literals_and_comments_mislead_nobody(self):
        text = 'int f() {\n    // }\n    auto s = R"({{{)";\n    return \'{\' + 1\'000;\n}\n'
        self.plant("src/base/f.cpp", text + "int g() {\n    return 2;\n}\n")
        found = list(source.functions((self.root / "src/base/f.cpp").read_text()))
        self.assertEqual(found, [("f", 1, 5), ("g", 6, 3)])

    def test_a_crowded_folder_is_found(self):
        for number in range(25):
            self.plant(f"src/base/part{number}.cpp", "\n")
        self.assertIn("src/base: 26 sources, at most 24", self.found(sizes))

    def test_a_room_without_a_readme_is_found(self):
        (self.root / "src/base/README.md").unlink()
        self.assertIn("src/base: no README.md", self.found(sizes))

    def test_banned_names_are_found_in_files_types_and_namespaces(self):
        self.plant("src/base/string_util.cpp", "\n")
        self.plant("src/base/a.h", "class PackManager {};\n")
        self.plant("src/base/b.h", "namespace perdure::helpers {}\n")
        self.plant("src/base/c.h", "struct IStore {};\n")
        found = self.found(names)
        for word in ("string_util.cpp", "PackManager", "helpers", "IStore"):
            self.assertIn(word, found)

    def test_a_word_that_only_contains_a_banned_one_is_no_violation(self):
        self.plant("src/base/a.h", "struct Commonplace {}; struct Item {}; enum class IO { a };\n")
        self.assertEqual(self.found(names), "")

    def test_a_disk_change_outside_system_is_found(self):
        for line in ("std::ofstream out(path);", "::unlink(p);", "std::filesystem::rename(a, b);"):
            self.plant("src/store/bad.cpp", f"void f() {{\n    {line}\n}}\n")
            self.assertIn("src/store/bad.cpp:2:", self.found(names))

    def test_tests_may_change_disks_and_a_source_that_merely_sounds_like_one_may_not(self):
        line = "void f() {\n    ::unlink(p);\n}\n"
        for name in ("a_test.cpp", "a_test_world.h", "testing.h", "testing/world.cpp"):
            self.plant(f"src/store/{name}", line)
        self.assertEqual(self.found(names), "")
        self.plant("src/store/attest.cpp", line)
        self.assertIn("src/store/attest.cpp:2", self.found(names))

    def test_an_excepted_source_must_announce_its_steps(self):
        self.plant("src/origin/files/target.cpp", "void f() {\n    ::unlink(p);\n}\n")
        self.assertIn("target.cpp:2", self.found(names))
        self.plant("src/origin/files/target.cpp",
                   "void f() {\n    system::step(s, p);\n    ::unlink(p);\n}\n")
        self.assertEqual(self.found(names), "")

    def test_a_question_to_the_disk_that_throws_is_found(self):
        for line in ("for (auto each :\n         std::filesystem::directory_iterator(a, error)) {}",
                     "if (std::filesystem::exists(path)) return;",
                     "auto const full = std::filesystem::absolute(path).string();"):
            self.plant("src/store/bad.cpp", f"void f() {{\n    {line}\n}}\n")
            self.assertIn("src/store/bad.cpp:2:", self.found(names))
        for line in ("if (std::filesystem::exists(status)) return;",
                     "auto const full = std::filesystem::absolute(path, error).string();"):
            self.plant("src/store/bad.cpp", f"void f() {{\n    {line}\n}}\n")
            self.assertEqual(self.found(names), "")

    def test_a_header_that_needs_another_before_it_is_found(self):
        self.plant("src/base/needy.h", "#pragma once\nstd::string name();\n")
        self.assertIn("src/base/needy.h: does not compile alone", self.found(headers))


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=0).result
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed")
    sys.exit(1 if bad else 0)
