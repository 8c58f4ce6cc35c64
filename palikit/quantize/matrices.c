/* Products of many rows with weights in eight or four bits, where the processor has an instruction
 * that multiplies and sums four pairs of bytes (AVX-512 VNNI). Others have none of this, and those
 * with matrix units (AMX) have better.
 *
 * The sums are those of `_int_mm`. What is gained: a weight is laid out anew in the processor's
 * second cache only, and what leaves is scaled, has its bias and its last form, so that no
 * rearranged weights, sums or wide copies go through memory; layers that read the same rows round
 * them once. All arrays are contiguous; kernels.c says how its letters count.
 */

#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__) && \
    !defined(__AMX_INT8__)
#include "laying.h"

#define DEPTH 2048       /* inputs that are laid out at once: 128 KB of a block */
#define EVEN 256         /* such parts are whole groups of a four-bit weight */
#define MOST (32 * TILE) /* rows whose sums are kept at once: 96 KB of a block */
#define EVERY 8          /* steps for which a line of coming weights is called for */
#define LINE 64
#define MOST_LAYERS 3    /* that read the same rows at once */

/* Weights that the next part will lay out: rows of lines, so far apart. Read where they are needed,
 * a few bytes of each of sixteen outputs, they would be waited for. */
struct coming {
    const char *at;
    int64_t apart, lines, rows; /* lines of a row */
    int64_t line;
};

INLINE void call_for_one(struct coming *next) {
    if (next->rows <= 0) return;
    _mm_prefetch(next->at + next->line * LINE, _MM_HINT_T0);
    if (++next->line == next->lines) next->line = 0, next->rows--, next->at += next->apart;
}

/* Of a block's inputs. */
static struct coming coming_of(const struct linear *w, int64_t first, int64_t start, int64_t stop) {
    const int64_t left = w->outputs - first;
    struct coming next = {0};
    if (left <= 0) return next;
    if (w->kind == FOUR_BITS) {
        next.at = (const char *)w->weight + (first * w->padded / BLOCK + start) * HALF;
        next.lines = (stop - start) * HALF / LINE;
        next.rows = 1;
    } else {
        next.at = (const char *)w->weight + first * w->inputs + start;
        next.apart = w->inputs;
        next.lines = (stop - start + LINE - 1) / LINE;
        next.rows = left < BLOCK ? left : BLOCK;
    }
    return next;
}

/* Adds to sums[row, output] the products of so many steps, in whole EVERYs. */
INLINE void add_tile(const int rows, const int8_t *x, const uint8_t *panel, int64_t steps,
                     int32_t *sums, struct coming *next) {
    __m512i held[TILE][2];
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
        for (int part = 0; part < 2; part++)
            held[r][part] = _mm512_load_si512(sums + r * PANEL + part * LANES);
    for (int64_t step = 0; step < steps;) {
        call_for_one(next);
        for (const int64_t stop = step + EVERY; step < stop; step++, panel += PANEL * FOUR) {
            const __m512i one = _mm512_load_si512(panel), two = _mm512_load_si512(panel + 64);
#pragma GCC unroll 12
            for (int r = 0; r < rows; r++) {
                int32_t four;
                memcpy(&four, x + (step * TILE + r) * FOUR, sizeof four);
                const __m512i same = _mm512_set1_epi32(four);
                held[r][0] = _mm512_dpbusd_epi32(held[r][0], one, same);
                held[r][1] = _mm512_dpbusd_epi32(held[r][1], two, same);
            }
        }
    }
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
        for (int part = 0; part < 2; part++)
            _mm512_store_si512(sums + r * PANEL + part * LANES, held[r][part]);
}

static void add_panel(const int8_t *x, int64_t rows, int64_t padded, const uint8_t *panel,
                      int64_t steps, int32_t *sums, struct coming *next) {
    for (; rows > 0; rows -= TILE, x += TILE * padded, sums += TILE * PANEL)
        if (rows > 8)
            add_tile(TILE, x, panel, steps, sums, next);
        else if (rows > 4)
            add_tile(8, x, panel, steps, sums, next);
        else
            add_tile(4, x, panel, steps, sums, next);
}

static void lay(const struct linear *w, int64_t first, int64_t start, int64_t stop,
                uint8_t panels[2][DEPTH * PANEL]) {
    for (int o = 0; o < BLOCK; o += LANES) {
        uint8_t *to = panels[o / PANEL] + o % PANEL * FOUR;
#ifdef __AVX512VBMI__
        if (w->kind == FOUR_BITS && o < PANEL)
            lay_int4(w, first + o, start, stop, 0, to);
        else if (w->kind == FOUR_BITS)
            lay_int4(w, first + o, start, stop, 1, to);
        else
#endif
            lay_int8(w, first + o, start, stop, to);
    }
}

/* Rows `from` to `to` of a layer's outputs from `first`; the rows begin a tile. */
struct job {
    const struct linear *w;
    int64_t first, from, to;
};

/* Sums of a job's block; `then` is what this thread does next. */
static void sum_block(struct job job, struct rounded x, struct job then,
                      int32_t sums[2][MOST * PANEL]) {
    uint8_t panels[2][DEPTH * PANEL] __attribute__((aligned(64)));
    const int64_t parts = (x.padded + DEPTH - 1) / DEPTH, rows = job.to - job.from;
    const int64_t depth = (x.padded + parts * EVEN - 1) / (parts * EVEN) * EVEN;
    const int64_t used = (rows + TILE - 1) / TILE * TILE * PANEL;
    for (int part = 0; part < 2; part++) memset(sums[part], 0, used * sizeof **sums);
    for (int64_t start = 0; start < x.padded; start += depth) {
        const int64_t stop = start + depth < x.padded ? start + depth : x.padded;
        const int64_t more = stop + depth < x.padded ? stop + depth : x.padded;
        const int64_t soon = depth < x.padded ? depth : x.padded;
        struct coming next = stop < x.padded ? coming_of(job.w, job.first, stop, more)
                                             : coming_of(then.w, then.first, 0, soon);
        lay(job.w, job.first, start, stop, panels);
        for (int part = 0; part < 2; part++)
            add_panel(x.bytes + job.from * x.padded + start * TILE, rows, x.padded, panels[part],
                      (stop - start) / FOUR, sums[part], &next);
    }
}

/* Sixteen of a row's sums as what they mean. */
INLINE __m512 scaled(const int32_t *sums, struct rounded x, int64_t r, __m512 scale) {
    const __m512i raised = _mm512_load_si512(sums);
    const __m512i sum = _mm512_sub_epi32(raised, _mm512_set1_epi32(128 * x.sums[r]));
    __m512 found = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(x.scale[r]));
    found = _mm512_mul_ps(found, scale);
    __asm__("" : "+v"(found)); /* a product and a sum of it, each rounded on its own */
    return found;
}

INLINE void store_lanes(const struct rows *out, int64_t at, __mmask16 inside, __m512 found) {
    if (out->half)
        _mm256_mask_storeu_epi16((uint16_t *)out->at + at, inside, narrow_lanes(found));
    else
        _mm512_mask_storeu_ps((float *)out->at + at, inside, found);
}

/* Outputs of a job's block, each with its bias. */
static void finish_block(struct job job, struct rounded x, int32_t sums[2][MOST * PANEL],
                         const struct rows *out) {
    for (int64_t o = 0; o < BLOCK; o += LANES) {
        const int64_t first = job.first + o;
        const __mmask16 inside = first_lanes(job.w->outputs - first);
        const __m512 scale = _mm512_maskz_loadu_ps(inside, job.w->scale + first);
        __m512 bias = _mm512_setzero_ps();
        if (job.w->bias) bias = _mm512_maskz_loadu_ps(inside, job.w->bias + first);
        const int32_t *from = sums[o / PANEL] + o % PANEL;
        for (int64_t r = job.from; r < job.to; r++, from += PANEL) {
            __m512 found = scaled(from, x, r, scale);
            if (job.w->bias) found = _mm512_add_ps(found, bias);
            store_lanes(out, r * job.w->outputs + first, inside, found);
        }
    }
}

/* gelu(gate) * up of a job's block; both layers are without biases. */
static void finish_gated(struct job job, struct rounded x, int32_t sums[2][2][MOST * PANEL],
                         const struct rows *out) {
    float gelus[LANES] __attribute__((aligned(64)));
    for (int64_t o = 0; o < BLOCK; o += LANES) {
        const int64_t first = job.first + o;
        const __mmask16 inside = first_lanes(job.w->outputs - first);
        const __m512 scale = _mm512_maskz_loadu_ps(inside, job.w[0].scale + first);
        const __m512 up_scale = _mm512_maskz_loadu_ps(inside, job.w[1].scale + first);
        const int64_t at = o % PANEL;
        for (int64_t r = job.from; r < job.to; r++) {
            const int64_t row = (r - job.from) * PANEL + at;
            __m512 gate = scaled(sums[0][o / PANEL] + row, x, r, scale);
            __m512 up = scaled(sums[1][o / PANEL] + row, x, r, up_scale);
            /* Rounded wherever separate operations would be. */
            if (out->half) {
                gate = widen_lanes(narrow_lanes(gate));
                up = widen_lanes(narrow_lanes(up));
            }
            _mm512_store_ps(gelus, gate);
#pragma omp simd
            for (int lane = 0; lane < LANES; lane++) gelus[lane] = gelu(gelus[lane]);
            gate = _mm512_load_ps(gelus);
            if (out->half) gate = widen_lanes(narrow_lanes(gate));
            store_lanes(out, r * job.w->outputs + first, inside, _mm512_mul_ps(gate, up));
        }
    }
}

/* What is to be done: each layer's outputs written, or gelu(first) times second. */
struct products {
    const struct linear *layers;
    const struct rows *outs;
    int64_t count, gated; /* of outs */
};

static void do_job(struct job job, struct rounded x, struct job then, const struct products *all) {
    int32_t sums[2][2][MOST * PANEL] __attribute__((aligned(64)));
    if (all->gated) {
        const struct job up = {job.w + 1, job.first, job.from, job.to};
        sum_block(job, x, up, sums[0]);
        sum_block(up, x, then, sums[1]);
        finish_gated(job, x, sums, all->outs);
    } else {
        sum_block(job, x, then, sums[0]);
        finish_block(job, x, sums[0], all->outs + (job.w - all->layers));
    }
}

/* Jobs are numbered: layer after layer, block after block, part of the rows after part. */
struct plan {
    int64_t blocks, part, cuts, jobs; /* blocks of all layers */
};

static int64_t blocks_of(const struct linear *w) { return (w->outputs + BLOCK - 1) / BLOCK; }

static struct plan plan_of(const struct products *all, int64_t rows, int threads) {
    struct plan plan = {0};
    for (int64_t i = 0; i < all->count; i++) plan.blocks += blocks_of(all->layers + i);
    /* Rows in as many parts as keep all threads busy, each some tiles long. */
    const int64_t wanted = (4 * threads + plan.blocks - 1) / plan.blocks;
    const int64_t tiles = (rows + TILE - 1) / TILE, share = (tiles + wanted - 1) / wanted;
    plan.part = share * TILE < MOST ? share * TILE : MOST;
    plan.cuts = (rows + plan.part - 1) / plan.part;
    plan.jobs = plan.blocks * plan.cuts;
    return plan;
}

/* One behind the last has no outputs. */
static struct job job_of(const struct products *all, struct plan plan, int64_t number,
                         int64_t rows) {
    const int64_t from = number % plan.cuts * plan.part, to = from + plan.part;
    struct job job = {all->layers, number / plan.cuts * BLOCK, from, to < rows ? to : rows};
    if (number >= plan.jobs) {
        job.first = job.w->outputs;
        return job;
    }
    for (; job.first >= blocks_of(job.w) * BLOCK; job.w++) job.first -= blocks_of(job.w) * BLOCK;
    return job;
}

static void do_jobs(const struct products *all, struct plan plan, struct rounded x, int64_t rows,
                    int64_t *taken) {
    int64_t number;
#pragma omp atomic capture
    number = (*taken)++;
    while (number < plan.jobs) {
        int64_t then;
        /* Early, so that its weights can be called for. */
#pragma omp atomic capture
        then = (*taken)++;
        do_job(job_of(all, plan, number, rows), x, job_of(all, plan, then, rows), all);
        number = then;
    }
}

/* outs[i] = x * weight^T + bias of so many layers; or, where `gated`, the one out is gelu of the
 * first's times the second's, which have no biases. The layers have the same inputs, which are
 * `padded` to whole 64s, or to whole groups of four bits. Room is needed for `bytes`, whole tiles of
 * rows of those, and for the scale and sum of each row. */
void matrix_products(const struct linear *layers, void *const *outs, int64_t count, void *x,
                     int8_t *bytes, float *x_scale, int32_t *x_sums, int64_t rows, int64_t padded,
                     int64_t half_in, int64_t half_out, int64_t gated, int threads) {
    struct rows to[MOST_LAYERS];
    for (int64_t i = 0; i < count; i++) to[i] = (struct rows){outs[i], rows, half_out};
    const struct rows from = {x, rows, half_in};
    const struct rounded whole = {bytes, x_scale, x_sums, padded};
    const struct products all = {layers, to, count, gated};
    const struct plan plan = plan_of(&all, rows, threads);
    int64_t taken = 0;
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(static)
        for (int64_t r = 0; r < rows; r++) round_row(&from, r, layers->inputs, whole);
        do_jobs(&all, plan, whole, rows, &taken);
    }
}

#ifdef __AVX512VBMI__
const int multiplies_int4 = 1;
#endif
#endif
