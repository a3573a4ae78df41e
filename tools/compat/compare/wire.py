"""Requests out, answers in: one connection to a broker, and Kafka's own codec (java/Wire) beside it."""

import json
import os
import socket
import struct
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
CLASSPATH = f"{TARGET}/compat/java/classes:{TARGET}/compat/java/jars/*"

ANSWER_SECONDS_MAX = 15
API_VERSIONS, UNSUPPORTED_VERSION = 18, 35


class CodecError(Exception):
    """Kafka's classes refuse to encode a body (a mistake of ours) or to decode an answer (the broker's)."""


class Codec:
    def __init__(self):
        self._process = subprocess.Popen(
            ["java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", CLASSPATH, "Wire"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.apis = self._ask({"op": "apis"})["apis"]

    def key(self, api):
        return self.apis[api]["key"]

    def versions(self, api):
        """Every version that a Kafka of the codec's release serves."""
        return range(self.apis[api]["oldest"], self.apis[api]["newest"] + 1)

    def encode(self, api, version, correlation, body):
        ask = {"op": "encode", "api": self.key(api), "version": version, "correlation": correlation, "body": body}
        return bytes.fromhex(self._ask(ask)["hex"])

    def decode(self, api, version, answer):
        key = self.key(api)
        if key == API_VERSIONS and answer[4:6] == struct.pack(">h", UNSUPPORTED_VERSION):
            version = 0  # the one answer that does not have the version asked for
        return self._ask({"op": "decode", "api": key, "version": version, "hex": answer.hex()})

    def close(self):
        self._process.stdin.close()
        self._process.wait(timeout=10)

    def _ask(self, ask):
        self._process.stdin.write(json.dumps(ask) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise CodecError(f"{ask.get('op')} {ask.get('api')} v{ask.get('version')}: {answer['error']}")
        return answer


class Closed(Exception):
    """The broker closed the connection instead of answering."""


class Silent(Exception):
    """No answer in time, and the connection stays open."""


class Link:
    """One connection; a new one is made when the broker has closed the last."""

    def __init__(self, host, port):
        self._address, self._socket = (host, port), None

    def send(self, frame):
        self.send_raw(struct.pack(">i", len(frame)) + frame)

    def send_raw(self, data):
        try:
            self._open().sendall(data)
        except ConnectionError:
            pass  # it closed while we were sending: reading finds that out

    def receive(self, seconds=ANSWER_SECONDS_MAX):
        link = self._open()
        link.settimeout(seconds)
        try:
            return self._exactly(struct.unpack(">i", self._exactly(4))[0])
        except TimeoutError:
            self.close()
            raise Silent from None
        except (ConnectionError, Closed):
            self.close()
            raise Closed from None

    def close(self):
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self):
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=ANSWER_SECONDS_MAX)
        return self._socket

    def _exactly(self, count):
        data = bytearray()
        while len(data) < count:
            part = self._socket.recv(min(count - len(data), 1 << 20))
            if not part:
                raise Closed
            data += part
        return bytes(data)
