"""A wrong include, an orphan and an overgrown file must be rejected, and what is right must pass; a node that has ended is
not running."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parent.parent.parent / "tools"


class check_case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def run_check(self, name):
        return subprocess.run([sys.executable, TOOLS / name, self.root], capture_output=True, text=True)

    def assert_rejects(self, name, complaint):
        outcome = self.run_check(name)
        self.assertEqual(outcome.returncode, 1, outcome)
        self.assertIn(complaint, outcome.stdout)

    def assert_accepts(self, name):
        outcome = self.run_check(name)
        self.assertEqual((outcome.returncode, outcome.stdout), (0, ""), outcome)


class levels(check_case):
    def assert_include_rejected(self, path, included):
        with self.subTest(path=path, included=included):
            self.write(path, f"#pragma once\n#include {included}\n")
            self.assert_rejects("check_levels", f"{path}:2")
            (self.root / path).unlink()

    def test_an_upward_include_is_rejected(self):
        self.assert_include_rejected("transport/a.hpp", '"persistence/store.hpp"')
        self.assert_include_rejected("transport/a.cpp", '"actors/node_config.hpp"')
        self.assert_include_rejected("persistence/a.cpp", '"transport/loop.hpp"')
        self.assert_include_rejected("actors/a.cpp", '"apps/holdfastd.hpp"')
        self.assert_include_rejected("apps/a.cpp", '"tests/support/clock.hpp"')

    def test_a_library_outside_its_folder_is_rejected(self):
        self.assert_include_rejected("transport/a.cpp", "<caf/all.hpp>")
        self.assert_include_rejected("actors/machines/a.hpp", "<caf/fwd.hpp>")
        self.assert_include_rejected("actors/a.cpp", "<boost/asio/io_context.hpp>")
        self.assert_include_rejected("transport/loop.hpp", "<boost/asio/io_context.hpp>")
        self.assert_include_rejected("transport/mcp/a.cpp", "<boost/beast/http.hpp>")
        self.assert_include_rejected("apps/a.cpp", "<openssl/evp.h>")
        self.assert_include_rejected("actors/a.cpp", "<hiredis/hiredis.h>")
        self.assert_include_rejected("transport/a.cpp", "<rapidjson/reader.h>")
        self.assert_include_rejected("actors/a.cpp", "<yaml-cpp/yaml.h>")
        self.assert_include_rejected("apps/a.cpp", "<doctest/doctest.h>")

    def test_a_private_header_of_another_folder_is_rejected(self):
        self.assert_include_rejected("actors/a.cpp", '"transport/loop_impl.hpp"')

    def test_an_include_relative_to_its_folder_is_rejected(self):
        self.assert_include_rejected("transport/a.cpp", '"loop.hpp"')

    def test_right_includes_are_accepted(self):
        self.write("transport/a.cpp", '#include <boost/asio/io_context.hpp>\n#include "transport/a.hpp"\n')
        self.write("transport/a_impl.hpp", "#include <boost/beast/http.hpp>\n")
        self.write("transport/mcp/a.cpp", "#include <openssl/evp.h>\n#include <rapidjson/reader.h>\n")
        self.write("persistence/a.cpp", "#include <hiredis/hiredis.h>\n")
        self.write("actors/a.hpp", '#include <caf/fwd.hpp>\n#include "transport/loop.hpp"\n#include "persistence/a.hpp"\n')
        self.write("apps/a.cpp", '#include <caf/all.hpp>\n#include <yaml-cpp/yaml.h>\n#include "actors/a.hpp"\n')
        self.write("tests/transport/a_test.cpp", '#include <doctest/doctest.h>\n#include "apps/a.hpp"\n')
        self.assert_accepts("check_levels")


class budgets(check_case):
    def function(self, lines):
        return "int f() {\n" + "  g();\n" * (lines - 2) + "}\n"

    def test_a_long_file_is_rejected(self):
        self.write("apps/a.cpp", "int a;\n" * 401)
        self.assert_rejects("check_budgets", "apps/a.cpp: 401 lines")
        self.write("apps/a.cpp", "")
        self.write("apps/a.hpp", "int a;\n" * 151)
        self.assert_rejects("check_budgets", "apps/a.hpp: 151 lines")

    def test_a_long_function_is_rejected(self):
        self.write("apps/a.cpp", "namespace {\n\n" + self.function(76) + "\n}  // namespace\n")
        self.assert_rejects("check_budgets", "apps/a.cpp:3: a function of 76 lines")

    def test_a_long_member_function_is_rejected(self):
        self.write("apps/a.cpp", "class a : public b {\n public:\n" + self.function(76) + "};\n")
        self.assert_rejects("check_budgets", "apps/a.cpp:3: a function of 76 lines")

    def test_braces_in_text_do_not_count(self):
        odd = '  g("{", \'{\', R"({)");  // {\n'
        self.write("apps/a.cpp", "int f() {\n" + odd + "}\n" + self.function(75) + self.function(75))
        self.assert_accepts("check_budgets")

    def test_tests_may_be_longer(self):
        self.write("tests/apps/a_test.cpp", self.function(800))
        self.assert_accepts("check_budgets")


class orphans(check_case):
    def test_a_file_that_nobody_builds_is_rejected(self):
        self.write("apps/CMakeLists.txt", "add_library(a\n  a.cpp\n)\n")
        self.write("apps/a.cpp", "")
        self.assert_accepts("check_orphans")
        self.write("apps/b.cpp", "")
        self.assert_rejects("check_orphans", "apps/b.cpp")


class events(check_case):
    def list_events(self, *rows):
        self.write("docs/logging.md", "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n")

    def test_events_that_are_listed_as_they_are_logged_are_accepted(self):
        self.write("actors/a.cpp", 'void f() {\n  log::info("a.done", {{"session", id(")")}, log::trace_field(t)});\n  log::error("a.bare");\n}\n')
        self.list_events(("`a.done`", "info", "session, trace", "it is done"), ("`a.bare`", "error", "", "nothing"))
        self.assert_accepts("check_events")

    def test_what_differs_is_rejected(self):
        self.write("actors/a.cpp", 'void f() { log::warning("a.new", {{"why", w}, {"more", m}}); log::info("a.other"); }\n')
        self.list_events(("`a.new`", "info", "why, less", "level and fields differ"), ("`a.gone`", "info", "", "never logged"))
        for complaint in ("a.new: is logged as warning", "its field more is not listed", "it has no field less",
                          "a.other: is logged, but not listed", "a.gone: is listed, but never logged"):
            self.assert_rejects("check_events", complaint)


class is_running(unittest.TestCase):
    def says(self, pid):
        return subprocess.run([TOOLS / "is_running", str(pid)]).returncode == 0

    def start(self, name):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        program = shutil.copy(shutil.which("sleep"), pathlib.Path(folder.name) / name)
        process = subprocess.Popen([program, "60"])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_a_node_runs_until_it_ends_even_if_nobody_asks_for_its_end(self):
        node = self.start("holdfastd")
        self.assertTrue(self.says(node.pid))
        node.kill()
        os.waitid(os.P_PID, node.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now
        self.assertFalse(self.says(node.pid))
        node.wait()
        self.assertFalse(self.says(node.pid))

    def test_other_processes_are_no_nodes(self):
        self.assertFalse(self.says(self.start("holdfast").pid))
        self.assertFalse(self.says(""))


if __name__ == "__main__":
    unittest.main()
