"""Run by pipecat's environment: OpenAITTSService, unmodified, in a pipeline; prints what came as JSON.

python pipecat_speaks.py URL TOKEN TEXT LONG_TEXT
"""

import asyncio
import json
import sys

from pipecat.frames.frames import EndFrame, Frame, InterruptionFrame, TTSAudioRawFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.openai.tts import OpenAITTSService


class Listener(FrameProcessor):  # type: ignore[misc]  # pipecat is in an environment of its own
    """Keeps the samples that come."""

    def __init__(self) -> None:
        super().__init__()
        self.samples = bytearray()
        self.came = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Keep a frame's samples; pass it on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame):
            self.samples += frame.audio
            self.came.set()
        await self.push_frame(frame, direction)


async def spoken(url: str, token: str, text: str, *, interrupts: bool) -> int:
    """Have a pipeline speak; return the bytes of its samples."""
    service = OpenAITTSService(
        api_key=token, base_url=f"{url}/v1", settings=OpenAITTSService.Settings(voice="alloy")
    )
    listener = Listener()
    task = PipelineTask(
        Pipeline([service, listener]),
        params=PipelineParams(audio_out_sample_rate=24_000),
        idle_timeout_secs=None,
    )

    async def say() -> None:
        await task.queue_frame(TTSSpeakFrame(text))
        await listener.came.wait()
        if interrupts:
            await task.queue_frame(InterruptionFrame())
            await asyncio.sleep(1)
            await task.cancel()
        else:
            await task.queue_frame(EndFrame())

    await asyncio.gather(PipelineRunner(handle_sigint=False).run(task), say())
    return len(listener.samples)


async def main() -> None:
    """Speak a text whole, and interrupt a long one."""
    url, token, text, long_text = sys.argv[1:]
    whole = await spoken(url, token, text, interrupts=False)
    cut = await spoken(url, token, long_text, interrupts=True)
    sys.stdout.write("\n" + json.dumps({"whole": whole, "cut": cut}) + "\n")


asyncio.run(main())
