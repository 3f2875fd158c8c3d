# One spelling for both precisions of what _factors.h holds.

cdef extern from "_factors.h" nogil:
    double pairs_f32(ptrdiff_t, const float*, const int32_t*, const float*, ptrdiff_t,
                     ptrdiff_t, float*)
    double pairs_f64(ptrdiff_t, const double*, const int32_t*, const double*, ptrdiff_t,
                     ptrdiff_t, double*)
    void all_pairs_f32(ptrdiff_t, const float*, const int32_t*, const float*, ptrdiff_t,
                       ptrdiff_t, ptrdiff_t, float*, double*)
    void all_pairs_f64(ptrdiff_t, const double*, const int32_t*, const double*,
                       ptrdiff_t, ptrdiff_t, ptrdiff_t, double*, double*)
    void prefetch_strips_f32(ptrdiff_t, const int32_t*, const float*, ptrdiff_t,
                             ptrdiff_t)
    void prefetch_strips_f64(ptrdiff_t, const int32_t*, const double*, ptrdiff_t,
                             ptrdiff_t)
    void factor_row_f32(int, ptrdiff_t, const float*, const int32_t*, float*, float*,
                        const ptrdiff_t*, const float*, const float*, const float*,
                        const float*)
    void factor_row_f64(int, ptrdiff_t, const double*, const int32_t*, double*,
                        double*, const ptrdiff_t*, const double*, const double*,
                        const double*, const double*)
    void factor_apply_f32(int, ptrdiff_t, float*, const float*, ptrdiff_t,
                          const float*)
    void factor_apply_f64(int, ptrdiff_t, double*, const double*, ptrdiff_t,
                          const double*)
    void factor_gradient_f32(ptrdiff_t, const float*, const int32_t*, const int32_t*,
                             const float*, const ptrdiff_t*, const float*,
                             const float*, float*, float*)
    void factor_gradient_f64(ptrdiff_t, const double*, const int32_t*, const int32_t*,
                             const double*, const ptrdiff_t*, const double*,
                             const double*, double*, double*)
    void loss_f32(int, ptrdiff_t, float*, float, float, float, const float*,
                  const float*, const float*, float*)
    void loss_f64(int, ptrdiff_t, double*, double, double, double, const double*,
                  const double*, const double*, double*)
    void loss_softmax_f32(ptrdiff_t, ptrdiff_t, float*, ptrdiff_t, float, float,
                          float*, float*)
    void loss_softmax_f64(ptrdiff_t, ptrdiff_t, double*, ptrdiff_t, double, double,
                          double*, double*)
