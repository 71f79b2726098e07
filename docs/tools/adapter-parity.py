#!/usr/bin/env python3
"""Parity of low-rank adapters with PEFT.

    adapter-parity.py make BASE DIR RANK ALPHA TARGETS [rslora]
                                  a random adapter of the model BASE as PEFT writes it, with what an
                                  engine must compute from it: log-probabilities and gradients
    adapter-parity.py load BASE ADAPTER MERGED
                                  PEFT must load ADAPTER on BASE, and what `pipeline model merge` made
                                  of both must have the same logits within f32's rounding

TARGETS are names of PEFT's target_modules with commas. Needs Python with torch, transformers and
peft (written with 2.13, 5.23 and 0.21). Seeded; no network.
"""
import json
import os
import sys
import warnings

import peft
import torch
import transformers as tf
from safetensors.torch import save_file


def base_model(path, dtype):
    return tf.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).to(dtype).eval()


def trained(model):
    """Names as PEFT saves them, and the parameters."""
    return {
        name.replace(".default.", "."): value for name, value in model.named_parameters()
        if value.requires_grad}


def make(base, folder, rank, alpha, targets, rank_stabilized):
    torch.manual_seed(1)
    settings = peft.LoraConfig(
        r=rank, lora_alpha=alpha, target_modules=targets, task_type="CAUSAL_LM",
        use_rslora=rank_stabilized)
    model = peft.get_peft_model(base_model(base, torch.float32), settings)
    with torch.no_grad():
        for value in trained(model).values():
            value.copy_(torch.randn_like(value) * 0.7 / value.shape[-1] ** 0.5)
    model.save_pretrained(folder)
    os.remove(os.path.join(folder, "README.md"))
    # What PEFT found at BASE, and not where that lay on the machine that made this.
    path = os.path.join(folder, "adapter_config.json")
    with open(path) as file:
        fields = json.load(file)
    fields["base_model_name_or_path"] = os.path.basename(os.path.normpath(base))
    fields["target_modules"].sort()
    with open(path, "w") as file:
        json.dump(fields, file, indent=2, sort_keys=True)
    model = model.double()
    loss, sequences = 0, []
    for length in (23, 5, 2, 90):
        tokens = torch.randint(0, model.config.vocab_size, (length,))
        weights = torch.randn(length - 1).double()
        logits = model(tokens[None]).logits[0]
        scores = torch.log_softmax(logits, -1)[:-1].gather(1, tokens[1:, None])[:, 0]
        loss = loss - (weights * scores).sum()
        sequences.append({
            "tokens": tokens.tolist(), "weights": weights.tolist(), "logprobs": scores.tolist()})
    loss.backward()
    save_file(
        {"grad." + name: value.grad.float().contiguous() for name, value in trained(model).items()},
        os.path.join(folder, "expected.safetensors"))
    with open(os.path.join(folder, "expected.json"), "w") as file:
        json.dump({"loss": loss.item(), "sequences": sequences}, file)


def load(base, adapter, merged):
    model = base_model(base, torch.float32)
    with warnings.catch_warnings():
        # PEFT says that it passes over our field with the base's digest.
        warnings.filterwarnings("ignore", message="Unexpected keyword arguments")
        model = peft.PeftModel.from_pretrained(model, adapter)
    ids = torch.arange(60)[None] % model.config.vocab_size
    with torch.no_grad():
        ours = base_model(merged, torch.float32)(ids).logits
        unmerged = model(ids).logits
        plain = base_model(base, torch.float32)(ids).logits
    difference = float((ours - unmerged).abs().max())
    moved = float((unmerged - plain).abs().max())
    print(f"merged and unmerged differ by {difference}; the adapter moves logits by {moved}")
    sys.exit(0 if difference < 1e-4 and moved > 0 else 3)


if __name__ == "__main__":
    tf.logging.set_verbosity_error()
    if len(sys.argv) in (7, 8) and sys.argv[1] == "make":
        make(
            sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]),
            sys.argv[6].split(","), sys.argv[7:] == ["rslora"])
    elif len(sys.argv) == 5 and sys.argv[1] == "load":
        load(*sys.argv[2:])
    else:
        sys.exit(__doc__)
