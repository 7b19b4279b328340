"""The small Python project that the demo's sessions work on, as it is before the first of them.

It is real: `python3 -m unittest` runs its tests, of which one fails on Sundays only.
"""

from __future__ import annotations

FILES = {
    "README.md": """\
# notes

A notes API in one class, with a login. No dependencies.

    python3 -m unittest
""",
    "notes.py": '''\
"""A notes API: one entry point, notes in memory."""

from dataclasses import dataclass


@dataclass
class Response:
    status: int
    body: object = None


class Api:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def handle(self, key: str, method: str, path: str, body: str = "") -> Response:
        """Answers one request of the client with this key."""
        if path != "/notes":
            return Response(404)
        if method == "GET":
            return Response(200, list(self.notes))
        if method == "POST":
            self.notes.append(body)
            return Response(201, len(self.notes))
        return Response(405)
''',
    "test_notes.py": """\
import unittest

from notes import Api


class NotesTest(unittest.TestCase):
    def test_a_note_can_be_read_back(self):
        api = Api()
        self.assertEqual(api.handle("ada", "POST", "/notes", "Buy milk").status, 201)
        self.assertEqual(api.handle("ada", "GET", "/notes").body, ["Buy milk"])

    def test_many_notes(self):
        api = Api()
        statuses = [api.handle("ada", "POST", "/notes", str(n)).status for n in range(12)]
        self.assertEqual(statuses, [201] * 12)

    def test_unknown_path(self):
        self.assertEqual(Api().handle("ada", "GET", "/users").status, 404)
""",
    "login.py": '''\
"""Login tokens, good until the end of the week."""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass
class Token:
    user: str
    expires: date

    def valid(self, on: date) -> bool:
        return on < self.expires


def issue(user: str, today: date) -> Token:
    """A token for the rest of the week, Sunday included."""
    return Token(user, today + timedelta(days=6 - today.weekday()))
''',
    "test_login.py": """\
import unittest
from datetime import date

from login import issue


class LoginTest(unittest.TestCase):
    def test_a_new_token_is_valid(self):
        today = date.today()
        self.assertTrue(issue("ada", today).valid(on=today))
""",
}
