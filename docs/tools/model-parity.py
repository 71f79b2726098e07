#!/usr/bin/env python3
"""Parity of models with transformers.

    model-parity.py make DIR      golden directories of many shapes, for `pipeline check model DIR/*`
    model-parity.py load A B ...  pairs of directories that transformers must load to the same logits:
                                  a model and what `pipeline model convert --dtype f32` wrote of it

Needs Python with torch and transformers (written with 2.13 and 5.23). Seeded; no network.
"""
import json
import os
import sys

import torch
import transformers as tf
from safetensors.torch import save_file

SHARED = dict(
    intermediate_size=44, num_hidden_layers=2, vocab_size=70, max_position_embeddings=512,
    eos_token_id=3, bos_token_id=1)
LENGTHENED = dict(
    rope_type="llama3", rope_theta=1e4, factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
    original_max_position_embeddings=64)


def sizes(hidden, heads, kv_heads, **more):
    return dict(
        hidden_size=hidden, num_attention_heads=heads, num_key_value_heads=kv_heads, **SHARED,
        **more)


ONE_LABEL = dict(num_labels=1, classifier_dropout=0.0)
# Name: class, configuration, stored type.
CASES = {
    "llama-plain-tied": (
        tf.LlamaForCausalLM,
        tf.LlamaConfig(tie_word_embeddings=True, rms_norm_eps=1e-5, **sizes(60, 6, 1, head_dim=10)),
        torch.float32),
    "llama-scaled": (
        tf.LlamaForCausalLM, tf.LlamaConfig(rope_parameters=LENGTHENED, **sizes(48, 3, 3)),
        torch.bfloat16),
    "qwen3-untied": (
        tf.Qwen3ForCausalLM,
        tf.Qwen3Config(tie_word_embeddings=False, **sizes(40, 5, 5, head_dim=32)), torch.float32),
    "qwen3-gqa7": (
        tf.Qwen3ForCausalLM,
        tf.Qwen3Config(tie_word_embeddings=True, **sizes(33, 14, 2, head_dim=6)), torch.float16),
    "qwen2-odd": (
        tf.Qwen2ForCausalLM, tf.Qwen2Config(tie_word_embeddings=False, **sizes(50, 5, 1)),
        torch.float32),
    "llama-critic": (
        tf.LlamaForTokenClassification, tf.LlamaConfig(**ONE_LABEL, **sizes(48, 4, 2)),
        torch.float32),
    "qwen3-critic": (
        tf.Qwen3ForTokenClassification,
        tf.Qwen3Config(**ONE_LABEL, **sizes(48, 4, 2, head_dim=20)), torch.float32),
}


def randomize(model):
    """Weights large enough for peaked distributions, norms near 1, biases that are not 0."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn_like(value)
            if name.endswith("norm.weight"):
                value.copy_(1 + 0.3 * noise)
            elif name.endswith("bias"):
                value.copy_(0.3 * noise)
            else:
                value.copy_(noise * 1.2 / value.shape[-1] ** 0.5)


def scored(logits, tokens, temperature):
    logp = torch.log_softmax(logits / temperature, -1)[:-1]
    chosen = logp.gather(1, tokens[1:, None])[:, 0]
    return chosen, -(logp.exp() * logp).sum(-1)


def policy_sequence(model, tokens, row):
    logits = model(tokens[None]).logits[0]
    weights = torch.randn(len(tokens) - 1).double()
    logp, entropy = scored(logits, tokens, 1)
    cooler, cooler_entropy = scored(logits, tokens, 0.6)
    return (weights * -logp).sum(), logits.detach(), {
        "tokens": tokens.tolist(), "logits_row_start": row, "weights": weights.tolist(),
        "logprobs": logp.tolist(), "entropies": entropy.tolist(),
        "logprobs_temperature_0.6": cooler.tolist(),
        "entropies_temperature_0.6": cooler_entropy.tolist()}


def critic_sequence(model, tokens, row):
    hidden = model.model(tokens[None]).last_hidden_state[0]
    values = model.score(hidden)[:, 0]
    weights, returns = torch.rand(len(tokens)), torch.randn(len(tokens))
    loss = (weights.double() * 0.5 * (values - returns.double()) ** 2).sum()
    return loss, hidden.detach(), {
        "tokens": tokens.tolist(), "values": values.tolist(), "loss_weights": weights.tolist(),
        "returns": returns.tolist(), "hidden_row_start": row}


def greedy(model, prompt):
    tokens = model.generate(
        prompt[None], max_new_tokens=40, do_sample=False, eos_token_id=None, pad_token_id=0,
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long))[0][len(prompt):].tolist()
    stop = tokens[11]
    return {
        "prompt": prompt.tolist(), "continuation": tokens,
        "stop_case": {"eos_token_id": stop, "continuation": tokens[:tokens.index(stop) + 1]}}


def make(folder):
    torch.manual_seed(1)
    for name, (kind, configuration, dtype) in CASES.items():
        path = os.path.join(folder, name)
        os.makedirs(path)
        model = kind(configuration)
        randomize(model)
        model.to(dtype).save_pretrained(path)
        model = kind.from_pretrained(path, dtype=torch.float32).double().eval()
        is_critic = "critic" in name
        expected, rows, loss, row = {"sequences": []}, [], 0, 0
        for length in (23, 5, 2, 200):
            tokens = torch.randint(0, SHARED["vocab_size"], (length,))
            sequence = critic_sequence if is_critic else policy_sequence
            part, values, entry = sequence(model, tokens, row)
            loss, row = loss + part, row + length
            expected["sequences"].append(entry)
            rows.append(values)
        loss.backward()
        parameters = dict(model.named_parameters())
        tensors = {"grad." + n: p.grad.float().contiguous() for n, p in parameters.items()}
        tensors["hidden" if is_critic else "logits"] = torch.cat(rows).float().contiguous()
        norm = sum(float((p.grad ** 2).sum()) for p in parameters.values()) ** 0.5
        expected["loss"] = {"value": loss.item(), "grad_norm": norm}
        expected["parameters"] = {n: list(p.shape) for n, p in parameters.items()}
        expected["parameter_count"] = sum(p.numel() for p in parameters.values())
        if is_critic:
            # What transformers in float32 reaches on the golden critic.
            expected["deviation_of_hf_float32"] = {
                "values_max_abs": 1e-5, "loss": 1e-4, "grad_max_rel_l2": 9e-6}
        else:
            single = kind.from_pretrained(path, dtype=torch.float32).eval()
            prompt = torch.tensor(expected["sequences"][0]["tokens"][:7])
            expected["greedy"] = [greedy(single, prompt)]
        save_file(tensors, os.path.join(path, "expected.safetensors"))
        with open(os.path.join(path, "expected.json"), "w") as file:
            json.dump(expected, file)


def load(paths):
    different = 0
    for first, second in zip(paths[::2], paths[1::2]):
        with open(os.path.join(second, "config.json")) as file:
            critic = "TokenClassification" in json.load(file)["architectures"][0]
        auto = tf.AutoModelForTokenClassification if critic else tf.AutoModelForCausalLM
        logits = []
        for path in (first, second):
            model, info = auto.from_pretrained(
                path, dtype=torch.float32, output_loading_info=True)
            if any(info.values()):
                sys.exit(f"{path}: {info}")
            ids = torch.arange(60)[None] % model.config.vocab_size
            with torch.no_grad():
                logits.append(model.eval()(ids).logits)
        difference = float((logits[0] - logits[1]).abs().max())
        different += difference > 0
        print(f"{second}: logits differ by {difference} from {first}")
    sys.exit(3 if different else 0)


if __name__ == "__main__":
    tf.logging.set_verbosity_error()
    if len(sys.argv) == 3 and sys.argv[1] == "make":
        make(sys.argv[2])
    elif len(sys.argv) > 3 and len(sys.argv) % 2 == 0 and sys.argv[1] == "load":
        load(sys.argv[2:])
    else:
        sys.exit(__doc__)
