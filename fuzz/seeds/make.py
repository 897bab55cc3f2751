"""Writes the small seeds of the fuzzer, beside itself: make.py

    pip install gguf==0.19.0
"""

import base64
import json
import struct
from pathlib import Path

import numpy as np
from gguf import GGUFWriter

HERE = Path(__file__).parent


def gguf(kind: str) -> None:
    """A model of one layer with the given kind of vocabulary, all weights zero."""
    architecture = "bert" if kind == "bert" else "llama"
    writer = GGUFWriter(HERE / f"gguf/{kind}.gguf", architecture)
    writer.add_context_length(4 if kind == "bert" else 16)
    writer.add_embedding_length(8)
    writer.add_block_count(1)
    writer.add_feed_forward_length(4)
    writer.add_head_count(2)
    writer.add_tokenizer_model(kind)
    if kind == "bert":
        tokens = ["[UNK]", "[CLS]", "[SEP]", "▁a", "b"]
        writer.add_layer_norm_eps(1e-12)
        writer.add_token_types([3, 3, 3, 1, 1])
        writer.add_bos_token_id(1)
        writer.add_sep_token_id(2)
        writer.add_unk_token_id(0)
        shapes = {"position_embd.weight": (4, 8), "token_types.weight": (2, 8)}
        for name in ("token_embd_norm", "blk.0.attn_output_norm", "blk.0.layer_output_norm"):
            shapes |= {f"{name}.weight": (8,), f"{name}.bias": (8,)}
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            shapes |= {f"blk.0.{name}.weight": (8, 8), f"blk.0.{name}.bias": (8,)}
        shapes |= {"blk.0.ffn_up.weight": (4, 8), "blk.0.ffn_up.bias": (4,)}
        shapes |= {"blk.0.ffn_down.weight": (8, 4), "blk.0.ffn_down.bias": (8,)}
    else:
        writer.add_head_count_kv(1)
        writer.add_layer_norm_rms_eps(1e-5)
        if kind == "gpt2":
            tokens = ["a", "b", "ab", "<s>"]
            writer.add_tokenizer_pre("llama-bpe")
            writer.add_token_types([1, 1, 1, 3])
            writer.add_token_merges(["a b"])
            writer.add_bos_token_id(3)
        else:
            tokens = ["<unk>", "<s>", "▁", "a", "▁a", "<0x0A>"]
            writer.add_token_types([2, 3, 1, 1, 1, 6])
            writer.add_token_scores([0.0, 0.0, -1.0, -2.0, -3.0, 0.0])
            writer.add_bos_token_id(1)
            writer.add_add_space_prefix(True)
        shapes = {name: (8,) for name in ("output_norm.weight", "blk.0.attn_norm.weight", "blk.0.ffn_norm.weight")}
        shapes |= {f"blk.0.{name}.weight": (8, 8) for name in ("attn_q", "attn_output")}
        shapes |= {f"blk.0.{name}.weight": (4, 8) for name in ("attn_k", "attn_v", "ffn_gate", "ffn_up")}
        shapes["blk.0.ffn_down.weight"] = (8, 4)
    writer.add_token_list(tokens)
    for name, shape in {"token_embd.weight": (len(tokens), 8), **shapes}.items():
        writer.add_tensor(name, np.zeros(shape, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def safetensors() -> None:
    """Three tensors, one of each precision."""
    header = {
        "a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
        "b": {"dtype": "BF16", "shape": [3], "data_offsets": [16, 22]},
        "c": {"dtype": "F16", "shape": [1], "data_offsets": [22, 24]},
        "__metadata__": {"format": "pt"},
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    (HERE / "safetensors/three.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(24))


SPECIAL = {"<unk>": 0, "<s>": 1, "</s>": 2}


def tokenizer(name: str, model: dict, **parts: object) -> None:
    """A `tokenizer.json` with three special tokens."""
    settings = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    whole = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": token, "content": text, **settings} for text, token in SPECIAL.items()],
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": None,
        **parts,
        "model": model,
    }
    (HERE / f"tokenizer/{name}.json").write_text(json.dumps(whole, separators=(",", ":")))


def rules() -> str:
    """Compiled rules of normalization with one rule, from `a` to `b`."""
    trie = [0] * 512
    trie[0] = 256 << 10
    place = 256 ^ ord("a")
    trie[place] = (place ^ 0x12C) << 10 | 1 << 8 | ord("a")
    trie[0x12C] = 1 << 31
    return base64.b64encode(struct.pack("<513I", 4 * len(trie), *trie) + b"b\0").decode()


def tokenizers() -> None:
    split = {"type": "Split", "pattern": {"Regex": r" ?\p{L}+|\s+(?!\S)|."}, "behavior": "Isolated", "invert": False}
    bytes_alone = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    first, text = {"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}
    tokenizer(
        "byte_level",
        {
            "type": "BPE",
            "ignore_merges": True,
            "vocab": SPECIAL | {"H": 3, "e": 4, "He": 5, "Ġ": 6, "Ġw": 7, "w": 8},
            "merges": [["H", "e"], ["Ġ", "w"]],
        },
        pre_tokenizer={
            "type": "Sequence",
            "pretokenizers": [split, {"type": "Digits", "individual_digits": True}, bytes_alone],
        },
        post_processor={
            "type": "TemplateProcessing",
            "single": [first, text],
            "pair": [text, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}},
        },
        decoder=bytes_alone,
    )
    to_space = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    from_space = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    tokenizer(
        "sentence_piece",
        {
            "type": "BPE",
            "unk_token": "<unk>",
            "fuse_unk": True,
            "byte_fallback": True,
            "vocab": SPECIAL | {"▁": 3, "H": 4, "▁H": 5, "<0x0A>": 6},
            "merges": ["▁ H"],
        },
        normalizer={"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, from_space]},
        decoder={"type": "Sequence", "decoders": [to_space, {"type": "ByteFallback"}, {"type": "Fuse"}, strip]},
    )
    tokenizer(
        "word_piece",
        {
            "type": "WordPiece",
            "unk_token": "<unk>",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": SPECIAL | {"he": 3, "##llo": 4},
        },
        normalizer={
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        pre_tokenizer={"type": "BertPreTokenizer"},
        decoder={"type": "WordPiece", "prefix": "##", "cleanup": True},
    )
    spaces = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    several = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
    compiled = {"type": "Precompiled", "precompiled_charsmap": rules()}
    tokenizer(
        "unigram",
        {
            "type": "Unigram",
            "unk_id": 0,
            "byte_fallback": False,
            "vocab": [[name, 0.0] for name in SPECIAL] + [["▁", -1.5], ["H", -2.0], ["▁Hello", -2.5]],
        },
        normalizer={"type": "Sequence", "normalizers": [compiled, several, {"type": "NFKC"}]},
        pre_tokenizer=spaces,
        decoder=spaces,
    )


if __name__ == "__main__":
    for kind in ("gpt2", "llama", "bert"):
        gguf(kind)
    safetensors()
    tokenizers()
