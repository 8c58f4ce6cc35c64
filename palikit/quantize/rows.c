/* A decoder's blocks for a few rows: all that a token goes through between two readings of weights,
 * without a call of PyTorch for each step. rows.py says what the structs are made of. Rows are
 * floats, or bfloat16 where `half`; they are worked on in float, and rounded to bfloat16 wherever
 * something is added to them or kept. */

#include "lanes.h"

struct block {
    struct linear q, k, v, out, gate, up, down;
    /* Before and after attention, before and after the MLP; those after it may be none. */
    const void *norms[4];
    int64_t width, heads, kv_heads, head_dim;
    float eps, query_scale, softcap; /* the last is 0 where there is none */
};

/* A layer of the cache: [example, head, slot, channel], so many numbers apart. */
struct kept {
    void *keys, *values;
    int64_t example_apart, head_apart;
};

/* What is the same in all blocks; rows are tokens of examples, so many of each. */
struct step {
    const float *cos, *sin;  /* of each row */
    const int64_t *slots;    /* where each row's key and value go */
    const int64_t *counts;   /* of the first slots that each row sees; more than `longest` is that */
    int64_t rows, tokens, longest, half; /* `longest` is the most that any row may see */
    int threads;
};

/* Space for numbers between two products. */
struct room {
    float *some, *q, *heads, *gate, *up, *scores;
    int32_t *rest; /* for a product */
};

static void multiply(const struct linear *l, const float *x, float *out, int32_t *room,
                     int64_t rows, int threads) {
    if (l->kind == EIGHT_BITS)
        int8_rows(l->weight, l->scale, x, out, room, rows, l->inputs, l->outputs, threads);
    else if (l->kind == FOUR_BITS)
        int4_rows(l->weight, l->steps, l->offsets, l->scale, x, out,
                  (int8_t *)(room + rows * l->padded / l->group), room, rows, l->inputs, l->padded,
                  l->outputs, l->group, threads);
    else
        plain_rows(l->weight, x, out, rows, l->inputs, l->outputs, l->kind == HALVES, threads);
}

static void norm(const struct block *b, int which, const float *x, float *out,
                 const struct step *step) {
    const void *weight = b->norms[which];
    for (int64_t r = 0; r < step->rows; r++)
        if (step->half)
            norm_row(x, weight, out, r * b->width, b->width, b->eps, 0, 1);
        else
            norm_row(x, weight, out, r * b->width, b->width, b->eps, 0, 0);
}

/* Each row's key or value of every head to its slot. */
static void keep(const struct block *b, const float *from, void *layer, const struct kept *kept,
                 const struct step *step) {
    for (int64_t r = 0; r < step->rows; r++)
        for (int64_t head = 0; head < b->kv_heads; head++) {
            const int64_t to = r / step->tokens * kept->example_apart + head * kept->head_apart +
                               step->slots[r] * b->head_dim;
            for (int64_t i = 0; i < b->head_dim; i++) store(layer, to + i, *from++, step->half);
        }
}

/* Queries to q, scaled; keys and values to their slots. */
static void read_heads(const struct block *b, const struct kept *kept, const struct step *step,
                       const float *x, const struct room *room) {
    const int64_t pairs = b->head_dim / 2, rows = step->rows;
    float *normed = room->heads, *some = room->some;
    norm(b, 0, x, normed, step);
    multiply(&b->q, normed, room->q, room->rest, rows, step->threads);
    rotate_rows(room->q, step->cos, step->sin, rows, b->heads, pairs, 0, b->query_scale, 1);
    multiply(&b->k, normed, some, room->rest, rows, step->threads);
    rotate_rows(some, step->cos, step->sin, rows, b->kv_heads, pairs, 0, 1, 1);
    keep(b, some, kept->keys, kept, step);
    multiply(&b->v, normed, some, room->rest, rows, step->threads);
    keep(b, some, kept->values, kept, step);
}

static void attend_rows(const struct block *b, const struct kept *kept, const struct step *step,
                        const struct room *room) {
    const int64_t group = b->heads / b->kv_heads;
#pragma omp parallel for collapse(2) num_threads(step->threads) schedule(static)
    for (int64_t r = 0; r < step->rows; r++)
        for (int64_t head = 0; head < b->heads; head++) {
            const int64_t at = r * b->heads + head, count = step->counts[r];
            const int64_t slots = count < step->longest ? count : step->longest;
            const int64_t first =
                r / step->tokens * kept->example_apart + head / group * kept->head_apart;
            const int64_t bytes = first * (step->half ? 2 : 4);
            attend_row(room->q + at * b->head_dim, (const char *)kept->keys + bytes,
                       (const char *)kept->values + bytes, 0, room->heads + at * b->head_dim,
                       room->scores + at * step->longest, slots, b->head_dim, b->head_dim,
                       b->head_dim, b->softcap, step->half);
        }
}

/* x plus what a part of the block made of it, normalised where it is to be. */
static void add(const struct block *b, int which, float *x, float *some, const struct step *step) {
    if (b->norms[which]) norm(b, which, some, some, step);
    for (int64_t i = 0; i < step->rows * b->width; i++) {
        x[i] += some[i];
        if (step->half) x[i] = widen(narrow(x[i]));
    }
}

static void read_block(const struct block *b, const struct kept *kept, const struct step *step,
                       float *x, const struct room *room) {
    const int64_t rows = step->rows;
    const int threads = step->threads;
    read_heads(b, kept, step, x, room);
    attend_rows(b, kept, step, room);
    multiply(&b->out, room->heads, room->some, room->rest, rows, threads);
    add(b, 1, x, room->some, step);
    norm(b, 2, x, room->some, step);
    multiply(&b->gate, room->some, room->gate, room->rest, rows, threads);
    multiply(&b->up, room->some, room->up, room->rest, rows, threads);
    gelu_product(room->gate, room->up, rows * b->gate.outputs, 0, threads);
    multiply(&b->down, room->gate, room->some, room->rest, rows, threads);
    add(b, 3, x, room->some, step);
}

/* x through so many blocks, in place. Of floats, `space` has for each row: `widths` times four, for
 * the widest of what goes between products or into one; twice the MLP's width; and as many as there
 * are heads for every slot that may be seen. */
void read_blocks(const struct block *blocks, const struct kept *kept, int64_t depth,
                 const struct step *step, float *x, float *space, int64_t widths) {
    const int64_t wide = step->rows * widths, between = step->rows * blocks->gate.outputs;
    struct room room = {.some = space, .q = space + wide, .heads = space + 2 * wide};
    room.rest = (int32_t *)(space + 3 * wide);
    room.gate = space + 4 * wide;
    room.up = room.gate + between;
    room.scores = room.up + between;
    for (int64_t layer = 0; layer < depth; layer++)
        read_block(blocks + layer, kept + layer, step, x, &room);
}
