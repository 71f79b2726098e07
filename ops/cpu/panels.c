// Weights as products want them: in panels of OPS_PANEL outputs, of each the values of k one after the
// other: W[n, k] stands at [n / 32][k][n % 32], the last panel filled up with zeros.
//
// Packing moves as many bytes as a product of one row. So what decoding wants, a few rows at a time,
// stays with its tensor until its values change. A pass over whole groups takes what stands there and
// makes the rest anew, as the way back does, and as every pass does of models that are too large to
// stand there twice.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lanes.h"
#include "product.h"

struct ops_packing {
  struct ops_packing *next;
  size_t offset, in, out;
  bool pairs;
  uint64_t version;  // of the tensor's values
  void *panels;
  size_t bytes;
};

void ops_packing_destroy(struct ops_packing *packing) {
  while (packing) {
    struct ops_packing *next = packing->next;
    ops_unmap(packing->panels, packing->bytes);
    free(packing);
    packing = next;
  }
}

static void *mapped(size_t bytes) {
  void *memory = ops_map(bytes);
  if (!memory) {
    fprintf(stderr, "ops: no memory for %zu bytes of packed weights\n", bytes);
    abort();
  }
  return memory;
}

void ops_arena_begin(ops_context *context) { context->arena_used = 0; }

void *ops_arena_take(ops_context *context, size_t bytes) {
  if (context->arena_used == OPS_ARENA_PARTS) {
    fprintf(stderr, "ops: more than %d parts of an arena\n", OPS_ARENA_PARTS);
    abort();
  }
  ops_arena_part *part = &context->arena[context->arena_used++];
  if (part->bytes < bytes) {
    ops_unmap(part->memory, part->bytes);
    part->bytes = ops_round_up(bytes, 1 << 16);
    part->memory = mapped(part->bytes);
  }
  return part->memory;
}

void ops_arena_destroy(ops_context *context) {
  for (size_t i = 0; i < OPS_ARENA_PARTS; i++)
    ops_unmap(context->arena[i].memory, context->arena[i].bytes);
}

// --- Packing -------------------------------------------------------------------------------------

typedef struct {
  const ops_context *context;
  ops_stored source;  // W row-major
  size_t in, out;     // of the product: of W^T where it is transposed
  bool transposed, pairs;
  void *panels;
} packing;

static size_t width_of(ops_type type) { return type == OPS_F32 ? sizeof(float) : sizeof(uint16_t); }

// 16 rows of 16 values, transposed by way of stores that stay in the first-level cache.
#define OPS_PACK(name, value)                                                                  \
  static void name(                                                                            \
      const value *from, size_t stride, size_t rows, size_t columns, value *to) {              \
    for (size_t k = 0; k < columns; k += OPS_LANES) {                                          \
      const size_t end = columns - k < OPS_LANES ? columns : k + OPS_LANES;                    \
      for (size_t r = 0; r < rows; r++)                                                        \
        for (size_t i = k; i < end; i++) to[i * OPS_PANEL + r] = from[r * stride + i];         \
      for (size_t r = rows; r < OPS_PANEL; r++)                                                \
        for (size_t i = k; i < end; i++) to[i * OPS_PANEL + r] = 0;                            \
    }                                                                                          \
  }
OPS_PACK(pack_floats, float)
OPS_PACK(pack_halves, uint16_t)

// The panel of W^T: rows of W, cut out.
static void pack_columns(
    const char *from, size_t stride, size_t rows, size_t width, size_t value, char *to) {
  for (size_t r = 0; r < rows; r++, to += OPS_PANEL * value) {
    memcpy(to, from + r * stride * value, width * value);
    memset(to + width * value, 0, (OPS_PANEL - width) * value);
  }
}

// A panel of pairs of k: a pair is one value of 32 bits. `rows` outputs from `first` on.
static void pack_output_pairs(const packing *p, size_t first, size_t rows, uint16_t *to) {
  const size_t pairs = ops_round_up(p->in, 2) / 2;
  float values[OPS_DEPTH];
  uint32_t row[OPS_DEPTH / 2];
  uint32_t *panel = (uint32_t *)(void *)to;
  if (rows < OPS_PANEL) memset(panel, 0, pairs * OPS_PANEL * sizeof *panel);
  for (size_t k = 0; k < p->in; k += OPS_DEPTH)
    for (size_t r = 0; r < rows; r++) {
      const size_t count = p->in - k < OPS_DEPTH ? p->in - k : OPS_DEPTH;
      const ops_stored source = ops_stored_from(p->source, (first + r) * p->in + k);
      row[(count - 1) / 2] = 0;  // an odd value's partner
      if (source.type == OPS_BF16) {
        memcpy(row, source.values, count * sizeof(uint16_t));
      } else {
        ops_widen(p->context, source, count, values);
        ops_narrow(values, count, (uint16_t *)(void *)row);
      }
      uint32_t *place = panel + k / 2 * OPS_PANEL + r;
      for (size_t i = 0; i < (count + 1) / 2; i++) place[i * OPS_PANEL] = row[i];
    }
}

static void pack_transposed_pairs(const packing *p, size_t first, size_t width, uint16_t *to) {
  float values[2 * OPS_PANEL];
  for (size_t r = 0; r < p->in; r += 2, to += 2 * OPS_PANEL) {
    const size_t rows = p->in - r < 2 ? 1 : 2;
    for (size_t i = 0; i < rows; i++)
      ops_widen(
          p->context, ops_stored_from(p->source, (r + i) * p->out + first), width,
          values + i * OPS_PANEL);
    ops_pack_pairs(
        values, OPS_PANEL, rows, width, OPS_PANEL, to);
  }
}

static void pack_panel(void *arguments, size_t item, unsigned thread) {
  (void)thread;
  const packing *p = arguments;
  const size_t first = item * OPS_PANEL, left = p->out - first;
  const size_t width = left < OPS_PANEL ? left : OPS_PANEL;
  if (p->pairs) {
    uint16_t *to = (uint16_t *)p->panels + first * ops_round_up(p->in, 2);
    if (p->transposed)
      pack_transposed_pairs(p, first, width, to);
    else
      pack_output_pairs(p, first, width, to);
    return;
  }
  const size_t value = width_of(p->source.type);
  char *to = (char *)p->panels + first * p->in * value;
  if (p->transposed) {
    const char *from = (const char *)p->source.values + first * value;
    pack_columns(from, p->out, p->in, width, value, to);
  } else if (p->source.type == OPS_F32) {
    const float *from = (const float *)p->source.values + first * p->in;
    pack_floats(from, p->in, width, p->in, (float *)(void *)to);
  } else {
    const uint16_t *from = (const uint16_t *)p->source.values + first * p->in;
    pack_halves(from, p->in, width, p->in, (uint16_t *)(void *)to);
  }
}

// --- Weights -------------------------------------------------------------------------------------

// The packing of these that `tensor` keeps; else room for it where it `begins` to be kept, else NULL.
static struct ops_packing *kept(
    const ops_tensor *tensor, size_t offset, size_t out, size_t in, bool pairs, size_t bytes,
    bool begins) {
  struct ops_packing **place = (struct ops_packing **)&tensor->packings;
  for (; *place; place = &(*place)->next)
    if ((*place)->offset == offset && (*place)->in == in && (*place)->out == out &&
        (*place)->pairs == pairs)
      return *place;
  if (!begins) return NULL;
  struct ops_packing *new = calloc(1, sizeof *new);
  if (!new) abort();
  *new = (struct ops_packing){
      .offset = offset, .in = in, .out = out, .pairs = pairs, .panels = mapped(bytes),
      .bytes = bytes};
  return *place = new;
}

bool ops_keeps_weight(
    const ops_tensor *parameters, size_t offset, size_t out, size_t in, ops_products products) {
  const bool pairs = products == OPS_PRODUCTS_BF16 && ops_pairs_available(parameters->context);
  return kept(parameters, offset, out, in, pairs, 0, false) != NULL;
}

ops_weight ops_weight_at(
    const ops_tensor *parameters, size_t offset, size_t out, size_t in, ops_products products,
    ops_direction direction, bool keeps) {
  ops_context *context = parameters->context;
  const bool pairs = products == OPS_PRODUCTS_BF16 && ops_pairs_available(context);
  const bool transposed = direction == OPS_BACKWARD;
  packing p = {
      .context = context, .source = ops_stored_at(parameters, offset), .in = transposed ? out : in,
      .out = transposed ? in : out, .transposed = transposed, .pairs = pairs};
  const ops_type type = pairs ? OPS_BF16 : p.source.type;
  const size_t panels = ops_panel_count(p.out);
  const size_t bytes = panels * OPS_PANEL * (pairs ? ops_round_up(p.in, 2) : p.in) * width_of(type);
  struct ops_packing *held = NULL;
  if (!transposed && parameters->count * width_of(type) <= OPS_KEPT_PANELS)
    held = kept(parameters, offset, out, in, pairs, bytes, keeps);
  p.panels = held ? held->panels : ops_arena_take(context, bytes);
  if (!held || held->version != parameters->version) {
    ops_parallel(context, panels, pack_panel, &p);
    if (held) held->version = parameters->version;
  }
  return (ops_weight){p.panels, type, p.out, p.in, pairs};
}
