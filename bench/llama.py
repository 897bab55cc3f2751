"""llama.cpp at the same work, on the tokens that `measure export` wrote. One line of JSON on stdout.

    llama.py MODE --gguf FILE --tokens TOKENS.json [--threads 2] [--batch 512] [--flash 0|1]

Modes: label (the shared prompt's keys and values are copied to every sequence, rows packed into batches, the logits of
each row's last token read), label-tree (the candidates' tokens scored too, each shared beginning once, as a tree of
sequences), prefill, decode.
"""

import argparse
import ctypes
import json
import os
import sys
import time

import llama_cpp as llama
import numpy as np

PREFILL_LENGTH, PREFILL_TEXTS = 256, 16
DECODE_TEXTS, DECODE_TOKENS = 16, 64
MOST_SEQUENCES = 256


def quiet(level, text, user_data):
    pass


class Runner:
    def __init__(self, arguments):
        self.log = llama.llama_log_callback(quiet)
        llama.llama_log_set(self.log, ctypes.c_void_p(0))
        llama.llama_backend_init()
        self.model = llama.llama_model_load_from_file(arguments.gguf.encode(), llama.llama_model_default_params())
        parameters = llama.llama_context_default_params()
        parameters.n_ctx = arguments.context
        parameters.n_batch = parameters.n_ubatch = arguments.batch
        parameters.n_seq_max = MOST_SEQUENCES
        parameters.n_threads = parameters.n_threads_batch = arguments.threads
        parameters.kv_unified = True
        parameters.flash_attn_type = arguments.flash
        self.context = llama.llama_init_from_model(self.model, parameters)
        if not self.context:
            sys.exit("llama.cpp made no context")
        self.memory = llama.llama_get_memory(self.context)
        self.vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(self.model))
        self.limit = arguments.batch
        self.batch = llama.llama_batch_init(arguments.batch, 0, MOST_SEQUENCES)

    def run(self, tokens):
        """Decodes (token, position, sequences, wants logits) in one batch."""
        batch = self.batch
        batch.n_tokens = len(tokens)
        for index, (token, position, sequences, wanted) in enumerate(tokens):
            batch.token[index] = token
            batch.pos[index] = position
            batch.n_seq_id[index] = len(sequences)
            for place, sequence in enumerate(sequences):
                batch.seq_id[index][place] = sequence
            batch.logits[index] = wanted
        status = llama.llama_decode(self.context, batch)
        if status:
            sys.exit(f"llama_decode: {status}")

    def logits(self, index):
        pointer = llama.llama_get_logits_ith(self.context, index)
        return np.ctypeslib.as_array(pointer, shape=(self.vocabulary,))

    def prefix(self, tokens):
        for start in range(0, len(tokens), self.limit):
            part = tokens[start : start + self.limit]
            self.run([(token, start + place, [0], False) for place, token in enumerate(part)])

    def forget(self, first, sequences, position):
        for sequence in range(first, first + sequences):
            llama.llama_memory_seq_rm(self.memory, sequence, position, -1)


def label(runner, work, tree):
    prefix, rows = work["prefix"], work["rows"]
    nodes, paths = work["nodes"], work["paths"]
    parents = {node["parent"] for node in nodes} - {-1}
    of_node = [[] for _ in nodes]
    for candidate, path in enumerate(paths):
        for node in path:
            of_node[node].append(candidate)
    depth = []
    for node in nodes:
        depth.append(1 if node["parent"] < 0 else depth[node["parent"]] + 1)
    inner = [index for index in range(len(nodes)) if index in parents] if tree else []
    width = len(paths) if tree else 1
    first_tokens = [nodes[path[0]]["token"] for path in paths]

    runner.prefix(prefix)
    for sequence in range(1, MOST_SEQUENCES):
        llama.llama_memory_seq_cp(runner.memory, 0, sequence, -1, -1)
    start_at = len(prefix)
    order = sorted(range(len(rows)), key=lambda row: -len(rows[row]))
    chosen = [0] * len(rows)

    def flush(pack):
        tokens, wanted = [], []
        for place, row in enumerate(pack):
            base = 1 + place * width
            sequences = list(range(base, base + width))
            for offset, token in enumerate(rows[row]):
                last = offset + 1 == len(rows[row])
                if last:
                    wanted.append((row, -1, len(tokens)))
                tokens.append((token, start_at + offset, sequences, last))
            for node in inner:
                wanted.append((row, node, len(tokens)))
                owners = [base + candidate for candidate in of_node[node]]
                tokens.append((nodes[node]["token"], start_at + len(rows[row]) + depth[node] - 1, owners, True))
        runner.run(tokens)
        by_row = {}
        for row, node, index in wanted:
            by_row.setdefault(row, {})[node] = runner.logits(index)
        for row, logits in by_row.items():
            if not tree:
                chosen[row] = int(np.argmax(logits[-1][first_tokens]))
                continue
            scores = np.zeros(len(nodes))
            for index, node in enumerate(nodes):
                given = logits[node["parent"]]
                highest = given.max()
                scores[index] = given[node["token"]] - highest - np.log(np.exp(given - highest).sum())
            chosen[row] = int(np.argmax([scores[path].sum() for path in map(list, paths)]))
        runner.forget(1, len(pack) * width, start_at)

    def everything(order):
        pack, size = [], 0
        for row in order:
            cost = len(rows[row]) + len(inner)
            if pack and (size + cost > runner.limit or (len(pack) + 1) * width > MOST_SEQUENCES - 1):
                flush(pack)
                pack, size = [], 0
            pack.append(row)
            size += cost
        flush(pack)

    everything(order[:2])
    start = time.perf_counter()
    everything(order)
    seconds = time.perf_counter() - start
    return {"rows": len(rows), "seconds": seconds, "rows_per_second": len(rows) / seconds, "chosen": chosen}


def prefill(runner, work):
    stream = work["prefix"] + [token for row in work["rows"] for token in row]
    texts = [
        [stream[(text * 97 + at) % len(stream)] for at in range(PREFILL_LENGTH)] for text in range(PREFILL_TEXTS + 1)
    ]

    def one(tokens):
        for start in range(0, len(tokens), runner.limit):
            part = tokens[start : start + runner.limit]
            runner.run(
                [(token, start + at, [0], start + at + 1 == len(tokens)) for at, token in enumerate(part)]
            )
        llama.llama_memory_seq_rm(runner.memory, 0, 0, -1)

    one(texts[0])
    start = time.perf_counter()
    for text in texts[1:]:
        one(text)
    seconds = time.perf_counter() - start
    tokens = PREFILL_LENGTH * PREFILL_TEXTS
    return {"tokens": tokens, "seconds": seconds, "tokens_per_second": tokens / seconds}


def decode(runner, work):
    prefix, rows = work["prefix"], work["rows"][:DECODE_TEXTS]
    runner.prefix(prefix)
    for sequence in range(1, DECODE_TEXTS + 1):
        llama.llama_memory_seq_cp(runner.memory, 0, sequence, -1, -1)
    last = []
    for sequence, row in enumerate(rows, 1):
        tokens = [(token, len(prefix) + at, [sequence], at + 1 == len(row)) for at, token in enumerate(row)]
        runner.run(tokens)
        last.append(int(np.argmax(runner.logits(len(row) - 1))))
    positions = [len(prefix) + len(row) for row in rows]
    start = time.perf_counter()
    # As many as ours: its first token comes with the prompt and is not timed.
    for _ in range(DECODE_TOKENS - 1):
        runner.run([(last[index], positions[index], [index + 1], True) for index in range(len(rows))])
        last = [int(np.argmax(runner.logits(index))) for index in range(len(rows))]
        positions = [position + 1 for position in positions]
    seconds = time.perf_counter() - start
    tokens = (DECODE_TOKENS - 1) * len(rows)
    return {"texts": len(rows), "tokens": tokens, "seconds": seconds, "tokens_per_second": tokens / seconds}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["label", "label-tree", "prefill", "decode", "quantize"])
    parser.add_argument("--gguf", required=True)
    parser.add_argument("--tokens")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--context", type=int, default=8192)
    parser.add_argument("--flash", type=int, default=-1, help="-1 llama.cpp's own choice, 0 off, 1 on")
    parser.add_argument("--to", help="quantize: the file to write")
    parser.add_argument("--type", help="quantize: the type, such as Q4_0")
    arguments = parser.parse_args()
    if arguments.mode == "quantize":
        parameters = llama.llama_model_quantize_default_params()
        parameters.ftype = getattr(llama, f"LLAMA_FTYPE_MOSTLY_{arguments.type}")
        parameters.allow_requantize = True
        parameters.nthread = arguments.threads
        status = llama.llama_model_quantize(arguments.gguf.encode(), arguments.to.encode(), ctypes.byref(parameters))
        sys.exit(status)
    with open(arguments.tokens) as file:
        work = json.load(file)
    runner = Runner(arguments)
    run = {
        "label": lambda: label(runner, work, False),
        "label-tree": lambda: label(runner, work, True),
        "prefill": lambda: prefill(runner, work),
        "decode": lambda: decode(runner, work),
    }[arguments.mode]
    report = run()
    report |= {
        "mode": arguments.mode,
        "gguf": os.path.basename(arguments.gguf),
        "threads": arguments.threads,
        "batch": arguments.batch,
        "flash": arguments.flash,
        "llama_cpp_python": llama.__version__,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
