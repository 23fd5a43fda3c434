"""An OpAMP agent over WebSocket that shares no line with Tautline: Debian's websockets and protobuf.

Usage: opamp_agent.py URL AGENT_ID CERT KEY CA PROTO_MODULE_DIR

Sends a full first status, then a status after a gap in the sequence, then says good-bye; prints one JSON line for each answer.
"""

import asyncio
import json
import ssl
import sys
import uuid

url, agent_id, cert, key, ca, modules = sys.argv[1:7]
sys.path.insert(0, modules)

import websockets  # noqa: E402
from opamp.v1 import opamp_pb2  # noqa: E402


def frame(message):
    return b"\x00" + message.SerializeToString()


def read(data):
    assert data[0] == 0, "a frame begins with a zero byte"
    answer = opamp_pb2.ServerToAgent()
    answer.ParseFromString(data[1:])
    return answer


def show(answer):
    custom = answer.custom_message
    print(
        json.dumps(
            {
                "instanceUid": str(uuid.UUID(bytes=answer.instance_uid)),
                "capabilities": answer.capabilities,
                "asksFullState": bool(answer.flags & 1),
                "error": answer.error_response.error_message,
                "files": sorted(answer.remote_config.config.config_map),
                "signed": custom.capability == "io.tautline.instruction" and len(custom.data) > 0,
            }
        ),
        flush=True,
    )


async def main():
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(cert, key)
    async with websockets.connect(url, ssl=context) as socket:
        status = opamp_pb2.AgentToServer()
        status.instance_uid = uuid.UUID(agent_id).bytes
        status.sequence_num = 7
        status.capabilities = 0x1 | 0x2 | 0x800
        attribute = status.agent_description.identifying_attributes.add()
        attribute.key = "service.name"
        attribute.value.string_value = "python"
        status.health.healthy = True
        await socket.send(frame(status))
        show(read(await socket.recv()))

        later = opamp_pb2.AgentToServer()
        later.instance_uid = status.instance_uid
        later.sequence_num = 9
        later.capabilities = status.capabilities
        await socket.send(frame(later))
        show(read(await socket.recv()))

        stranger = opamp_pb2.AgentToServer()
        stranger.instance_uid = uuid.UUID("0190a000-0000-7000-8000-000000000009").bytes
        stranger.sequence_num = 10
        await socket.send(frame(stranger))
        show(read(await socket.recv()))


asyncio.run(main())
