"""A client of the level `basic`, written from docs/reference/links.md alone, with Debian's python3-cryptography.

Reads one JSON document from standard input: host, port, namespace, name, identity, text, messages, rekeyAfter, end, tamper.
Sends each message, reads as many bytes back, ends, and prints what it saw as one JSON line.
With `request` in place of messages (bytes as Latin-1) it sends that once, and reads what is answered until the other end ends.
"""

import hashlib
import hmac
import json
import socket
import sys

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PROTOCOL = b"Noise_NNpsk0_25519_AESGCM_SHA256"
MAGIC = b"\xf4\x54\x4c"


def mac(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def expand(chaining, material):
    temporary = mac(chaining, material)
    first = mac(temporary, b"\x01")
    second = mac(temporary, first, b"\x02")
    return first, second, mac(temporary, second, b"\x03")


class Cipher:
    def __init__(self, key):
        self.key, self.counter = key, 0

    def nonce(self):
        nonce = bytes(4) + self.counter.to_bytes(8, "big")
        self.counter += 1
        return nonce

    def seal(self, plain, associated=b""):
        return AESGCM(self.key).encrypt(self.nonce(), plain, associated)

    def open(self, sealed, associated=b""):
        return AESGCM(self.key).decrypt(self.nonce(), sealed, associated)

    def rekey(self):
        self.key = AESGCM(self.key).encrypt(bytes(4) + b"\xff" * 8, bytes(32), b"")[:32]


class Symmetric:
    def __init__(self, prologue, psk):
        self.hash = self.chaining = PROTOCOL
        self.cipher = None
        self.mix_hash(prologue)
        self.chaining, temporary, key = expand(self.chaining, psk)
        self.mix_hash(temporary)
        self.cipher = Cipher(key)

    def mix_hash(self, data):
        self.hash = hashlib.sha256(self.hash + data).digest()

    def mix_key(self, material):
        self.chaining, key, _ = expand(self.chaining, material)
        self.cipher = Cipher(key)

    def ephemeral(self, public):
        self.mix_hash(public)
        self.mix_key(public)

    def seal(self, plain):
        sealed = self.cipher.seal(plain, self.hash)
        self.mix_hash(sealed)
        return sealed

    def open(self, sealed):
        plain = self.cipher.open(sealed, self.hash)
        self.mix_hash(sealed)
        return plain

    def split(self):
        sending, receiving, _ = expand(self.chaining, b"")
        return Cipher(sending), Cipher(receiving)


def frame(data):
    return len(data).to_bytes(2, "big") + data


def read_exactly(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError(data.hex())
        data += part
    return data


def read_frame(connection):
    return read_exactly(connection, int.from_bytes(read_exactly(connection, 2), "big"))


def shared_key(order):
    salt = b"\0".join(part.encode() for part in ("tautline key 1", order["namespace"], order["name"]))
    text = order["text"].encode()
    return hashlib.scrypt(text, salt=salt, n=32768, r=8, p=1, maxmem=64 * 1024 * 1024, dklen=32)


def noise_psk(shared):
    extracted = mac(bytes(32), shared)
    return mac(extracted, b"tautline basic 1 psk", b"\x01")


def connect(order):
    connection = socket.create_connection((order["host"], order["port"]), timeout=20)
    identity = order["identity"].encode()
    preface = MAGIC + bytes([1, 1, len(identity)]) + identity
    state = Symmetric(b"tautline basic 1\0" + preface, noise_psk(shared_key(order)))
    own = X25519PrivateKey.generate()
    public = own.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    state.ephemeral(public)
    first = bytearray(public + state.seal(b""))
    if order.get("tamper"):
        first[-1] ^= 1
    connection.sendall(preface + frame(bytes(first)))
    answer = read_frame(connection)
    theirs = answer[:32]
    state.ephemeral(theirs)
    state.mix_key(own.exchange(X25519PublicKey.from_public_bytes(theirs)))
    state.open(answer[32:])
    return connection, state.split()


def talk(order):
    connection, (sending, receiving) = connect(order)
    sent = received = 0
    heard = b""
    for message in order["messages"]:
        connection.sendall(frame(sending.seal(message.encode())))
        sent += 1
        if sent % order["rekeyAfter"] == 0:
            sending.rekey()
        wanted = len(heard) + len(message.encode())
        while len(heard) < wanted:
            heard += receiving.open(read_frame(connection))
            received += 1
            if received % order["rekeyAfter"] == 0:
                receiving.rekey()
    if order["end"]:
        connection.sendall(frame(sending.seal(b"")))
    connection.shutdown(socket.SHUT_WR)
    ended = order["end"] and receiving.open(read_frame(connection)) == b""
    return {"heard": heard.decode(), "ended": ended}


def ask(order):
    connection, (sending, receiving) = connect(order)
    connection.sendall(frame(sending.seal(order["request"].encode("latin-1"))))
    answer = b""
    while part := receiving.open(read_frame(connection)):
        answer += part
    return {"answer": answer.decode("latin-1"), "ended": True}


def main():
    order = json.load(sys.stdin)
    try:
        result = ask(order) if "request" in order else talk(order)
    except EOFError as error:
        result = {"closed": str(error)}
    except ConnectionResetError:
        result = {"closed": ""}
    print(json.dumps(result), flush=True)


main()
