"""A wire between a client and a server that a test can cut: who asks then finds nobody there."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class Wire:
    """Forwards bytes to ``target`` (address, port) while the block runs, at ``url``, always the same."""

    def __init__(self, target: tuple[str, int], address: str = "127.0.0.1") -> None:
        self._target, self._address = target, address
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = self._listen(0)
        self._port = int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()

    @property
    def url(self) -> str:
        return f"http://{self._address}:{self._port}"

    def cut(self) -> None:
        """Every connection ends, and no other is taken."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Connections are taken again, at the same place."""
        self._listener = self._listen(self._port)
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def _listen(self, port: int) -> socket.socket:
        return socket.create_server((self._address, port), reuse_port=False)

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target, timeout=5)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open.discard(source)
        source.close()
