# SPDX-License-Identifier: MIT
"""
Small changes to C code, each a fault that somebody could have written.

The code is read as tokens, with just enough structure to tell functions,
statements and conditions apart; it relies on the style of lib/ (no assignment
hidden in a macro, one statement to a line).  Whatever makes no sense does not
compile, and is no mutant.

    compare    < <= > >= == !=          arith     + - * / % << >> & | ~ ++ --
    logic      && || !                  cond      negated, always, never
    const      n + 1, n - 1, 0 <-> 1    return    another value
    name       one enumerator, errno value or field for its neighbour
    remove     a statement              args      two arguments exchanged
    order      a memory order one step or all the way down, a fence removed
"""
import dataclasses
import re

TOKENS = re.compile(
    r"""(?P<space>\s+|\\\n|/\*.*?\*/|//[^\n]*)
      | (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<number>\.?\d(?:[\w.]|[eEpP][+-])*)
      | (?P<word>[A-Za-z_]\w*)
      | (?P<sign>->|\+\+|--|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|\#\#|.)
    """,
    re.X | re.S,
)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.M)
DEFINE = re.compile(r"[ \t]*#[ \t]*define[ \t]+(\w+)(?:\([^)]*\))?")

SIGNS = {
    "compare": {
        "<": ("<=", ">="),
        "<=": ("<", ">"),
        ">": (">=", "<="),
        ">=": (">", "<"),
        "==": ("!=",),
        "!=": ("==",),
    },
    "arith": {
        "+": ("-",),
        "-": ("+",),
        "*": ("/",),
        "/": ("*",),
        "%": ("/",),
        "<<": (">>",),
        ">>": ("<<",),
        "&": ("|",),
        "|": ("&",),
        "+=": ("-=",),
        "-=": ("+=",),
        "|=": ("&=",),
        "&=": ("|=",),
        "++": ("--",),
        "--": ("++",),
    },
    "logic": {"&&": ("||",), "||": ("&&",)},
}
# Each stands for the next of its row, the last one for the first.
NEIGHBOURS = [
    ("COQUEUE_OPEN", "COQUEUE_DRAINING", "COQUEUE_SHUT"),
    ("COQUEUE_GRACEFUL", "COQUEUE_IMMEDIATE"),
    ("COQUEUE_FIFO", "COQUEUE_LIFO", "COQUEUE_PRIORITY"),
    ("STORE_DONE", "STORE_NONE", "STORE_BUSY", "STORE_CLOSED"),
    ("WAITER_OUT", "WAITER_ASLEEP", "WAITER_WOKEN"),
    ("EAGAIN", "BUSY", "ESHUTDOWN", "ETIMEDOUT", "EINTR"),
    ("EINVAL", "ENOTSUP", "ENOMEM", "EDEADLK"),
    ("true", "false"),
    ("putters", "getters"),
    ("head", "tail"),
    ("next", "prev"),
    ("asleep", "woken"),
    ("from", "limit"),
    ("line", "other"),
]
NEXT = {row[i]: row[(i + 1) % len(row)] for row in NEIGHBOURS for i in range(len(row))}

ORDERS = {
    "load": {"seq_cst": ("acquire", "relaxed"), "acquire": ("relaxed",)},
    "store": {"seq_cst": ("release", "relaxed"), "release": ("relaxed",)},
    "both": {
        "seq_cst": ("acq_rel", "relaxed"),
        "acq_rel": ("acquire", "release", "relaxed"),
        "acquire": ("relaxed",),
        "release": ("relaxed",),
    },
}
TYPES = set(
    "struct enum union const static unsigned signed int long char void bool "
    "size_t int64_t uint32_t uint64_t uintptr_t time_t _Atomic _Alignas".split()
)
HEADED = {"if", "while", "for", "switch", "list_for_each"}
NO_OPERAND = {"return", "case", "else", "do", "sizeof"}
CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclasses.dataclass
class Token:
    kind: str
    text: str
    start: int
    end: int
    where: str = "-"  # the function or macro it stands in
    twin: int = -1  # the matching bracket


@dataclasses.dataclass(frozen=True)
class Mutant:
    file: str
    op: str
    start: int
    end: int
    new: str
    line: int
    where: str  # the function
    before: str  # the lines concerned, squeezed
    after: str
    text: str  # the whole file, mutated
    number: int  # among those of this operator in this line
    nth: int  # among those that look the same in this function

    @property
    def id(self):
        return f"{self.file}:{self.line}:{self.op}:{self.number}"


def squeeze(text):
    """Without comments, line breaks and needless blanks."""
    text = re.sub(r"/\*.*?\*/|\\\n", " ", text, flags=re.S)
    text = re.sub(r"/\*.*|\A.*\*/", " ", text, flags=re.S)  # cut in two
    return " ".join(text.split())


def tokens_in(text, start, end, where):
    for found in TOKENS.finditer(text, start, end):
        if found.lastgroup != "space":
            yield Token(found.lastgroup, found[0], found.start(), found.end(), where)


def read(text):
    """All tokens but directives; of these only the bodies of macros."""
    tokens, at = [], 0
    for found in DIRECTIVE.finditer(text):
        tokens += tokens_in(text, at, found.start(), "-")
        define = DEFINE.match(found[0])
        if define:
            body = found.start() + define.end()
            tokens += tokens_in(text, body, found.end(), "#" + define[1])
        at = found.end()
    tokens += tokens_in(text, at, len(text), "-")
    pair_brackets(tokens)
    name_functions(tokens)
    return tokens


def pair_brackets(tokens):
    opened = []
    for i, token in enumerate(tokens):
        if token.kind != "sign":
            continue
        if token.text in CLOSING:
            opened.append(i)
        elif token.text in CLOSING.values():
            twin = opened.pop() if opened else -1
            token.twin = twin
            if twin >= 0:
                tokens[twin].twin = i


def name_functions(tokens):
    i = 0
    while i < len(tokens):
        token = tokens[i]
        if token.text == "{" and token.where == "-" and token.twin > i:
            if i and tokens[i - 1].text == ")":
                name = tokens[tokens[i - 1].twin - 1].text
                for inside in tokens[i : token.twin + 1]:
                    inside.where = name
            i = token.twin
        i += 1


class Code:
    """The tokens of a file, and the changes (start, end, new, operator)."""

    def __init__(self, text):
        self.text = text
        self.tokens = read(text)
        self.statements = list(self.find_statements())

    def text_of(self, first, last):
        return self.text[self.tokens[first].start : self.tokens[last].end]

    def replace(self, first, last, new, op):
        return self.tokens[first].start, self.tokens[last].end, new, op

    def in_function(self, i):
        return self.tokens[i].where not in "-" and self.tokens[i].where[0] != "#"

    def is_operand(self, i):
        token = self.tokens[i]
        if token.kind == "sign":
            return token.text in (")", "]")
        return token.text not in NO_OPERAND

    def find_statements(self):
        """Indices of the first and last tokens of simple statements."""
        parens = 0
        for i, token in enumerate(self.tokens):
            if token.text in "([" and token.kind == "sign":
                parens += 1
            elif token.text in ")]" and token.kind == "sign":
                parens -= 1
            if parens or not self.in_function(i) or not self.begins_statement(i):
                continue
            if token.text in HEADED | TYPES | {"else", "do", "case", "default"}:
                continue
            if token.text in ("{", "}", ";"):
                continue
            last = self.end_of_statement(i)
            if last:
                yield i, last

    def begins_statement(self, i):
        last = self.tokens[i - 1]
        if last.text in (";", "{", "}", "else", "do", ":"):
            return not self.in_initialiser(i)
        if last.text == ")" and last.twin > 0:
            return self.tokens[last.twin - 1].text in HEADED
        return False

    def in_initialiser(self, i):
        """Whether the brace around token i is no block."""
        depth = 0
        for j in range(i - 1, -1, -1):
            text = self.tokens[j].text
            if text == "}":
                depth += 1
            elif text == "{":
                if depth == 0:
                    return self.tokens[j - 1].text in ("=", ",", "enum", "struct")
                depth -= 1
        return False

    def end_of_statement(self, i):
        while i < len(self.tokens):
            token = self.tokens[i]
            if token.text == ";":
                return i
            i = token.twin + 1 if token.text in CLOSING and token.twin > i else i + 1
        return None

    def changes(self):
        for make in (
            self.signs,
            self.unary,
            self.operands,
            self.conditions,
            self.ternaries,
            self.constants,
            self.names,
            self.returns,
            self.removals,
            self.arguments,
            self.orders,
        ):
            yield from make()

    def signs(self):
        for i, token in enumerate(self.tokens[:-1]):
            if token.kind != "sign" or token.where == "-":
                continue
            step = token.text in ("++", "--")
            if not step and not self.is_binary(i):
                continue
            for op, table in SIGNS.items():
                for new in table.get(token.text, ()):
                    yield self.replace(i, i, new, op)

    def is_binary(self, i):
        before, after = self.tokens[i - 1], self.tokens[i + 1]
        if not self.is_operand(i - 1) or after.text in (")", ",", ";"):
            return False
        if self.tokens[i].text == "*":  # a declaration or a cast?
            return not (
                before.text in TYPES or self.tokens[i - 2].text in ("struct", "enum")
            )
        return True

    def unary(self):
        for i, token in enumerate(self.tokens[:-1]):
            if token.kind != "sign" or token.where == "-" or self.is_operand(i - 1):
                continue
            if token.text in ("!", "~", "-"):
                op = "logic" if token.text == "!" else "arith"
                yield self.replace(i, i, "", op)

    def operands(self):
        """a && b: a alone, b alone."""
        for i, token in enumerate(self.tokens):
            if token.text not in ("&&", "||") or token.where == "-":
                continue
            first, last = self.left_operand(i), self.right_operand(i)
            yield self.replace(first, i, "", "logic")
            yield self.replace(i, last, "", "logic")

    def left_operand(self, i):
        return self.reach(i, -1, ("&&", "||", "=", "return", "?", ":", ",", ";"))

    def right_operand(self, i):
        return self.reach(i, +1, ("&&", "||", "?", ":", ",", ";"))

    def reach(self, i, step, stops):
        """The last token from i on in one direction, within its brackets."""
        i += step
        while True:
            token = self.tokens[i]
            inward = token.twin >= 0 and (token.twin - i) * step > 0
            if token.text in stops or (token.twin >= 0 and not inward):
                return i - step
            i = (token.twin if inward else i) + step

    def conditions(self):
        for i, token in enumerate(self.tokens[:-1]):
            if token.text not in ("if", "while", "for") or not self.in_function(i):
                continue
            first, last = i + 2, self.tokens[i + 1].twin - 1
            if token.text == "for":
                first = self.end_of_statement(first) + 1
                last = self.end_of_statement(first) - 1
            if last < first:
                continue
            yield self.replace(first, last, f"!({self.text_of(first, last)})", "cond")
            yield self.replace(first, last, "0", "cond")
            if token.text == "if":
                yield self.replace(first, last, "1", "cond")

    def ternaries(self):
        for i, token in enumerate(self.tokens):
            if token.text != "?" or token.where == "-":
                continue
            colon = self.reach(i, +1, (":",)) + 1
            last = self.reach(colon, +1, (",", ";"))
            if self.tokens[colon].text != ":":
                continue
            yes, no = self.text_of(i + 1, colon - 1), self.text_of(colon + 1, last)
            yield self.replace(i, last, f"? {no} : {yes}", "cond")

    def constants(self):
        for i, token in enumerate(self.tokens):
            number = re.fullmatch(r"(\d+|0x[0-9a-f]+)([uUlL]*)", token.text)
            if token.kind != "number" or not number:
                continue
            value = int(number[1], 0)
            for new in {0: (1,), 1: (0, 2)}.get(value, (value - 1, value + 1)):
                yield self.replace(i, i, f"{new}{number[2]}", "const")

    def names(self):
        for i, token in enumerate(self.tokens):
            if token.text not in NEXT or token.where == "-":
                continue
            field = token.text.islower() and token.text not in ("true", "false")
            local = token.text in ("from", "limit")
            if field and not local and self.tokens[i - 1].text not in ("->", "."):
                continue
            if token.text != self.tokens[i - 2].text or not field:
                yield self.replace(i, i, NEXT[token.text], "name")

    def returns(self):
        for first, last in self.statements:
            if self.tokens[first].text != "return" or last == first + 1:
                continue
            value = self.text_of(first + 1, last - 1)
            for new in ("0", "1"):
                if value not in ("0", "1", "true", "false", "NULL"):
                    yield self.replace(first + 1, last - 1, new, "return")

    def removals(self):
        for first, last in self.statements:
            if self.text_of(first, first + 2) == "(void)":
                if self.tokens[first + 4].text == ";":
                    continue  # a parameter that is not used
            op = "order" if "fence" in self.text_of(first, last) else "remove"
            yield self.replace(first, last, ";", op)

    def arguments(self):
        for i, token in enumerate(self.tokens):
            call = token.text == "(" and i and self.tokens[i - 1].kind == "word"
            if not call or not self.in_function(i):
                continue
            if self.tokens[i - 1].text in HEADED | NO_OPERAND | TYPES:
                continue
            spans = list(self.spans(i))
            for (a, b), (c, d) in zip(spans, spans[1:]):
                if self.text_of(a, b) != self.text_of(c, d):
                    new = f"{self.text_of(c, d)}, {self.text_of(a, b)}"
                    yield self.replace(a, d, new, "args")

    def spans(self, i):
        """First and last tokens of the arguments in the parentheses at i."""
        first, end = i + 1, self.tokens[i].twin
        while first < end:
            last = self.reach(first - 1, +1, (",",))
            yield first, last
            first = last + 2

    def orders(self):
        for i, token in enumerate(self.tokens):
            prefix, word = "", token.text
            if word.startswith("memory_order_"):
                prefix, word = "memory_order_", word[len("memory_order_") :]
            for new in ORDERS[self.access(i)].get(word, ()):
                yield self.replace(i, i, prefix + new, "order")

    def access(self, i):
        """What the call does that token i is an argument of."""
        name = self.tokens[self.reach(i, -1, ()) - 2].text
        return next((kind for kind in ("load", "store") if kind in name), "both")


def span_of_lines(text, start, end):
    return text.rfind("\n", 0, start) + 1, (text + "\n").find("\n", end)


def mutants_of(file, text):
    """All mutants of a file, in the order of its lines."""
    code = Code(text)
    where = {token.start: token.where for token in code.tokens}
    numbers, looks = {}, {}
    for start, end, new, op in sorted(set(code.changes())):
        first, last = span_of_lines(text, start, end)
        before = squeeze(text[first:last])
        after = squeeze(text[first:start] + new + text[end:last])
        line = text.count("\n", 0, start) + 1
        number = numbers[line, op] = numbers.get((line, op), 0) + 1
        look = (where[start], before, after)
        nth = looks[look] = looks.get(look, 0) + 1
        mutated = text[:start] + new + text[end:]
        yield Mutant(
            file, op, start, end, new, line, *look, mutated, number, nth
        )
