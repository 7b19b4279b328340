"""Text from outside never reaches a widget that reads markup as a bare `str`: of ordinary strings
`[/]` ends the app, and `[@click=app.quit]` becomes something to press (seen on Textual 8.2.8).

Read from the source: whatever such a widget is given is a constant, or a `Content` that the
reader of the code, and this test, can see being made."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import sessiontree.ui

UI = Path(sessiontree.ui.__path__[0])
MAKERS = {"Content", "Text"}  # and what their methods return
PLAIN = {"Input", "TextArea", "Horizontal", "Vertical", "VerticalScroll", "Markdown"}
"""Widgets whose text is taken as it is. `Markdown` reads no markup of Textual's."""

ATTRIBUTES = {"border_title", "border_subtitle", "tooltip"}
HINT = "give it Content(text), or say markup=False"


class Module:
    """One file: which names are widgets of Textual's, and what its functions return."""

    def __init__(self, path: Path, contents: set[str]) -> None:
        self.tree = ast.parse(path.read_text())
        self.path = path
        self.contents = contents
        self.widgets = {
            alias.asname or alias.name
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("textual.widg")
            for alias in node.names
            if alias.name not in PLAIN
        }
        self.asking: set[str | tuple[str, ast.AST]] = set()
        self.parents = {
            child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)
        }

    def faults(self) -> Iterator[str]:
        for node in ast.walk(self.tree):
            for what in self._faults(node):
                line = getattr(node, "lineno", 0)
                yield f"{self.path.relative_to(UI.parent)}:{line}: {what}; {HINT}"

    def _faults(self, node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Call):
            name = _name(node.func)
            if name == "from_markup":
                yield f"{name} reads markup"
            if self._reads_markup(node, name) and not _says_no_markup(node):
                for given in _texts(node):
                    if not self.is_safe(given):
                        yield f"{name}({ast.unparse(given)}) may be a bare str"
        if isinstance(node, ast.Assign) and not self.is_safe(node.value):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and target.attr in ATTRIBUTES:
                    yield f"{ast.unparse(target)} may be a bare str"
        if (
            isinstance(node, ast.FunctionDef)
            and node.name in ("render", "title_content")
            and not (node.returns is not None and ast.unparse(node.returns) in MAKERS)
        ):
            yield f"{node.name}() does not say that it returns a Content"

    def _reads_markup(self, call: ast.Call, name: str) -> bool:
        if name == "update" and isinstance(call.func, ast.Attribute):
            return self._is_looked_up(call.func.value)  # not a dict or a set
        return name in self.widgets or name == "notify"

    def _is_looked_up(self, node: ast.expr) -> bool:
        """Whether this is a widget: what a query found."""
        if not isinstance(node, ast.Name):
            return isinstance(node, ast.Call)
        scope = self._function(node)
        values = [
            one.iter if isinstance(one, ast.For) else one.value
            for one in ast.walk(scope)
            if (isinstance(one, ast.For) and _name(one.target) == node.id)
            or (isinstance(one, ast.Assign) and node.id in map(_name, one.targets))
        ]
        return any("query" in ast.unparse(value) for value in values)

    def _function(self, node: ast.AST) -> ast.AST:
        while not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
            node = self.parents[node]
        return node

    def is_safe(self, node: ast.expr) -> bool:
        """Whether it is seen to be a constant without markup, or a Content."""
        match node:
            case ast.Constant(value=str(text)):
                return "[" not in text
            case ast.Constant():
                return True
            case ast.Starred(value=inner):
                return self._holds_safe(inner)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self.is_safe(left) and self.is_safe(right)
            case ast.IfExp(body=body, orelse=other):
                return self.is_safe(body) and self.is_safe(other)
            case ast.Call(func=func):
                return self._makes_content(func)
            case ast.Name(id=name):
                return self._is_always(name, node)
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                return self._is_kept_safe(name)
        return False

    def _makes_content(self, func: ast.expr) -> bool:
        name = _name(func)
        if name in MAKERS or name in self.contents or name in self.widgets:
            return True
        return isinstance(func, ast.Attribute) and (
            _name(func.value) in MAKERS or self.is_safe(func.value)
        )

    def _is_always(self, name: str, at: ast.AST) -> bool:
        """Whether all that a name is bound to, in the comprehension or function around, is
        safe."""
        if (name, at) in self.asking:
            return True  # bound to something of its own: the other bindings decide
        self.asking.add((name, at))
        scope = at
        while not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
            scope = self.parents[scope]
            if isinstance(scope, ast.ListComp | ast.GeneratorExp) and (
                bound := [safe for one in scope.generators for safe in self._bound(name, one)]
            ):
                break
        else:
            nodes = [one for one in ast.walk(scope) if not isinstance(one, ast.comprehension)]
            bound = [safe for node in nodes for safe in self._bound(name, node)]
        self.asking.discard((name, at))
        return bool(bound) and all(bound)

    def _is_kept_safe(self, attribute: str) -> bool:
        """Whether all that an attribute is set to in this file is safe."""
        if attribute in self.asking:
            return True
        self.asking.add(attribute)
        given = [
            node.value
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Assign) and attribute in map(_name, node.targets)
        ]
        is_safe = bool(given) and all(self.is_safe(value) for value in given)
        self.asking.discard(attribute)
        return is_safe

    def _bound(self, name: str, node: ast.AST) -> Iterator[bool]:
        match node:
            case ast.Assign(targets=[ast.Name(id=one)], value=value) if one == name:
                yield self.is_safe(value) or self._holds_safe(value)
            case ast.AnnAssign(target=ast.Name(id=one), value=ast.expr() as value) if one == name:
                yield self.is_safe(value) or self._holds_safe(value)
            case ast.arg(arg=one, annotation=kind) if one == name:
                yield kind is not None and ast.unparse(kind) in MAKERS
            case ast.comprehension(target=target, iter=items) | ast.For(target=target, iter=items):
                if name in [one.id for one in ast.walk(target) if isinstance(one, ast.Name)]:
                    yield self._holds_safe(items)

    def _holds_safe(self, node: ast.expr) -> bool:
        """Whether each item of a list, or of what goes over one, is safe."""
        match node:
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return all(self.is_safe(item) for item in items)
            case ast.ListComp(elt=item) | ast.GeneratorExp(elt=item):
                return self.is_safe(item)
            case ast.Call(func=ast.Name(id="enumerate"), args=[inner, *_]):
                return self._holds_safe(inner)
            case ast.Name(id=name):
                return self._is_always(name, node)
        return False


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=inner):
            return _name(inner)
    return ""


def _says_no_markup(call: ast.Call) -> bool:
    return any(
        word.arg == "markup" and isinstance(word.value, ast.Constant) and word.value.value is False
        for word in call.keywords
    )


def _texts(call: ast.Call) -> Iterator[ast.expr]:
    """What may be shown of what a widget is given: not its id, its classes and the like."""
    yield from call.args
    shown = {"content", "label", "message", "title", "prompt", "placeholder", "tooltip"}
    yield from (word.value for word in call.keywords if word.arg in shown)


def modules() -> list[Module]:
    """Every file of the interface, each knowing which functions of all return a Content."""
    paths = sorted(UI.rglob("*.py"))
    functions = [
        node
        for path in paths
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    ]
    makes = {
        one: one.returns is not None and ast.unparse(one.returns) in MAKERS for one in functions
    }
    others = {one.name for one in functions if not makes[one]}
    contents = {one.name for one in functions if makes[one]} - others
    return [Module(path, contents) for path in paths]


def test_no_widget_is_given_a_bare_text() -> None:
    faults = [fault for module in modules() for fault in module.faults()]
    assert faults == [], "\n".join(["Text that is not seen to be safe:", *faults])


BAD = {
    "a name": "def f(text: str): return Static(text)",
    "an f-string": "def f(name: str): yield Label(f'‹{name}›')",
    "an attribute": "def f(self): self.query_one('#x', Static).update(self.text)",
    "a widget that was found": """
def f(self, text):
    for line in self.query("#x").results(Static):
        line.update(text)
""",
    "what is kept": """
class A:
    def keep(self, text):
        self._text = Content("")
        self._text = text
    def compose(self):
        yield Static(self._text)
""",
    "a notice": "def f(self, text): self.app.notify(text)",
    "a title": "def f(self, text): self.query_one('#x').border_title = text",
    "sometimes": """
def f(text):
    shown = Content(text)
    if text:
        shown = text
    return Static(shown)
""",
    "an option": "def f(texts): return OptionList(*(Choice(text) for text in texts))",
    "markup": "def f(text): return Static(Content.from_markup(text))",
    "a constant with markup": "def f(): return Static('[b]x[/b]')",
    "a drawing": "class A:\n  def render(self) -> str: return self.text",
}
GOOD = {
    "a content": "def f(text): return Static(Content(text).stylize('bold') + Content('x'))",
    "a constant": "def f(): return Static('', id='x')",
    "a made list": """
def f(texts):
    made = [Content(text) for text in texts]
    return OptionList(*[Choice(text) for text in [*made, Content("other")]])
""",
    "a notice": "def f(self, text): self.notify(text, markup=False)",
    "what is kept": """
class A:
    def keep(self, text):
        self._text = Content(text)
    def compose(self):
        yield Static(self._text)
""",
    "of its own": "def made() -> Content: ...\ndef f(self): return Static(made())",
    "an input": "def f(text): return Input(text, placeholder=text)",
    "a set": "def f(self, text): self.seen.update(text)",
}
IMPORTS = (
    "from textual.widgets import Input, Label, OptionList, Static\n"
    "from textual.widgets.option_list import Option as Choice\n"
)


@pytest.mark.parametrize("name", [*(f"bad {n}" for n in BAD), *(f"good {n}" for n in GOOD)])
def test_what_is_seen_to_be_bare(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, _, case = name.partition(" ")
    path = tmp_path / "ui" / "some.py"
    path.parent.mkdir()
    path.write_text(IMPORTS + (BAD if kind == "bad" else GOOD)[case])
    monkeypatch.setattr("tests.test_no_bare_text.UI", path.parent)
    assert bool([fault for module in modules() for fault in module.faults()]) is (kind == "bad")
