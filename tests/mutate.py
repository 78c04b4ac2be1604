#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Mutation score: are the tests able to notice when a line of lib/ breaks?

Each mutant (mutants.py) is built in a directory of its own and handed to the
killers, cheap ones first, until one fails:

    compile    what does not compile is no mutant
    object     code identical to the original's: equivalent, which is proven
    check      each test of tests/check_* by itself, those first that are quick
               and have killed before, hangs cut short
    explore    the explorer, where it is built
    thread, address
               the tests again, under a sanitizer

Of memory orders x86 shows little: for them identical code proves nothing, and
the explorer and ThreadSanitizer judge.  A kill that took long is confirmed: the
same test must pass with the original at this time on this machine.

Mutants that change nothing anybody could notice are listed with their reason in
mutants_equivalent.txt; --listed lets the killers try these.  Verdicts are kept
in a file of JSON lines and not sought again while lib/ is as it was (and, for
survivors, the tests).

Run it in a build directory after `make check TESTS=`.  Exit status: 0, 1 when
the score is below 95 %, 2 when something else is wrong.
"""
import argparse
import collections
import concurrent.futures
import dataclasses
import difflib
import fnmatch
import hashlib
import json
import os
import pathlib
import random
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
import mutants

PASS_SCORE = 95.0
WAIT_LIMIT = 2  # seconds: how long a test waits for what must happen
SLOW = 1.0  # seconds: a kill that took so long is confirmed
QUICK = 0.2  # seconds: a test that takes so long comes late
# What a sanitizer sees that the plain build does not are threads at work.
STAGES = ["quick", "explore", "slow", "thread", "address"]
LONG = 5.0  # seconds: what takes so long with a sanitizer is left out
# liburcu 0.13 has alignment reports of its own, inlined as it is here.
SANITIZERS = {
    "thread": ["-fsanitize=thread"],
    "address": [
        "-fsanitize=address,undefined",
        "-fno-sanitize=alignment",
        "-fno-sanitize-recover=undefined",
    ],
}
SANITIZED_CHECKS = (
    "bulk destroy discard halfway interrupt peek put_get shutdown stats task "
    "threads wait object badinput"
).split()
MUST_FAIL = """-Werror=return-type -Werror=implicit-function-declaration
    -Werror=int-conversion -Werror=incompatible-pointer-types
    -Werror=uninitialized -Werror=maybe-uninitialized""".split()
# Words of the library, and what scenarios of the explorer say for them.
SAID_BY_SCENARIOS = {
    "rendezvous": "meet",
    "offer": "meet",
    "pile": "lifo priority",
    "seg": "chain",
    "park": "co",
    "parked": "co",
    "served": "co",
    "serve": "co",
    "choice": "select",
    "node": "arm wake",
    "waker": "wake",
    "ticket": "interrupt walk",
    "capacity": "resize grow shrink",
    "discard": "immediate",
    "deadline": "timed",
    "ring": "put get",
}
# Other eyes on a survivor: optimised alike, it is the same program.
OPTIMISERS = (("gcc", "-O3"), ("gcc", "-Os"), ("clang", "-O2"))

KILLED, EQUIVALENT, LISTED, SURVIVED, INVALID = (
    "killed",
    "equivalent",
    "listed",
    "survived",
    "no mutant",
)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description="Mutate lib/ and count what the tests notice."
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--sample", type=int, metavar="N", help="N random mutants")
    which.add_argument("--all", action="store_true")
    which.add_argument(
        "--only", metavar="PATTERN", help="those whose id matches, like 'lib/wait.c:7?:*,lib/task.c:*'"
    )
    parser.add_argument("--seed", type=int, help="of the sample")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="stop then")
    parser.add_argument("--results", default="mutants.jsonl", metavar="FILE")
    parser.add_argument("--explore-limit", type=int, default=60, metavar="SECONDS")
    parser.add_argument(
        "--stages",
        type=lambda text: text.split(","),
        default=STAGES,
        metavar="LIST",
        help="which killers, of " + ",".join(STAGES),
    )
    parser.add_argument("--listed", action="store_true", help="judge the listed, too")
    parser.add_argument("--list", action="store_true", help="print mutants, judge none")
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args()


# ---- running ----------------------------------------------------------------


@dataclasses.dataclass
class Run:
    code: int  # None: cut short
    seconds: float
    output: str


def run(command, limit, cwd=None, env=None):
    """Run a command in a session of its own, which is killed at the limit."""
    begun = time.monotonic()
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = child.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
        out.seek(0)
        text = out.read(100_000).decode(errors="replace")
    return Run(code, time.monotonic() - begun, text)


# ---- building ---------------------------------------------------------------


class Makefile:
    """The variables that configure has set."""

    def __init__(self, path):
        text = path.read_text().replace("\\\n", " ")
        self.values = dict(re.findall(r"^(\w+) = (.*)$", text, re.M))

    def words(self, name):
        return shlex.split(self.expand(self.values.get(name, "")))

    def expand(self, text):
        def value(found):
            return self.expand(self.values.get(found[1], ""))

        return re.sub(r"\$\((\w+)\)", value, text)


class Builder:
    """Compiles lib/ and links it, as the Makefile does but without libtool."""

    def __init__(self, source, build):
        self.source, self.build = source, build
        self.configured = configured = Makefile(build / "Makefile")
        self.cc = configured.words("CC")
        self.urcu = configured.words("URCU_CFLAGS")
        self.urcu_libs = configured.words("URCU_LIBS")
        self.check_libs = configured.words("CHECK_LIBS")
        self.wrap = configured.words("wrap_flags")
        self.lib = sorted(p.name for p in (source / "lib").glob("*.[ch]"))
        self.units = [name for name in self.lib if name.endswith(".c")]
        self.needs = {unit: self.headers_of(unit) for unit in self.units}

    def common(self):
        include = self.source / "include"
        return [f"-I{self.build}", f"-I{include}", "-std=gnu11", "-pthread"]

    def flags(self):
        return (
            ["-DHAVE_CONFIG_H", "-include", "lib/prefix.h"]
            + self.common()
            + ["-fvisibility=hidden", "-ftls-model=initial-exec", "-fexceptions"]
            + ["-fPIC"]
            + MUST_FAIL
            + self.urcu
        )

    def headers_of(self, unit):
        command = self.cc + self.flags() + ["-MM", f"lib/{unit}"]
        return set(re.findall(r"lib/(\w+\.h)", self.must(command, self.source)))

    def must(self, command, cwd):
        done = run(command, 120, cwd)
        if done.code != 0:
            print(f"{shlex.join(command)}:\n{done.output}", flush=True)
            raise SystemExit(2)
        return done.output

    def touched(self, file):
        return [u for u in self.units if u == file or file in self.needs[u]]

    def copy_lib(self, where, mutant=None):
        """A lib/ of its own, links to the original but for one file."""
        (where / "lib").mkdir(parents=True)
        for name in self.lib:
            (where / "lib" / name).symlink_to(self.source / "lib" / name)
        if mutant:
            path = where / mutant.file
            path.unlink()
            path.write_text(mutant.text)

    def compile(self, where, units, extra, cc=None):
        """Objects by unit, or None."""
        objects = {}
        for unit in units:
            out = f"{unit}{''.join(extra)}{''.join(cc or [])}.o".replace("/", "")
            command = (cc or self.cc) + self.flags() + extra
            if run(command + ["-c", "-o", out, f"lib/{unit}"], 60, where).code != 0:
                return None
            objects[unit] = where / out
        return objects

    def preprocess(self, where, units):
        """What the compiler sees of the units, for comparison."""
        command = self.cc + self.flags() + ["-E", "-P", "-o", "unit.i"]
        for unit in units:
            run(command + [f"lib/{unit}"], 60, where)
            yield hashlib.sha256((where / "unit.i").read_bytes()).digest()

    def link(self, where, objects, extra=()):
        """The directory with the shared library."""
        where.mkdir()
        script = self.source / "lib" / "libcoqueue.map"
        command = self.cc + ["-shared", "-pthread", "-Wl,-soname,libcoqueue.so.0"]
        command += [f"-Wl,--version-script={script}", *extra]
        command += ["-o", where / "libcoqueue.so.0", *objects.values()]
        return self.linked(command, where)

    def link_faults(self, where, objects):
        """check_faults, which has the library in it for its calls to be wrapped."""
        where.mkdir()
        tests = self.build / "tests"
        command = self.cc + ["-pthread", "-o", where / "check_faults"]
        command += [tests / "check_faults.o", *objects.values()]
        command += [tests / ".libs" / "libcrew.a", *self.wrap]
        return self.linked(command + self.check_libs, where)

    def linked(self, command, where):
        command = [str(word) for word in command + self.urcu_libs]
        return where if run(command, 60).code == 0 else None


def content(paths):
    whole = hashlib.sha256()
    for path in paths:
        whole.update(path.name.encode() + path.read_bytes())
    return whole.hexdigest()[:16]


# ---- killers ----------------------------------------------------------------


@dataclasses.dataclass
class Test:
    """One test of one program, in the plain build or with a sanitizer."""

    program: pathlib.Path
    name: str
    sanitizer: str = ""
    cost: float = 0.0
    kills: int = 0
    near: collections.Counter = dataclasses.field(default_factory=collections.Counter)

    def __str__(self):
        kind = f"{self.sanitizer}: " if self.sanitizer else ""
        return f"{kind}{self.program.name}: {self.name}"

    def worth(self, mutant):
        """Kills to be expected for a second."""
        near = self.near[mutant.where] * 20 + self.near[mutant.file] * 3
        return (1 + self.kills + near) / (0.02 + self.cost)

    def has_killed(self, mutant):
        self.kills += 1
        self.near[mutant.where] += 1
        self.near[mutant.file] += 1

    def run(self, libraries, patience=1):
        program = self.program
        if program.name == "check_faults":
            program = libraries / "check_faults"
        env = dict(
            os.environ,
            LD_LIBRARY_PATH=str(libraries),
            CK_FORK="no",
            CK_RUN_CASE=self.name,
            COQUEUE_TEST_LIMIT=str(WAIT_LIMIT * patience),
            TSAN_OPTIONS="halt_on_error=1 exitcode=66",
            GLIBC_TUNABLES="glibc.malloc.perturb=165",
        )
        limit = (WAIT_LIMIT + 1 + 10 * self.cost) * patience
        return run([str(program)], limit, env=env)


def tests_in(source, program, sanitizer=""):
    text = (source / "tests" / f"{program.name}.c").read_text()
    if not re.search("coqueue_create|queue_with", text):
        return  # it tests something else
    for name in re.findall(r"^(?:[A-Z]+_)*TEST\((\w+)", text, re.M):
        yield Test(program, name, sanitizer)


class Killers:
    """The tests of one build (plain, or with a sanitizer), and the original."""

    def __init__(self, builder, work, sanitizer=""):
        self.builder, self.sanitizer = builder, sanitizer
        self.sanitize = SANITIZERS.get(sanitizer, [])
        self.extra = ["-O1", "-g", *self.sanitize] if sanitizer else ["-O2"]
        self.work = work / (sanitizer or "plain")
        self.work.mkdir()
        builder.copy_lib(self.work)
        self.objects = builder.compile(self.work, builder.units, self.extra)
        self.original = self.objects and self.link(self.work, self.objects)
        if not self.original:
            raise SystemExit("mutate: the original cannot be built")
        self.tests = [
            test
            for program in self.programs()
            for test in tests_in(builder.source, program, sanitizer)
        ]
        self.lock = threading.Lock()

    def link(self, where, objects):
        """What tests run with: a directory, or None when nothing comes of it."""
        libraries = where / f"linked{self.sanitizer}"
        if not self.builder.link(libraries, objects, self.sanitize):
            return None
        if not self.sanitizer:
            faults = self.builder.link_faults(where / "faults", objects)
            if not faults:
                return None
            (faults / "check_faults").rename(libraries / "check_faults")
        return libraries

    def programs(self):
        if not self.sanitizer:
            tests = self.builder.build / "tests"
            found = [p for p in (tests / ".libs").glob("check_*") if p.is_file()]
            return sorted(found) + [tests / "check_faults"]
        return [self.build_program(f"check_{name}") for name in SANITIZED_CHECKS]

    def build_program(self, name):
        """A test program of its own, because its threads are watched, too."""
        builder, out = self.builder, self.work / name
        tests = builder.source / "tests"
        command = builder.cc + builder.common() + ["-w"] + self.extra + builder.urcu
        command += [f"-I{tests}", "-o", str(out)]
        for part in (f"tests_{name}_SOURCES", "tests_libcrew_la_SOURCES"):
            for source in builder.configured.words(part):
                if source.endswith(".c"):
                    command.append(str(builder.source / source))
        command.append(str(self.original / "libcoqueue.so.0"))
        builder.must(command + builder.check_libs, self.work)
        return out

    def weigh(self, pool):
        """How long each takes with the original; it must pass."""
        runs = pool.map(lambda test: test.run(self.original, 20), self.tests)
        for test, done in zip(list(self.tests), runs):
            test.cost = done.seconds
            if done.code != 0:
                print(f"{test} fails as it is, and is left out:\n{done.output}")
                if not self.sanitizer:
                    raise SystemExit(2)
                self.tests.remove(test)
        if self.sanitizer:  # the longest have shown in the plain build what they can
            self.tests = [test for test in self.tests if test.cost < LONG]

    def kill(self, mutant, libraries, quick=None):
        """(who killed it, how), or None; by the quick tests, the others, or all."""
        tests = [t for t in self.tests if quick in (None, t.cost < QUICK)]
        with self.lock:
            tests.sort(key=lambda t: t.worth(mutant), reverse=True)
        for test in tests:
            done = test.run(libraries)
            if done.code != 0 and self.is_the_mutants_fault(test, done, libraries):
                with self.lock:
                    test.has_killed(mutant)
                return str(test), how(done)
        return None

    def is_the_mutants_fault(self, test, done, libraries):
        if done.code is not None and done.seconds < SLOW:
            return True
        if test.cost < QUICK and test.run(self.original).code == 0:
            return True
        return (
            test.run(self.original, 6).code == 0 and test.run(libraries, 6).code != 0
        )


def how(done):
    if done.code is None:
        return "hangs"
    if done.code < 0:
        return signal.Signals(-done.code).name
    wrong = re.search(
        r"WARNING: ThreadSanitizer.*|ERROR: \w+Sanitizer.*|runtime error: .*",
        done.output,
    )
    if wrong:
        return wrong[0]
    lines = [line for line in done.output.splitlines() if re.search(r":[FE]:", line)]
    return lines[-1].split(":", 6)[-1].strip() if lines else f"status {done.code}"


# ---- equivalents ------------------------------------------------------------


@dataclasses.dataclass
class Entry:
    line: int
    text: str
    reason: str
    used: int = 0

    def __post_init__(self):
        parts = (re.escape(part) for part in self.text.split("..."))
        self.pattern = re.compile(".*".join(parts))


class Equivalents:
    """
    The list of mutants that change nothing that could be noticed:

        # A reason, for what follows it.
        lib/file.c function: the line => the line mutated

    "..." stands for anything; "@2" after the function for the second of several
    that look the same there.
    """

    def __init__(self, path):
        self.entries, reason, in_reason = [], "", False
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line.startswith("#"):
                reason = f"{reason} {line[1:].strip()}" if in_reason else line[1:].strip()
            elif line.strip():
                self.entries.append(Entry(number, line.strip(), reason))
            in_reason = line.startswith("#")

    def reason_for(self, mutant):
        """Why nobody could notice it, or None.  Marks the entry as used."""
        keys = (look(mutant), look(mutant, f"@{mutant.nth}"))
        for entry in self.entries:
            if any(entry.pattern.fullmatch(key) for key in keys):
                entry.used += 1
                return entry.reason
        return None

    def stale(self):
        return [f"{entry.line}: {entry.text}" for entry in self.entries if not entry.used]


def look(mutant, which=""):
    """What identifies a mutant when lines have moved."""
    head = f"{mutant.file} {mutant.where}{which}"
    return f"{head}: {mutant.before} => {mutant.after}"


# ---- judging ----------------------------------------------------------------


class Explorer:
    """The library's code under the explorer's scheduler (tests/explore.h)."""

    def __init__(self, builder, work, limit):
        self.builder, self.limit = builder, limit
        self.flags = ["-O2", f"-I{builder.source / 'tests'}", "-Ilib"]
        self.flags += ['-DCOQUEUE_SEAM="explore_seam.h"']
        sources = builder.configured.words("tests_explore_SOURCES")
        sources = [name for name in sources if name.endswith(".c")]
        self.units = [name[4:] for name in sources if name.startswith("lib/")]
        self.work = work / "explorer"
        self.work.mkdir()
        builder.copy_lib(self.work)
        self.objects = builder.compile(self.work, self.units, self.flags)
        self.rest = [self.compile_rest(s) for s in sources if s[:4] != "lib/"]
        self.scenarios = self.names_of_scenarios()

    def names_of_scenarios(self):
        program = self.work / "explore"
        command = self.builder.cc + ["-pthread", "-o", program, *self.rest]
        self.builder.must(command + [*self.objects.values()], self.work)
        listed = run([str(program), "--list"], self.limit).output.splitlines()
        return [line.split()[0] for line in listed if line.strip()]

    def compile_rest(self, name):
        out = self.work / f"{name.replace('/', '-')}.o"
        command = self.builder.cc + self.builder.flags() + self.flags
        source = self.builder.source / name
        self.builder.must(command + ["-c", "-o", str(out), str(source)], self.work)
        return out

    def related(self, mutant):
        """The scenarios that are named after what the mutant is in."""
        words = set(re.findall(r"[a-z]+", f"{mutant.file} {mutant.where}"))
        for word, more in SAID_BY_SCENARIOS.items():
            if word in words:
                words.update(more.split())
        return [name for name in self.scenarios if words & set(name.split("_"))]

    def kill(self, where, mutant):
        file = mutant.file.split("/")[1]
        units = [u for u in self.builder.touched(file) if u in self.units]
        objects = self.builder.compile(where, units, self.flags)
        if not objects or code_of(objects) == code_of(self.objects, units):
            return None
        program = where / "explore"
        command = self.builder.cc + ["-pthread", "-o", program, *self.rest]
        command += {**self.objects, **objects}.values()
        if not self.builder.linked(command, where):
            return None
        related = self.related(mutant)
        others = [name for name in self.scenarios if name not in related]
        for names in filter(None, (related, others)):
            command = [str(program), "--quick", f"--limit={self.limit}", *names]
            done = run(command, 4 * self.limit)
            if done.code not in (0, 2):
                return "explore", how(done) if done.code != 1 else failure(done.output)
        return None


def failure(output):
    """The line in which the explorer says what was wrong."""
    lines = [line for line in output.splitlines() if " schedules, " not in line]
    return " / ".join(lines)[:300]


def code_of(objects, units=None):
    """What tells whether two compilations gave the same."""
    return "".join(
        unit + hashlib.sha256(objects[unit].read_bytes()).hexdigest()
        for unit in units or objects
    )


class Judge:
    def __init__(self, arguments, builder, work, pool):
        self.builder, self.work = builder, work
        self.plain = Killers(builder, work)
        self.plain.weigh(pool)
        self.explorer = Explorer(builder, work, arguments.explore_limit)
        self.stages = arguments.stages
        self.sanitized = {}
        self.seen = {}  # verdicts by object code
        self.lock = threading.Lock()

    def judge(self, mutant):
        where = pathlib.Path(tempfile.mkdtemp(dir=self.work, prefix="m"))
        begun = time.monotonic()
        try:
            self.builder.copy_lib(where, mutant)
            verdict, by, note = self.verdict(mutant, where)
        finally:
            shutil.rmtree(where, ignore_errors=True)
        return {
            "verdict": verdict,
            "by": by,
            "how": note,
            "seconds": round(time.monotonic() - begun, 2),
        }

    def verdict(self, mutant, where):
        units = self.builder.touched(mutant.file.split("/")[1])
        objects = self.builder.compile(where, units, self.plain.extra)
        if objects is None:
            return INVALID, "compile", ""
        if self.is_same(mutant, where, units, objects):
            return EQUIVALENT, "object", ""
        code = code_of(objects) + mutant.op * (mutant.op == "order")
        with self.lock:
            seen = self.seen.get(code)
        if seen:
            return seen
        verdict = self.try_killers(mutant, where, units, objects)
        with self.lock:
            self.seen[code] = verdict
        return verdict

    def is_same(self, mutant, where, units, objects):
        if mutant.op == "order":
            with self.lock:
                original = list(self.builder.preprocess(self.plain.work, units))
            return list(self.builder.preprocess(where, units)) == original
        before = {unit: self.plain.objects[unit] for unit in units}
        return code_of(objects) == code_of(before)

    def try_killers(self, mutant, where, units, objects):
        libraries = self.plain.link(where, {**self.plain.objects, **objects})
        if libraries is None:
            return INVALID, "link", ""
        alike = mutant.op != "order" and self.is_optimised_alike
        for stage in self.stages_for(mutant):
            killed = self.try_stage(stage, mutant, where, libraries)
            if killed:
                return KILLED, *killed
            if alike and alike(where, units):
                return EQUIVALENT, "object", "with another compiler or -O"
            alike = None
        return SURVIVED, "", ""

    def stages_for(self, mutant):
        """Those that see most first; of memory orders x86 shows little."""
        first = ("explore", "thread") if mutant.op == "order" else ()
        return sorted(self.stages, key=lambda stage: stage not in first)

    def try_stage(self, stage, mutant, where, libraries):
        if stage in ("quick", "slow"):
            return self.plain.kill(mutant, libraries, stage == "quick")
        if stage == "explore":
            return self.explorer.kill(where, mutant)
        return self.kill_sanitized(stage, mutant, where)

    def is_optimised_alike(self, where, units):
        for cc, level in OPTIMISERS:
            if not shutil.which(cc):
                continue
            made = [
                self.builder.compile(directory, units, [level], [cc])
                for directory in (where, self.plain.work)
            ]
            if None not in made and code_of(made[0]) == code_of(made[1]):
                return True
        return False

    def kill_sanitized(self, sanitizer, mutant, where):
        killers = self.killers_with(sanitizer)
        objects = self.builder.compile(where, self.builder.units, killers.extra)
        libraries = objects and killers.link(where, objects)
        return killers.kill(mutant, libraries) if libraries else None

    def killers_with(self, sanitizer):
        """Built when first wanted."""
        with self.lock:
            if sanitizer not in self.sanitized:
                killers = Killers(self.builder, self.work, sanitizer)
                with concurrent.futures.ThreadPoolExecutor(2) as pool:
                    killers.weigh(pool)
                self.sanitized[sanitizer] = killers
            return self.sanitized[sanitizer]


# ---- the table --------------------------------------------------------------


class Table:
    """Verdicts, one JSON object a line; the last one of an id counts."""

    def __init__(self, path, source, stages):
        self.path, self.source, self.rows = path, source, {}
        self.lib = content(sorted((source / "lib").glob("*.[ch]")))
        self.tests = content(sorted((source / "tests").glob("*.[ch]")))
        self.tests += "," + ",".join(stages)
        self.lock = threading.Lock()
        if path.exists():
            for line in path.read_text().splitlines():
                row = json.loads(line)
                self.rows[row["id"]] = row

    def known(self, mutant):
        row = self.rows.get(mutant.id)
        if not row or row["lib"] != self.lib or row["after"] != mutant.after:
            return None
        if row["verdict"] == SURVIVED and row["tests"] != self.tests:
            return None
        return row

    def add(self, mutant, row):
        row = {
            "id": mutant.id,
            "where": mutant.where,
            "before": mutant.before,
            "after": mutant.after,
            "diff": diff(mutant, (self.source / mutant.file).read_text()),
            **row,
            "lib": self.lib,
            "tests": self.tests,
        }
        with self.lock:
            self.rows[mutant.id] = row
            with self.path.open("a") as out:
                out.write(json.dumps(row) + "\n")
        return row


def diff(mutant, original):
    lines = difflib.unified_diff(
        original.splitlines(True), mutant.text.splitlines(True), n=0
    )
    return "".join(line for line in lines if not line.startswith(("---", "+++")))


def all_mutants(source):
    for path in sorted((source / "lib").glob("*.[ch]")):
        if path.name != "prefix.h":  # names in object code alone
            yield from mutants.mutants_of(f"lib/{path.name}", path.read_text())


def chosen(arguments, every):
    if arguments.only:
        return [m for m in every if any(fnmatch.fnmatch(m.id, p) for p in arguments.only.split(","))]
    seed = arguments.seed if arguments.seed is not None else random.randrange(10**6)
    print(f"seed {seed}, {len(every)} candidates", flush=True)

    def place(mutant):
        """By chance, but a change elsewhere in lib/ moves none of the others."""
        text = f"{seed} {look(mutant, f'@{mutant.nth}')}"
        return hashlib.sha256(text.encode()).digest()

    return sorted(every, key=place)


class Session:
    """Takes one mutant after the other until enough are judged."""

    def __init__(self, arguments, table, reasons, judge):
        self.arguments, self.table, self.judge = arguments, table, judge
        self.reasons = reasons  # of the listed ones, by id
        self.end = time.monotonic() + (arguments.budget or float("inf"))
        self.counts, self.listed_but_killed = collections.Counter(), []
        self.lock = threading.Lock()

    def judged(self):
        return sum(self.counts[v] for v in (KILLED, SURVIVED, EQUIVALENT, LISTED))

    def enough(self):
        sample = self.arguments.sample
        out_of_time = time.monotonic() > self.end
        return out_of_time or (sample is not None and self.judged() >= sample)

    def take(self, mutant):
        with self.lock:
            if self.enough():
                return
        reason = self.reasons.get(mutant.id)
        row = self.table.known(mutant)
        if reason and not self.arguments.listed:
            row = {"verdict": LISTED, "by": reason, "seconds": 0}
        elif row is None:
            row = self.table.add(mutant, self.judge.judge(mutant))
        with self.lock:
            self.note(mutant, reason, row)

    def note(self, mutant, reason, row):
        verdict = row["verdict"]
        if reason and verdict == KILLED:
            self.listed_but_killed.append(mutant.id)
            print(f"listed, but killed by {row['by']}: {look(mutant)}", flush=True)
        if reason and verdict == SURVIVED:
            verdict = LISTED
        self.counts[verdict] += 1
        if verdict == SURVIVED:
            print(f"survived {mutant.id}\n    {look(mutant)}", flush=True)
        elif self.arguments.verbose:
            print(verdict, mutant.id, row["by"], row["seconds"], flush=True)

    def score(self):
        judged = self.counts[KILLED] + self.counts[SURVIVED]
        return 100.0 * self.counts[KILLED] / judged if judged else 100.0


def summary(session):
    counts = session.counts
    listed, proven = counts[LISTED], counts[EQUIVALENT]
    return (
        f"{session.judged()} mutants, {counts[KILLED]} killed, {listed + proven}"
        f" equivalent ({listed} listed, {proven} by their object code),"
        f" {counts[SURVIVED]} survived, score {session.score():.1f} %"
    )


def judge_all(arguments, order, session, builder, table):
    with tempfile.TemporaryDirectory(prefix="coqueue-mutants.") as work:
        with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
            session.judge = Judge(arguments, builder, pathlib.Path(work), pool)
            for done in pool.map(session.take, order):
                pass


def main():
    arguments = parse_arguments()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source = pathlib.Path(__file__).resolve().parent.parent
    every = list(all_mutants(source))
    equivalents = Equivalents(source / "tests" / "mutants_equivalent.txt")
    reasons = {m.id: equivalents.reason_for(m) for m in every}
    stale = equivalents.stale()
    for entry in stale:
        print(f"mutants_equivalent.txt:{entry}: no such mutant (any more)")
    order = chosen(arguments, every)
    if arguments.list:
        for mutant in order:
            print(mutant.id, look(mutant))
        return 2 if stale else 0
    table = Table(pathlib.Path(arguments.results), source, arguments.stages)
    session = Session(arguments, table, reasons, None)
    builder = Builder(source, pathlib.Path.cwd())
    judge_all(arguments, order, session, builder, table)
    print(summary(session))
    if stale or session.listed_but_killed:
        return 2
    return 0 if session.score() >= PASS_SCORE else 1


if __name__ == "__main__":
    sys.exit(main())
