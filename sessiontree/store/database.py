"""What the app asks of the store: links, what a person set, runs under way, trust, the view.

All of it is synchronous and safe to call from any thread. Reads come from memory and take a
moment; writes wait for the lock (at most its deadline) and for the disk, so call them off the
event loop. Each write is one transaction: stored when it returns, not at all when it raises
`StoreError`. Nothing in here is text of a message, save labels."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from sessiontree.model.overlay import Verdict
from sessiontree.model.run_words import Ending
from sessiontree.model.session import Link
from sessiontree.model.text import clean, clean_line
from sessiontree.store.errors import SessionRunning
from sessiontree.store.files import Files
from sessiontree.store.journal import Journal
from sessiontree.store.owner import this_process
from sessiontree.store.records import (
    Annotation,
    Decision,
    Finish,
    Intent,
    annotation_record,
    decision_document,
    decision_record,
    finish_document,
    finish_record,
    intent_document,
    intent_record,
    link_document,
    link_record,
)
from sessiontree.store.table import Document, JournalDB

Record = TypeVar("Record")
_VIEW = "view"


class Store:
    """The store of one folder. Open it with `Store.open`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.db = JournalDB(journal)
        """The same data through TinyDB, for what has no method here."""

    @classmethod
    def open(cls, path: Path, *, deadline: float = 5.0, files: Files | None = None) -> Store:
        """Opens the store at `path`, or makes it (folder 0700, file 0600). A write waits at most
        `deadline` seconds for another instance's lock.

        Raises `StoreError` where nothing could be shown: damage, or a version too new. Where
        it can be shown but not changed it opens `read_only` and `notices` say why."""
        return cls(Journal(path, deadline=deadline, files=files))

    def close(self) -> None:
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def path(self) -> Path:
        return self._journal.path

    @property
    def read_only(self) -> bool:
        return bool(self._journal.read_only)

    @property
    def notices(self) -> list[str]:
        """Sentences for a person: what was set aside, why it is read-only."""
        return self._journal.notices

    def refresh(self) -> bool:
        """Picks up what other instances wrote; whether that was anything. Costs one `stat` when
        nothing was, so it can be called often. Raises `StoreError` when the file is gone,
        replaced or damaged; what was read before stays."""
        return self._journal.refresh()

    # Links

    def links(self) -> dict[str, Link]:
        """The stored link of each child, by its id: the one set by hand, else the one that this
        app made."""
        return self._all("links", link_record) | self._all("links_by_hand", link_record)

    def put_link(self, link: Link) -> None:
        """Stores a link that this app made."""
        self._set("links", link.child, link_document(link))

    def set_link(self, link: Link) -> None:
        """Stores a link that a person set; what this app made stays beneath it."""
        self._set("links_by_hand", link.child, link_document(link))

    def unset_link(self, child: str) -> bool:
        """Forgets the link that a person set; whether there was one."""
        return bool(self.db.table("links_by_hand").remove(doc_ids=[child]))  # type: ignore[list-item]

    def remove_link(self, child: str) -> bool:
        """Forgets a link that this app made; whether there was one."""
        return bool(self.db.table("links").remove(doc_ids=[child]))  # type: ignore[list-item]

    # What a person set

    def annotation(self, session: str) -> Annotation:
        """What a person set on a session, or on a turn by its id."""
        return annotation_record(self._get("annotations", session) or {})

    def annotations(self) -> dict[str, Annotation]:
        return self._all("annotations", lambda _, doc: annotation_record(doc))

    def annotate(
        self,
        session: str,
        *,
        title: str | None = None,
        hidden: bool | None = None,
        keep: bool | None = None,
        chosen: Verdict | None = None,
        note: str | None = None,
    ) -> None:
        """Sets what is not None on a session, or on a turn by its id; "" takes a text away."""
        given = {
            "title": None if title is None else clean_line(title),
            "hidden": hidden,
            "keep": keep,
            "chosen": chosen,
            "note": None if note is None else clean(note),
        }
        changed = {name: value for name, value in given.items() if value is not None}
        if changed:
            self._set("annotations", session, changed)

    # Runs

    def intents(self) -> dict[str, Intent]:
        """Runs that were begun and not ended, by session. One whose `owner.gone` was cut off."""
        return self._all("intents", intent_record)

    def begin(self, *intents: Intent, links: Iterable[Link] = ()) -> None:
        """Stores that runs begin, with the links of the sessions that they are to make: all of it
        or nothing. Raises `SessionRunning` when another live instance on this machine has a run
        under way on the same session."""
        with self.db.transaction():
            for link in links:
                self.put_link(link)
            for intent in intents:
                self._begin(intent)

    def finish(self, session: str, ending: Ending | str, reason: str = "") -> None:
        """Stores how the run on a session ended (done, failed or interrupted; the reason in a
        short sentence without text of a message) and that it is no longer under way."""
        finish = Finish(Ending(ending), reason, time.time())
        with self.db.transaction():
            self.db.table("intents").remove(doc_ids=[session])  # type: ignore[list-item]
            self._set("finishes", session, finish_document(finish))

    def finishes(self) -> dict[str, Finish]:
        """How the last run on each session ended, by session."""
        return self._all("finishes", lambda _, doc: finish_record(doc))

    def _begin(self, intent: Intent) -> None:
        doc = self.db.table("intents").get(doc_id=intent.session)  # type: ignore[call-overload]
        if doc is not None:
            owner = intent_record(intent.session, doc).owner
            if owner.here and not owner.gone and owner != this_process():
                raise SessionRunning(
                    f"Session {intent.session} is being run by another sessiontree "
                    f"(process {owner.pid}). Wait for it, or fork."
                )
        self._set("intents", intent.session, intent_document(intent))

    # Trust

    def decision(self, folder: str | Path) -> Decision | None:
        """What a person decided about a folder's own settings; None when nobody was asked. It
        holds only while the folder's fingerprint is that of the decision."""
        doc = self._get("trust", str(folder))
        return None if doc is None else decision_record(doc)

    def decide(self, folder: str | Path, decision: Decision) -> None:
        self._set("trust", str(folder), decision_document(decision))

    # The view

    def view(self) -> dict[str, Any]:
        """The state of the interface that `set_view` kept: JSON values by name."""
        return self._get(_VIEW, _VIEW) or {}

    def set_view(self, **values: Any) -> None:
        """Keeps these values and leaves the others as they are."""
        self._set(_VIEW, _VIEW, values)

    # TinyDB

    def _get(self, table: str, key: str) -> dict[str, Any] | None:
        with self._journal.state:
            doc = self.db.table(table).get(doc_id=key)  # type: ignore[call-overload]
        return None if doc is None else dict(doc)

    def _all(
        self, table: str, record: Callable[[str, Mapping[str, Any]], Record]
    ) -> dict[str, Record]:
        with self._journal.state:
            documents = self.db.table(table).all()
        return {str(doc.doc_id): record(str(doc.doc_id), doc) for doc in documents}

    def _set(self, table: str, key: str, fields: Mapping[str, Any]) -> None:
        self.db.table(table).upsert(Document(fields, key))  # type: ignore[arg-type]
