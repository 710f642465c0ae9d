"""The drill of what is asked for and cancelled at once: it costs nothing, and holds nobody up."""

import contextlib
import json
import threading
import time

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.drills.kit import TEXTS, Outcome, Watch, drilled, text
from tests.drills.leavers import hears_all
from tests.kits.pods import gatewaying

__all__ = ["pairs"]

GRACE_SECONDS = 3.0  # after the client's end, when nothing may wait or run any more
MOST_SPOKEN = 5


def pairs(times: int) -> Outcome:
    """Send speeches over a WebSocket, each cancelled with the next message, and leave; another one stays."""
    watch = Watch()
    with drilled(speed=40) as endpoint:
        site = endpoint.pod.url.removesuffix("/v2/local")
        with gatewaying(site) as (url, _), connect(url.replace("http", "ws") + "/v1/stream") as line:
            before = endpoint.health()
            reader = threading.Thread(target=drain, args=(line,))
            reader.start()
            for number in range(times):
                context = {"context_id": f"c{number}"}
                line.send(json.dumps({"type": "speak", "text": text(number), "cache": "off", **context}))
                line.send(json.dumps({"type": "cancel", "played_ms": 0, **context}))
            cut = not hears_all(endpoint, url, TEXTS[0])
            line.close()
            reader.join()
            time.sleep(GRACE_SECONDS)
            after = endpoint.health()
        waiting = after["inQueue"] + after["inProgress"]
        spoken = after["completed"] - before["completed"] - 1  # the client that stayed had one
    note = f"{spoken} spoken, {waiting} waiting {GRACE_SECONDS:.0f} s after the client had left"
    lost = waiting + max(0, spoken - MOST_SPOKEN) + cut
    return Outcome("speak and cancel", times, lost, watch.seconds, note, tuple(endpoint.left))


def drain(line: ClientConnection) -> None:
    """Read what comes, until the connection ends."""
    with contextlib.suppress(ConnectionClosed):
        for _ in line:
            pass
