/* Features in stages, so that a team of threads steps them to the same bits as one
 * thread does one after the other. */
#ifndef SKLEARN_SAGEMAKER_STAGES_H
#define SKLEARN_SAGEMAKER_STAGES_H

#include "_barrier.h"

/* Entries of a feature for each part of its sums. What adds up does not follow the
 * threads: they may share the parts, or one takes all of them. */
#define SW_PART 2048

/* Features in order, in stages. One of n > 0 items has n ranges of features, of which
 * no two have rows in common; in one of 0 items a single feature is shared. The items
 * of all stages begin at the features `bounds`, and the last one ends where they do. */
typedef struct {
  ptrdiff_t n_stages;
  const int32_t *counts;
  const int64_t *bounds;
} sw_stages;

/* Where a thread of a team is: see _barrier.h. */
typedef struct {
  int64_t *barrier;
  ptrdiff_t member, members;
  int64_t stage, due;
  ptrdiff_t n, tried;
} sw_turn;

/* What a thread does of a call. `shared` is memory for what stages of one feature
 * share. `drawn`, unless NULL, is a barrier at which so many items arrived, in order,
 * as have their noise. The last three serve a thread that is alone. */
typedef struct {
  sw_stages stages;
  sw_turn turn;
  double *shared;
  int64_t *drawn;
  int32_t count;
  int64_t ends[2], barrier[BARRIER_SLOTS];
} sw_share;

/* All of d features, in one stage of one item. */
SS_INLINE void sw_alone(sw_share *share, ptrdiff_t d) {
  memset(share, 0, sizeof *share);
  share->count = 1;
  share->ends[1] = d;
  share->stages.n_stages = 1;
  share->stages.counts = &share->count;
  share->stages.bounds = share->ends;
  share->turn.members = 1;
  share->turn.barrier = share->barrier;
}

/* Waits for the noise of the item that begins at a bound; false if it will not come. */
SS_INLINE int sw_ready(const sw_share *share, const int64_t *bound) {
  const int64_t due = bound - share->stages.bounds + 1;
  return share->drawn == NULL || barrier_wait(share->drawn, due, 2);
}

/* The next item of the stage that is the caller's to do, or -1. Before the first one
 * a stage of n items begins. */
SS_INLINE void sw_begin(sw_turn *turn, ptrdiff_t n) {
  turn->stage++;
  turn->due += n;
  turn->n = n;
  turn->tried = 0;
}
SS_INLINE ptrdiff_t sw_take(sw_turn *turn) {
  while (turn->tried < turn->n) {
    const ptrdiff_t own = turn->member * turn->n / turn->members;
    const ptrdiff_t item = (own + turn->tried++) % turn->n;
    if (barrier_claim(turn->barrier, item, turn->stage)) return item;
  }
  return -1;
}
SS_INLINE void sw_done(sw_turn *turn) { barrier_arrive(turn->barrier, turn->due); }
/* All items are done; false if the barrier is broken. */
SS_INLINE int sw_end(sw_turn *turn) {
  return barrier_wait(turn->barrier, turn->due, turn->members);
}

/* Parts of n entries, or rows, and where one begins. */
SS_INLINE ptrdiff_t sw_parts(ptrdiff_t n) {
  const ptrdiff_t parts = n / SW_PART;
  return parts < 1 ? 1 : parts > BARRIER_ITEMS ? BARRIER_ITEMS : parts;
}
SS_INLINE int64_t sw_cut(int64_t start, int64_t stop, ptrdiff_t parts, ptrdiff_t part) {
  return start + (stop - start) * part / parts;
}

/* Marks the features at which a run begins: from there up to the next one no two have
 * a row in common. `last` has a number for each row, at first -1. */
SS_NOINLINE void sw_runs(ptrdiff_t d, const int64_t *indptr, const int32_t *rows,
                         int32_t *last, int8_t *begins) {
  ptrdiff_t start = 0;
  for (ptrdiff_t j = 0; j < d; j++) {
    int met = 0;
    for (int64_t at = indptr[j]; at < indptr[j + 1]; at++) {
      met |= last[rows[at]] >= start;
      last[rows[at]] = (int32_t)j;
    }
    if (met) start = j;
    begins[j] = start == j;
  }
}

#endif
