"""Run by an environment with OpenAI's package, unmodified; prints what came as JSON.

python openai_speaks.py URL TOKEN TEXT LONG_TEXT
"""

import base64
import json
import sys

from openai import OpenAI

url, token, text, long_text = sys.argv[1:]
with OpenAI(base_url=f"{url}/v1", api_key=token, max_retries=0) as client:
    speech = client.audio.speech
    pcm = speech.create(model="tts-1", voice="alloy", input=text, response_format="pcm").content
    wav = speech.create(
        model="tts-1", voice="alloy", input=text, response_format="wav", extra_body={"stream": False}
    ).content
    with speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input=text, response_format="pcm", stream_format="sse"
    ) as answer:
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: ")]
    deltas = [event for event in map(json.loads, lines) if event["type"] == "speech.audio.delta"]
    events = b"".join(base64.b64decode(delta["audio"]) for delta in deltas)
    with speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input=long_text, response_format="pcm"
    ) as answer:
        cut = len(next(answer.iter_bytes(4_096)))
    models = [model.id for model in client.models.list()]
    one = client.models.retrieve("tts-1").id
found = {"whole": len(pcm), "wav": len(wav) - 44, "events": len(events), "cut": cut}
sys.stdout.write("\n" + json.dumps(found | {"models": models, "model": one}) + "\n")
