#!/bin/sh
# What the image runs: TTS_MODE decides before Python imports either.
case "${TTS_MODE:-queue}" in
    queue) exec python -u -m worker "$@" ;;
    direct) exec python -u -m gateway.direct --host 0.0.0.0 "$@" ;;
    *)
        echo "worker: TTS_MODE='${TTS_MODE}': expected one of queue, direct" >&2
        exit 1
        ;;
esac
