// References of a layer's operators: the equations of ops.h in double.
#include <math.h>
#include <stdlib.h>

#include "../include/ops.h"

static void rmsnorm(
    const double *x, const double *weight, double epsilon, size_t dim, double *h) {
  double squares = 0;
  for (size_t i = 0; i < dim; i++) squares += x[i] * x[i];
  const double scale = 1 / sqrt(squares / (double)dim + epsilon);
  for (size_t i = 0; i < dim; i++) h[i] = x[i] * scale * weight[i];
}

// y[j] = sum over i of x[i] w[j, i]
static void linear(const double *x, const double *w, size_t outputs, size_t inputs, double *y) {
  for (size_t j = 0; j < outputs; j++) {
    y[j] = 0;
    for (size_t i = 0; i < inputs; i++) y[j] += x[i] * w[j * inputs + i];
  }
}

void ops_qkv_reference(
    const ops_model *model, const ops_layer *layer, const double *parameters, const double *rope,
    const double *x, const int32_t *positions, size_t rows, double *qkv) {
  const size_t D = model->hidden, d = model->head_dim, A = model->heads * d;
  const size_t K = model->kv_heads * d, QKV = A + 2 * K, half = d / 2;
  double *h = malloc(D * sizeof(double));
  for (size_t r = 0; h && r < rows; r++) {
    double *q = qkv + r * QKV, *k = q + A, *v = k + K;
    rmsnorm(x + r * D, parameters + layer->input_norm, (double)model->norm_epsilon, D, h);
    linear(h, parameters + layer->q, A, D, q);
    linear(h, parameters + layer->k, K, D, k);
    linear(h, parameters + layer->v, K, D, v);
    if (layer->q_bias != OPS_ABSENT) {
      for (size_t i = 0; i < A; i++) q[i] += parameters[layer->q_bias + i];
      for (size_t i = 0; i < K; i++) k[i] += parameters[layer->k_bias + i];
      for (size_t i = 0; i < K; i++) v[i] += parameters[layer->v_bias + i];
    }
    const size_t normed = layer->q_norm == OPS_ABSENT ? 0 : model->heads + model->kv_heads;
    for (size_t head = 0; head < normed; head++) {
      const size_t weight = head < model->heads ? layer->q_norm : layer->k_norm;
      double *values = q + head * d;
      rmsnorm(values, parameters + weight, (double)model->norm_epsilon, d, values);
    }
    const double *cosine = rope + (size_t)positions[r] * d, *sine = cosine + half;
    for (size_t head = 0; head < model->heads + model->kv_heads; head++)
      for (size_t i = 0; i < half; i++) {
        const double a = q[head * d + i], b = q[head * d + i + half];
        q[head * d + i] = a * cosine[i] - b * sine[i];
        q[head * d + i + half] = b * cosine[i] + a * sine[i];
      }
  }
  free(h);
}

// Whether the key of row `key` is seen from row `query`; both are rows of the group.
static bool sees(const ops_group *group, const size_t *response_rows, size_t query, size_t key) {
  if (key > query) return false;
  if (key < group->prompt_rows) return true;
  size_t end = group->prompt_rows;
  for (size_t r = 0; r < group->responses; r++) {
    const size_t begin = end;
    end += response_rows[group->first_response + r];
    if (query < end) return key >= begin;
  }
  return false;
}

void ops_attention_reference(
    const ops_model *model, const ops_group *groups, size_t group_count,
    const size_t *response_rows, const double *qkv, double *out) {
  const size_t d = model->head_dim, A = model->heads * d, K = model->kv_heads * d;
  const size_t QKV = A + 2 * K;
  for (size_t g = 0; g < group_count; g++) {
    size_t rows = groups[g].prompt_rows;
    for (size_t r = 0; r < groups[g].responses; r++)
      rows += response_rows[groups[g].first_response + r];
    const double *first = qkv + groups[g].first_row * QKV;
    for (size_t query = 0; query < rows; query++)
      for (size_t head = 0; head < model->heads; head++) {
        const size_t kv = A + head / (model->heads / model->kv_heads) * d;
        double *o = out + (groups[g].first_row + query) * A + head * d;
        double sum = 0;
        for (size_t i = 0; i < d; i++) o[i] = 0;
        for (size_t key = 0; key < rows; key++) {
          if (!sees(&groups[g], response_rows, query, key)) continue;
          double score = 0;
          for (size_t i = 0; i < d; i++)
            score += first[query * QKV + head * d + i] * first[key * QKV + kv + i];
          const double weight = exp(score / sqrt((double)d));
          sum += weight;
          for (size_t i = 0; i < d; i++) o[i] += weight * first[key * QKV + kv + K + i];
        }
        for (size_t i = 0; i < d; i++) o[i] /= sum;
      }
  }
}

void ops_block_reference(
    const ops_model *model, const ops_layer *layer, const double *parameters, const double *out,
    const double *x, size_t rows, double *x_out) {
  const size_t D = model->hidden, F = model->intermediate, A = model->heads * model->head_dim;
  double *mid = malloc((2 * D + 3 * F) * sizeof(double));
  if (!mid) return;
  double *h = mid + D, *gate = h + D, *up = gate + F, *activation = up + F;
  for (size_t r = 0; r < rows; r++) {
    linear(out + r * A, parameters + layer->o, D, A, mid);
    for (size_t i = 0; i < D; i++) mid[i] += x[r * D + i];
    rmsnorm(mid, parameters + layer->post_norm, (double)model->norm_epsilon, D, h);
    linear(h, parameters + layer->gate_up, F, D, gate);
    linear(h, parameters + layer->gate_up + F * D, F, D, up);
    for (size_t i = 0; i < F; i++) activation[i] = gate[i] / (1 + exp(-gate[i])) * up[i];
    linear(activation, parameters + layer->down, D, F, x_out + r * D);
    for (size_t i = 0; i < D; i++) x_out[r * D + i] += mid[i];
  }
  free(mid);
}

void ops_head_reference(
    const ops_model *model, const double *parameters, const double *x, const ops_head_row *rows,
    size_t count, const ops_target *targets, double temperature, double *log_probabilities,
    double *entropies) {
  const size_t D = model->hidden, V = model->vocabulary;
  double *h = malloc((D + V) * sizeof(double));
  double *y = h + D;
  for (size_t r = 0; h && r < count; r++) {
    rmsnorm(
        x + rows[r].row * D, parameters + model->final_norm, (double)model->norm_epsilon, D, h);
    linear(h, parameters + model->head, V, D, y);
    double sum = 0, entropy = 0;
    for (size_t j = 0; j < V; j++) sum += exp(y[j] /= temperature);
    for (size_t j = 0; j < V; j++) entropy -= exp(y[j]) / sum * (y[j] - log(sum));
    for (size_t t = 0; t < rows[r].targets; t++) {
      const ops_target *target = &targets[rows[r].first_target + t];
      log_probabilities[target->index] = y[target->token] - log(sum);
      entropies[target->index] = entropy;
    }
  }
  free(h);
}

void ops_value_reference(
    const ops_model *model, const ops_value_head *head, const double *parameters, const double *x,
    const ops_head_row *rows, size_t count, const ops_target *targets, double *values) {
  const size_t D = model->hidden;
  double *h = malloc(D * sizeof(double));
  for (size_t r = 0; h && r < count; r++) {
    double value;
    rmsnorm(
        x + rows[r].row * D, parameters + model->final_norm, (double)model->norm_epsilon, D, h);
    linear(h, parameters + head->weight, 1, D, &value);
    for (size_t t = 0; t < rows[r].targets; t++)
      values[targets[rows[r].first_target + t].index] = value + parameters[head->bias];
  }
  free(h);
}
