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
    # SillyTavern: src/endpoints/openai.js, /custom/generate-voice; the speed is its slider's lowest.
    "SillyTavern": {
        "input": TEXT,
        "response_format": "mp3",
        "voice": "alloy",
        "speed": 0.25,
        "model": "tts-1",
    },
    # SillyTavern: public/scripts/extensions/tts/tts-webui.js, from the page itself, with its defaults.
    "SillyTavern, TTS WebUI": {
        "model": "chatterbox",
        "voice": "",
        "input": TEXT,
        "response_format": "wav",
        "speed": 1,
        "stream": True,
        "params": {
            "desired_length": 80,
            "max_length": 200,
            "halve_first_chunk": True,
            "exaggeration": 0.5,
            "cfg_weight": 0.5,
            "temperature": 0.8,
            "device": "auto",
            "dtype": "float32",
            "cpu_offload": False,
            "chunked": True,
            "cache_voice": False,
            "tokens_per_slice": 1000,
            "remove_milliseconds": 45,
            "remove_milliseconds_start": 25,
            "chunk_overlap_method": "zero",
            "seed": -1,
        },
    },
    # sfortis/openai_tts 3.7 for Home Assistant: openaitts_engine.py, `async_get_tts_stream`.
    "Home Assistant": {
        "model": "tts-1",
        "input": TEXT,
        "voice": "shimmer",
        "response_format": "mp3",
        "speed": 1.0,
    },
    # The same with instructions, and with an extra payload that its users write for such servers.
    "Home Assistant with more": {
        "model": "gpt-4o-mini-tts",
        "input": TEXT,
        "voice": "shimmer",
        "response_format": "mp3",
        "speed": 1.0,
        "instructions": "Speak calmly.",
        "stream": True,
        "language": "en",
        "chunk_size": 100,
    },
    # Its first commit.
    "Home Assistant, first version": {
        "model": "tts-1-hd",
        "input": TEXT,
        "voice": "shimmer",
        "response_format": "wav",
        "speed": 1,
    },
    # roryeckel/wyoming_openai 0.8.0: handler.py, by OpenAI's package, which leaves out what is not set.
    "wyoming_openai": {
        "input": TEXT,
        "model": "gpt-4o-mini-tts",
        "voice": "alloy",
        "response_format": "wav",
    },
    "wyoming_openai with more": {
        "input": TEXT,
        "model": "gpt-4o-mini-tts",
        "voice": "alloy",
        "instructions": "Speak calmly.",
        "response_format": "wav",
        "speed": 1.1,
        "stream": True,
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
