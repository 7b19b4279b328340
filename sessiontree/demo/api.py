"""A Messages API on loopback, whose model is a script: what the real Claude Code CLI talks to
when there is no account, no key and no internet.

    with MessagesApi(lambda request: say(f"You said {request.prompt}")) as api:
        environment = demo_env(api.url, config_dir)

Replies speak the language of `reply`, requests are read with `request`, and `wire` stands between
them and the bytes.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sessiontree.demo import wire
from sessiontree.demo.reply import Drop, Failure, Hold, Reply, say
from sessiontree.demo.request import Request

if TYPE_CHECKING:
    from starlette.requests import Request as HttpRequest
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

Script = Callable[[Request], Reply | Failure]
"""Called in the API's own thread, one request at a time: quick, and free of blocking calls."""

DEMO_KEY = "sk-ant-demo"
_OF_THE_SDK = "CLAUDE_CODE_ENTRYPOINT"
_KEPT_OUT = ("ANTHROPIC_", "CLAUDE_", "AWS_BEARER_TOKEN_BEDROCK")


def demo_env(api_url: str, config_dir: Path, *, retries: int = 2) -> dict[str, str]:
    """The variables that make Claude Code talk to `api_url` and live in `config_dir`, quietly.

    Variables of the person's own shell that would lead it elsewhere (another provider, a real
    account, a proxy) are set to "", which counts as unset (seen on Claude Code 2.1.330).
    `retries`: how often the CLI asks again after a failure; its own default is 10, which takes
    minutes."""
    return {
        **{name: "" for name in os.environ if name.startswith(_KEPT_OUT) and name != _OF_THE_SDK},
        "ANTHROPIC_BASE_URL": api_url,
        "ANTHROPIC_API_KEY": DEMO_KEY,
        "CLAUDE_CONFIG_DIR": str(config_dir),
        "CLAUDE_CODE_MAX_RETRIES": str(retries),
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_TMPDIR": str(config_dir / "tmp"),
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


class _Dropped(Exception):
    """The script wants the connection closed in the middle of the stream."""


class MessagesApi:
    """The API, served from a thread of its own on 127.0.0.1 while the `with` block runs.

    Entering only binds the port (the web server's imports, about 0.2 s, happen in the thread);
    whoever asks earlier waits. `pace` is the mean time between two deltas in seconds."""

    def __init__(self, script: Script, *, pace: float = 0.0) -> None:
        self.script = script
        self.pace = pace
        self.url = ""
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._fault: Exception | None = None
        self._connections: dict[tuple[str, int] | None, asyncio.Transport] = {}

    def __enter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._gate = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="messages-api", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stops at once, whatever is under way. Raises what the script raised, if it did."""
        with suppress(RuntimeError):  # the loop is closed already, where serving failed
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        if self._fault and error is None:
            raise self._fault

    @property
    def requests(self) -> list[Request]:
        """What the script was asked so far, the first first: retries and subagents included,
        side requests of the CLI not."""
        with self._lock:
            return list(self._requests)

    def release(self) -> None:
        """Every `Hold`, present and future, lets go."""
        self._loop.call_soon_threadsafe(self._gate.set)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve())
        except Exception as error:  # noqa: BLE001  raised again by __exit__
            self._fault = error
        finally:
            self._socket.close()  # whoever still asks is refused rather than left to wait

    async def _serve(self) -> None:
        import uvicorn
        from uvicorn.protocols.http.h11_impl import H11Protocol

        connections = self._connections

        class Connection(H11Protocol):
            """Remembers its transport, so that a reply can drop the connection under it."""

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                connections[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                connections.pop(self.client, None)
                super().connection_lost(exc)

        server = uvicorn.Server(
            uvicorn.Config(
                self._answer,
                interface="asgi3",
                http=Connection,
                ws="none",
                proxy_headers=False,
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[self._socket]))
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        for task in (serving, stopping):
            task.cancel()
        for listener in getattr(server, "servers", ()):  # none yet, when stopped at once
            listener.close()
        for transport in list(connections.values()):
            transport.abort()
        await asyncio.wait([serving, stopping])
        if not serving.cancelled():
            serving.result()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        from starlette.requests import ClientDisconnect
        from starlette.requests import Request as HttpRequest

        try:
            response = await self._respond(HttpRequest(scope, receive))
            if response is not None:
                await response(scope, receive, send)
            elif connection := self._connections.get(scope["client"]):
                connection.close()
        except ClientDisconnect:
            pass  # an interrupted or killed CLI does not wait for its answer
        except _Dropped:
            raise  # in mid-stream: uvicorn closes the connection
        except Exception as error:
            self._fault = error  # raised again by __exit__
            raise

    async def _respond(self, http: HttpRequest) -> Response | None:
        """The response, None where the connection is to be dropped instead."""
        from starlette.responses import JSONResponse, Response

        path = http.url.path
        if http.method == "HEAD":
            return Response()
        if http.method != "POST" or not path.startswith("/v1/messages"):
            return _failed(Failure(404, f"{http.method} {path}: no such thing here"))
        try:
            body = json.loads(await http.body())
        except ValueError as error:
            return _failed(Failure(400, f"the body is not JSON: {error}"))
        if not isinstance(body, dict):
            return _failed(Failure(400, "the body is not a JSON object"))
        if path.endswith("/count_tokens"):
            return JSONResponse({"input_tokens": wire.tokens(body)})
        return await self._reply(Request(body, dict(http.headers)))

    async def _reply(self, request: Request) -> Response | None:
        from starlette.responses import JSONResponse, StreamingResponse

        reply = self._ask_script(request)
        items = (reply,) if isinstance(reply, Failure) else reply.items
        whole = not request.body.get("stream")
        for item in items if whole else items[:1]:
            match item:
                case Failure():
                    return _failed(item)
                case Drop():
                    return None
                case Hold() if whole:
                    await self._gate.wait()
        assert isinstance(reply, Reply)
        if whole:
            return JSONResponse(wire.message(reply, request))
        return StreamingResponse(self._stream(reply, request), media_type="text/event-stream")

    def _ask_script(self, request: Request) -> Reply | Failure:
        if request.is_side:
            return side_reply(request)
        with self._lock:
            self._requests.append(request)
        return self.script(request)

    async def _stream(self, reply: Reply, request: Request) -> AsyncIterator[bytes]:
        pace = self.pace if reply.pace is None else reply.pace
        for frame in wire.frames(reply, request):
            match frame:
                case Hold():
                    await self._gate.wait()
                case Drop():
                    raise _Dropped
                case Failure():
                    yield wire.encode(wire.error(frame))
                    return
                case _:
                    if pace and frame["type"] == "content_block_delta":
                        await asyncio.sleep(pace * random.uniform(0.3, 1.7))
                    yield wire.encode(frame)


def side_reply(request: Request) -> Reply:
    """A short answer to what the CLI asks for itself: a summary, or a title, maybe as JSON."""
    if "<summary>" in request.prompt:
        asked = "\n".join(f"- {prompt}" for prompt in request.asked.earlier)
        return say(f"<summary>\nThe person asked, one after the other:\n{asked}\n</summary>")
    title = " ".join(request.prompt.split()[:6]) or "Demo"
    wants_json = "json_schema" in json.dumps(request.body.get("output_config", {}))
    return say(json.dumps({"title": title}) if wants_json else title)


def _failed(failure: Failure) -> Response:
    from starlette.responses import JSONResponse

    headers = dict(failure.headers)
    return JSONResponse(wire.error(failure), status_code=failure.status, headers=headers)
