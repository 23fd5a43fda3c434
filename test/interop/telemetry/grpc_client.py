"""Calls the echo service with Debian's grpcio, whose HTTP/2 is another than Node's.

Arguments: host:port, and for TLS the files of CA, chain and key. Prints what each row of the matrix saw as one JSON line.
"""

import json
import sys

import grpc

METHODS = {
    "unary": "unary_unary",
    "collect": "stream_unary",
    "repeat": "unary_stream",
    "talk": "stream_stream",
}
METADATA = (
    ("x-text", "some text, with a comma"),
    ("x-twice", "first"),
    ("x-twice", "second"),
    ("x-bytes-bin", bytes([0, 1, 2, 0xFF, 0xFE, 0x2C])),
    ("x-bytes-bin", b"another"),
)
OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def open_channel(address, files):
    if not files:
        return grpc.insecure_channel(address, options=OPTIONS)
    ca, chain, key = (open(file, "rb").read() for file in files)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(ca, key, chain), options=OPTIONS)


def stub(channel, name):
    return getattr(channel, METHODS[name])("/test.Echo/" + name)


def plain(metadata):
    pairs = [(key, value) for key, value in metadata or () if key.startswith(("x-", "t-"))]
    return sorted((key, value.hex() if isinstance(value, bytes) else value) for key, value in pairs)


def summary(message):
    return message.hex() if len(message) < 64 else "%d bytes, alike: %s" % (len(message), len(set(message)))


def finish(call, messages):
    return {
        "messages": [summary(message) for message in messages],
        "metadata": plain(call.initial_metadata()),
        "status": call.code().value[0],
        "trailers": plain(call.trailing_metadata()),
    }


def unary(channel, message, metadata=METADATA, timeout=None):
    try:
        answer, call = stub(channel, "unary").with_call(message, metadata=metadata, timeout=timeout)
        return finish(call, [answer])
    except grpc.RpcError as error:
        return finish(error, [])


def stream(call):
    messages = []
    try:
        for message in call:
            messages.append(message)
    except grpc.RpcError:
        pass
    return finish(call, messages)


def collect(channel):
    parts = iter([b"one", b"two", bytes(4 * 1024 * 1024)])
    answer, call = stub(channel, "collect").with_call(parts, metadata=METADATA)
    return finish(call, [answer])


def cancel(channel):
    call = stub(channel, "repeat")(b"c", metadata=METADATA + (("x-wait", "1"),))
    messages = [next(call) for _ in range(10)]
    call.cancel()
    return {"messages": [summary(message) for message in messages], "status": call.code().value[0]}


def run(channel):
    yield "unary", unary(channel, b"hello")
    yield "large", unary(channel, bytes(4 * 1024 * 1024))
    yield "client stream", collect(channel)
    yield "server stream", stream(stub(channel, "repeat")(b"again", metadata=METADATA))
    words = (b"word %d" % at for at in range(20))
    yield "both streams", stream(stub(channel, "talk")(words, metadata=METADATA))
    yield "error", unary(channel, b"e", METADATA + (("x-fail", "9"),))
    yield "deadline", unary(channel, b"late", METADATA + (("x-wait", "1"),), 0.2)
    yield "cancel", cancel(channel)
    compressed = stub(channel, "unary")
    answer, call = compressed.with_call(bytes(100_000), compression=grpc.Compression.Gzip, metadata=METADATA)
    yield "compressed", finish(call, [answer])


with open_channel(sys.argv[1], sys.argv[2:]) as open_one:
    for row, seen in run(open_one):
        print(json.dumps({"row": row, **seen}), flush=True)
