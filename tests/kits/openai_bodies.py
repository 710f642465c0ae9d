"""Bodies of `POST /v1/audio/speech` as other programs send them, after their sources."""

from typing import Any

__all__ = ["BODIES", "TEXT"]

TEXT = "The harbour was quiet that morning, and only the gulls had opinions."

BODIES: dict[str, dict[str, Any]] = {
    # open-webui: `getOpenAIResponse` of its page, then backend/open_webui/routers/audio.py, which adds the
    # model and TTS_OPENAI_PARAMS.
    "Open WebUI": {"input": TEXT, "voice": "alloy", "model": "tts-1"},
    "Open WebUI with parameters": {
        "input": TEXT,
        "voice": "alloy",
        "model": "tts-1",
        "speed": 1,
        "response_format": "mp3",
        "lang_code": "a",
        "volume_multiplier": 1.0,
    },
    # SillyTavern: src/endpoints/openai.js, /custom/generate-voice, and the slider of its page.
    "SillyTavern": {
        "input": TEXT,
        "response_format": "mp3",
        "voice": "Alloy",
        "speed": 0.25,
        "model": "tts-1",
    },
    # sfortis/openai_tts for Home Assistant: custom_components/openai_tts/openaitts_engine.py.
    "Home Assistant": {
        "model": "tts-1",
        "input": TEXT,
        "voice": "shimmer",
        "response_format": "mp3",
        "speed": 1.0,
        "instructions": "Speak calmly.",
        "stream": True,
    },
    "Home Assistant, first versions": {
        "model": "tts-1-hd",
        "input": TEXT,
        "voice": "shimmer",
        "response_format": "wav",
        "speed": 1,
    },
    # roryeckel/wyoming_openai: src/wyoming_openai/handler.py, by OpenAI's package.
    "wyoming_openai": {
        "model": "gpt-4o-mini-tts",
        "input": TEXT,
        "voice": "alloy",
        "response_format": "pcm",
        "speed": 1.0,
        "instructions": None,
        "stream_format": "audio",
    },
    # remsky/Kokoro-FastAPI#238 and its clients.
    "Kokoro's clients": {
        "model": "kokoro",
        "input": TEXT,
        "voice": "default",
        "response_format": "MP3",
        "stream": False,
        "return_download_link": False,
        "normalization_options": {"normalize": True},
        "user": "someone",
    },
    "every null": {
        "input": TEXT,
        "model": None,
        "voice": None,
        "response_format": None,
        "speed": None,
        "stream_format": None,
        "instructions": None,
        "seed": None,
        "language": None,
    },
    "numbers as words": {"input": TEXT, "speed": "1.0", "seed": "7", "bit_rate": "64", "stream": "true"},
    "a voice as OpenAI names custom ones": {"input": TEXT, "voice": {"id": "anna"}},
    "an empty voice": {"input": TEXT, "voice": ""},
}
