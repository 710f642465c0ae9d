"""Chatterbox Multilingual: 23 languages, a Llama decoder with guidance and a flow of ten guided steps.

Reads the released files of `ResembleAI/chatterbox`; what is shared with Turbo (S3Gen, products, voices,
watermark) lies beside this package.
"""
