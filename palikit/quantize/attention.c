/* Attention: of many queries by products whose operands stay in the processor's caches, of a few by
 * reading keys and values as they lie. Numbers are floats, or bfloat16 where `half`; sums are floats,
 * and scores never go through memory. */

#include "panels.h"

int omp_get_thread_num(void); /* without its header, which not every compiler finds */

#define MOST_TOGETHER (8 * AT_ONCE) /* queries of a job */
#define MOST_SCORES (1 << 17)       /* of a job: half a megabyte, unless there are very many slots */
#define FEW 12 /* queries that share keys: for these, laying out takes longer than the work */

/* Heads of tokens of examples, so many numbers apart; channels lie side by side. */
struct heads {
    void *at;
    int64_t example, head, token;
};

struct attention {
    struct heads q, k, v, out;
    const uint8_t *mask; /* [example, query, slot], or none */
    int64_t mask_example, mask_query; /* bytes apart: 0 where all have the same */
    int64_t examples, heads, kv_heads, queries, slots, channels, half;
    int64_t coarse; /* many queries' products may be of bfloat16 */
    float scale, softcap; /* the latter is 0 where there is none */
};

/* softmax(cap * tanh(row / cap)) of what `mask` shows, or of all, in place. */
static void weigh_row(float *row, const uint8_t *mask, int64_t slots, float cap) {
    const float inverse = 1 / cap;
    float most = -INFINITY, total = 0;
    int blind = mask != 0;
    if (cap > 0)
#pragma omp simd
        for (int64_t s = 0; s < slots; s++) row[s] = cap * hyperbolic(row[s] * inverse);
#pragma omp simd reduction(max : most)
    for (int64_t s = 0; s < slots; s++) {
        const float seen = mask && !mask[s] ? -INFINITY : row[s];
        most = seen > most ? seen : most;
    }
    /* One that sees nothing looks at everything alike, or at nothing where there is no cap, as
     * PyTorch's operations have it. */
    for (int64_t s = 0; blind && s < slots; s++) blind = !mask[s];
#pragma omp simd reduction(+ : total)
    for (int64_t s = 0; s < slots; s++) {
        row[s] = blind ? cap > 0 : mask && !mask[s] ? 0 : exponential(row[s] - most);
        total += row[s];
    }
    const float share = total == 0 ? 0 : 1 / total;
#pragma omp simd
    for (int64_t s = 0; s < slots; s++) row[s] *= share;
}

INLINE void attend_one(const float *q, const void *keys, const void *values, const uint8_t *mask,
                       float *out, float *scores, int64_t slots, int64_t key_apart,
                       int64_t value_apart, int64_t channels, float softcap, const int half) {
    for (int64_t s = 0; s < slots; s++) {
        float sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < channels; i++) sum += q[i] * load(keys, s * key_apart + i, half);
        scores[s] = sum;
    }
    weigh_row(scores, mask, slots, softcap);
    memset(out, 0, channels * sizeof *out);
    for (int64_t s = 0; s < slots; s++) {
#pragma omp simd
        for (int64_t i = 0; i < channels; i++)
            out[i] += scores[s] * load(values, s * value_apart + i, half);
    }
}

/* What one query makes of the keys and values of its head; `scores` has space for them. */
void attend_row(const float *q, const void *keys, const void *values, const uint8_t *mask,
                float *out, float *scores, int64_t slots, int64_t key_apart, int64_t value_apart,
                int64_t channels, float softcap, int64_t half) {
    if (half)
        attend_one(q, keys, values, mask, out, scores, slots, key_apart, value_apart, channels,
                   softcap, 1);
    else
        attend_one(q, keys, values, mask, out, scores, slots, key_apart, value_apart, channels,
                   softcap, 0);
}

INLINE const void *moved(const struct heads *h, int64_t numbers, int64_t half) {
    return (const char *)h->at + numbers * (half ? 2 : 4);
}

static const uint8_t *mask_of(const struct attention *a, int64_t example, int64_t query) {
    return a->mask ? a->mask + example * a->mask_example + query * a->mask_query : 0;
}

static void read_numbers(const void *from, int64_t at, float *to, int64_t count, int64_t half) {
    if (half)
#pragma omp simd
        for (int64_t i = 0; i < count; i++) to[i] = widen(((const uint16_t *)from)[at + i]);
    else
        memcpy(to, (const float *)from + at, count * sizeof *to);
}

static void write_numbers(const float *from, void *to, int64_t at, int64_t count, int64_t half) {
    if (half)
#pragma omp simd
        for (int64_t i = 0; i < count; i++) ((uint16_t *)to)[at + i] = narrow(from[i]);
    else
        memcpy((float *)to + at, from, count * sizeof *from);
}

static void read_query(const struct attention *a, int64_t example, int64_t head, int64_t query,
                       float *to) {
    const int64_t from = example * a->q.example + head * a->q.head + query * a->q.token;
    read_numbers(a->q.at, from, to, a->channels, a->half);
#pragma omp simd
    for (int64_t i = 0; i < a->channels; i++) to[i] *= a->scale;
}

static void write_output(const struct attention *a, int64_t example, int64_t head, int64_t query,
                         const float *from) {
    const int64_t to = example * a->out.example + head * a->out.head + query * a->out.token;
    write_numbers(from, a->out.at, to, a->channels, a->half);
}

/* `space` has for each query of each head of an example: two rows of channels, one of slots. */
static void attend_few(const struct attention *a, float *space, int threads) {
    const int64_t group = a->heads / a->kv_heads, size = 2 * a->channels + a->slots;
#pragma omp parallel for collapse(3) num_threads(threads) schedule(static)
    for (int64_t example = 0; example < a->examples; example++)
        for (int64_t head = 0; head < a->heads; head++)
            for (int64_t query = 0; query < a->queries; query++) {
                const int64_t number = (example * a->heads + head) * a->queries + query;
                float *q = space + number * size, *out = q + a->channels;
                const int64_t key = example * a->k.example + head / group * a->k.head;
                const int64_t value = example * a->v.example + head / group * a->v.head;
                read_query(a, example, head, query, q);
                attend_row(q, moved(&a->k, key, a->half), moved(&a->v, value, a->half),
                           mask_of(a, example, query), out, out + a->channels, a->slots,
                           a->k.token, a->v.token, a->channels, a->softcap, a->half);
                write_output(a, example, head, query, out);
            }
}

/* How the queries of an example that share keys are worked on; sizes are numbers. */
struct plan {
    int64_t group, rows, together, parts; /* queries that share keys, of a job; jobs for them */
    int64_t slots, channels;              /* in whole registers */
    int64_t pairs, slot_steps, channel_steps;
    int64_t key_panels, value_panels, laid; /* of a head; both of it, laid out */
    int64_t room;                           /* of a thread */
};

static struct plan plan_of(const struct attention *a) {
    struct plan p = {.group = a->heads / a->kv_heads, .pairs = HAS_PAIRS && a->coarse};
    p.slots = rounded_up(a->slots, LANES), p.channels = rounded_up(a->channels, LANES);
    p.slot_steps = steps_of(a->slots, p.pairs), p.channel_steps = steps_of(a->channels, p.pairs);
    p.rows = p.group * a->queries;
    const int64_t fit = MOST_SCORES / p.slots / AT_ONCE * AT_ONCE;
    p.together = fit < AT_ONCE ? AT_ONCE : fit > MOST_TOGETHER ? MOST_TOGETHER : fit;
    p.parts = (p.rows + p.together - 1) / p.together;
    p.key_panels = (a->slots + PANEL - 1) / PANEL;
    p.value_panels = (a->channels + PANEL - 1) / PANEL;
    p.laid = p.slots * p.channel_steps + p.slot_steps * p.channels;
    p.room = p.together * (p.channel_steps + p.slots + p.channels);
    return p;
}

/* A panel's keys as columns [channel, slot]; `row` has room for a key. */
INLINE void lay_keys(const struct attention *a, int64_t from, int64_t first, float *panel,
                     float *row, const int pairs) {
    const int64_t width = panel_width(first, a->slots), steps = steps_of(a->channels, pairs);
    row[a->channels] = 0;
    for (int64_t s = 0; s < width; s++) {
        if (first + s < a->slots)
            read_numbers(a->k.at, from + (first + s) * a->k.token, row, a->channels, a->half);
        else
            memset(row, 0, a->channels * sizeof *row);
        for (int64_t i = 0; i < steps; i++)
            panel[i * width + s] = pairs ? pair_of(row[2 * i], row[2 * i + 1]) : row[i];
    }
}

/* A panel's channels of all values [slot, channel]. */
INLINE void lay_values(const struct attention *a, int64_t from, int64_t first, float *panel,
                       const int pairs) {
    const int64_t width = panel_width(first, a->channels), left = a->channels - first;
    const int64_t inside = left < width ? left : width, apart = pairs ? 2 : 1;
    float rows[2][PANEL] = {0};
    for (int64_t s = 0; s < a->slots; s += apart, panel += width) {
        const int64_t at = from + s * a->v.token + first;
        read_numbers(a->v.at, at, rows[0], inside, a->half);
        if (pairs && s + 1 < a->slots)
            read_numbers(a->v.at, at + a->v.token, rows[1], inside, a->half);
        else
            memset(rows[1], 0, sizeof rows[1]);
#pragma omp simd
        for (int64_t i = 0; i < width; i++)
            panel[i] = pairs ? pair_of(rows[0][i], rows[1][i]) : rows[0][i];
    }
}

INLINE void lay_panel(const struct attention *a, struct plan p, int64_t example, int64_t head,
                      int64_t number, float *to, float *row, const int pairs) {
    const int64_t value = number - p.key_panels;
    if (value < 0)
        lay_keys(a, example * a->k.example + head * a->k.head, number * PANEL,
                 to + number * PANEL * p.channel_steps, row, pairs);
    else
        lay_values(a, example * a->v.example + head * a->v.head, value * PANEL,
                   to + p.slots * p.channel_steps + value * PANEL * p.slot_steps, pairs);
}

static void lay(const struct attention *a, struct plan p, int64_t example, int64_t head,
                int64_t number, float *to, float *row) {
    if (p.pairs)
        lay_panel(a, p, example, head, number, to, row, 1);
    else
        lay_panel(a, p, example, head, number, to, row, 0);
}

/* Numbers of space that `attend` needs. */
int64_t attention_space(const struct attention *a, int threads) {
    const struct plan p = plan_of(a);
    if (p.rows < FEW) return a->examples * a->heads * a->queries * (2 * a->channels + a->slots);
    return a->kv_heads * p.laid + threads * p.room;
}

/* Queries `first` and on of those that share a head of keys and values, which are laid out. */
static void attend_part(const struct attention *a, struct plan p, int64_t example, int64_t head,
                        int64_t first, const float *laid, float *room) {
    float *scores = room, *out = scores + p.together * p.slots, *q = out + p.together * p.channels;
    const int64_t left = p.rows - first, count = left < p.together ? left : p.together;
    const int64_t whole = rounded_up(count, AT_ONCE);
    for (int64_t r = 0; r < count; r++) {
        const int64_t own = head * p.group + (first + r) / a->queries;
        float *row = q + r * p.channel_steps;
        read_query(a, example, own, (first + r) % a->queries, p.pairs ? out : row);
        if (!p.pairs) continue;
        memset(out + a->channels, 0, (p.channels - a->channels) * sizeof *out);
        pair_row(out, row, p.channel_steps);
    }
    memset(q + count * p.channel_steps, 0, (whole - count) * p.channel_steps * sizeof *q);
    multiply_panels(q, p.channel_steps, whole, laid, p.channel_steps, a->slots, scores, p.slots,
                    p.pairs);
    for (int64_t r = 0; r < count; r++) {
        const uint8_t *mask = mask_of(a, example, (first + r) % a->queries);
        weigh_row(scores + r * p.slots, mask, a->slots, a->softcap);
        if (!p.pairs) continue;
        /* A query with an infinite number has none for what is behind the last slot. */
        if (a->slots % 2) scores[r * p.slots + a->slots] = 0;
        pair_row(scores + r * p.slots, scores + r * p.slots, p.slot_steps);
    }
    multiply_panels(scores, p.slots, whole, laid + p.slots * p.channel_steps, p.slot_steps,
                    a->channels, out, p.channels, p.pairs);
    for (int64_t r = 0; r < count; r++) {
        const int64_t own = head * p.group + (first + r) / a->queries;
        write_output(a, example, own, (first + r) % a->queries, out + r * p.channels);
    }
}

/* out = softmax of q's scores with k, capped where they are to be, times v. */
void attend(const struct attention *a, float *space, int threads) {
    const struct plan p = plan_of(a);
    if (p.rows < FEW) {
        attend_few(a, space, threads);
        return;
    }
    float *rooms = space + a->kv_heads * p.laid;
#pragma omp parallel num_threads(threads)
    for (int64_t example = 0; example < a->examples; example++) {
#pragma omp for collapse(2) schedule(static)
        for (int64_t head = 0; head < a->kv_heads; head++)
            for (int64_t number = 0; number < p.key_panels + p.value_panels; number++)
                lay(a, p, example, head, number, space + head * p.laid,
                    rooms + omp_get_thread_num() * p.room);
#pragma omp for collapse(2) schedule(dynamic)
        for (int64_t head = 0; head < a->kv_heads; head++)
            for (int64_t part = 0; part < p.parts; part++)
                attend_part(a, p, example, head, part * p.together, space + head * p.laid,
                            rooms + omp_get_thread_num() * p.room);
    }
}
