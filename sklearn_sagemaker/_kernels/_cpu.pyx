# cython: language_level=3, freethreading_compatible=True
"""Which instruction-set levels this processor has."""

cdef extern from *:
    """
    #if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    static int ss_has_v3(void) {
      __builtin_cpu_init();
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
             __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    }
    static int ss_has_v4(void) {
      return ss_has_v3() && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    }
    #else
    static int ss_has_v3(void) { return 0; }
    static int ss_has_v4(void) { return 0; }
    #endif
    """
    int ss_has_v3()
    int ss_has_v4()


def supported_levels():
    """Levels that this processor runs, the lowest first."""
    levels = ["base"]
    if ss_has_v3():
        levels.append("v3")
    if ss_has_v4():
        levels.append("v4")
    return tuple(levels)
