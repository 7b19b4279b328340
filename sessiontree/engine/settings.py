"""How the next run of a session is set: what a person chose, and what 'always' granted.

Kept while the app runs and never stored: a mode that lets tools run is chosen anew each time."""

from __future__ import annotations

from dataclasses import replace

from sessiontree.config import Config
from sessiontree.model.run import Allow, Answer, Ask, AskKind, Choice, Grants, Mode, Plan


class Settings:
    def __init__(self, config: Config) -> None:
        self._first = Choice(model=config.model)
        self._choices: dict[str | None, Choice] = {}
        self._grants: dict[str, Grants] = {}  # by session, and by folder for what lasts

    def choice(self, session: str | None) -> Choice:
        """How the next run on a session is set; None: of a new session. What a person set last
        holds for sessions that nobody set anything for."""
        return self._choices.get(session, self._first)

    def for_several(self, session: str | None) -> Choice:
        """The same for the runs of a fan-out: to let every tool run unasked is chosen for them
        or not at all."""
        return _asking(self.choice(session))

    def choose(self, session: str | None, choice: Choice) -> None:
        self._choices[session] = choice

    def used(self, session: str, choice: Choice) -> None:
        """A run was started with this choice: the session goes on with it. To let every tool
        run unasked was meant for that run alone."""
        self._choices[session] = choice
        self._choices = {one: _asking(set_to) for one, set_to in self._choices.items()}

    def grants(self, session: str | None, cwd: str) -> Grants:
        own = self._grants.get(session, Grants()) if session else Grants()
        return self._grants.get(cwd, Grants()) + own

    def learn(self, plan: Plan, ask: Ask, answer: Answer) -> tuple[str, ...]:
        """An 'always' holds for the runs that follow, though each is a process of its own;
        leaving plan mode holds for the session. Returns the rules and folders that Claude Code
        keeps in settings for this answer."""
        if not isinstance(answer, Allow):
            return ()
        kept: tuple[str, ...] = ()
        choice = self.choice(plan.session)
        if ask.kind is AskKind.PLAN:
            choice = replace(choice, mode=Mode.DEFAULT)
        for index in answer.always:
            suggestion = ask.suggestions[index]
            holder = plan.cwd if suggestion.lasting else plan.session
            if suggestion.lasting:
                kept += suggestion.grants.rules + suggestion.grants.folders
            self._grants[holder] = self._grants.get(holder, Grants()) + suggestion.grants
            if suggestion.mode is not None and suggestion.mode is not Mode.BYPASS:
                choice = replace(choice, mode=suggestion.mode)
        self._choices[plan.session] = choice
        return kept


def _asking(choice: Choice) -> Choice:
    return replace(choice, mode=Mode.DEFAULT) if choice.mode is Mode.BYPASS else choice
