"""Run by livekit-agents' environment: its OpenAI plugin, unmodified; prints what came as JSON.

python livekit_speaks.py URL TOKEN TEXT LONG_TEXT
"""

import asyncio
import json
import sys

from livekit.plugins import openai


async def main() -> None:
    """Speak a text whole, and leave a long one after its first frame."""
    url, token, text, long_text = sys.argv[1:]
    service = openai.TTS(model="tts-1", voice="alloy", base_url=f"{url}/v1", api_key=token)
    events = openai.TTS(model="gpt-4o-mini-tts", voice="alloy", base_url=f"{url}/v1", api_key=token)
    found = {}
    for name, made in (("whole", service), ("events", events)):
        frame = await made.synthesize(text).collect()
        found[name] = len(bytes(frame.data))
    stream = service.synthesize(long_text)
    first = await anext(aiter(stream))
    await stream.aclose()
    found["cut"] = len(bytes(first.frame.data))
    await service.aclose()
    await events.aclose()
    sys.stdout.write("\n" + json.dumps(found) + "\n")


asyncio.run(main())
