/* Math functions in single precision.  C89 has none; every C library has them but
 * AVR's, whose double is a float. */
#ifndef MNC_EXPF
#if defined(__GNUC__) && !defined(__AVR__)
#define MNC_EXPF(x) __builtin_expf(x)
#elif !defined(__AVR__) && (defined(__cplusplus) || (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L))
#define MNC_EXPF(x) expf(x)
#else
#define MNC_EXPF(x) ((float)exp((double)(x)))
#endif
#endif

#ifndef MNC_TANHF
#if defined(__GNUC__) && !defined(__AVR__)
#define MNC_TANHF(x) __builtin_tanhf(x)
#elif !defined(__AVR__) && (defined(__cplusplus) || (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L))
#define MNC_TANHF(x) tanhf(x)
#else
#define MNC_TANHF(x) ((float)tanh((double)(x)))
#endif
#endif

#ifndef MNC_LOG1PF
#if defined(__GNUC__) && !defined(__AVR__)
#define MNC_LOG1PF(x) __builtin_log1pf(x)
#elif !defined(__AVR__) && (defined(__cplusplus) || (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L))
#define MNC_LOG1PF(x) log1pf(x)
#else
#define MNC_LOG1PF(x) ((float)log(1.0 + (double)(x)))
#endif
#endif

#ifndef MNC_EXPM1F
#if defined(__GNUC__) && !defined(__AVR__)
#define MNC_EXPM1F(x) __builtin_expm1f(x)
#elif !defined(__AVR__) && (defined(__cplusplus) || (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L))
#define MNC_EXPM1F(x) expm1f(x)
#else
#define MNC_EXPM1F(x) ((float)(exp((double)(x)) - 1.0))
#endif
#endif

#ifndef MNC_ERFF
#if defined(__GNUC__) && !defined(__AVR__)
#define MNC_ERFF(x) __builtin_erff(x)
#else
#define MNC_ERFF(x) erff(x)
#endif
#endif

#ifndef MNC_SQRTF
#if defined(__GNUC__) && !defined(__AVR__)
#define MNC_SQRTF(x) __builtin_sqrtf(x)
#elif !defined(__AVR__) && (defined(__cplusplus) || (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L))
#define MNC_SQRTF(x) sqrtf(x)
#else
#define MNC_SQRTF(x) ((float)sqrt((double)(x)))
#endif
#endif

#ifndef MNC_LOGF
#if defined(__GNUC__) && !defined(__AVR__)
#define MNC_LOGF(x) __builtin_logf(x)
#elif !defined(__AVR__) && (defined(__cplusplus) || (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L))
#define MNC_LOGF(x) logf(x)
#else
#define MNC_LOGF(x) ((float)log((double)(x)))
#endif
#endif

#ifndef MNC_SINF
#if defined(__GNUC__) && !defined(__AVR__)
#define MNC_SINF(x) __builtin_sinf(x)
#elif !defined(__AVR__) && (defined(__cplusplus) || (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L))
#define MNC_SINF(x) sinf(x)
#else
#define MNC_SINF(x) ((float)sin((double)(x)))
#endif
#endif

#ifndef MNC_COSF
#if defined(__GNUC__) && !defined(__AVR__)
#define MNC_COSF(x) __builtin_cosf(x)
#elif !defined(__AVR__) && (defined(__cplusplus) || (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L))
#define MNC_COSF(x) cosf(x)
#else
#define MNC_COSF(x) ((float)cos((double)(x)))
#endif
#endif

#ifndef MNC_FLOORF
#if defined(__GNUC__) && !defined(__AVR__)
#define MNC_FLOORF(x) __builtin_floorf(x)
#elif !defined(__AVR__) && (defined(__cplusplus) || (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L))
#define MNC_FLOORF(x) floorf(x)
#else
#define MNC_FLOORF(x) ((float)floor((double)(x)))
#endif
#endif

#ifndef MNC_POWF
#if defined(__GNUC__) && !defined(__AVR__)
#define MNC_POWF(x, y) __builtin_powf(x, y)
#elif !defined(__AVR__) && (defined(__cplusplus) || (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L))
#define MNC_POWF(x, y) powf(x, y)
#else
#define MNC_POWF(x, y) ((float)pow((double)(x), (double)(y)))
#endif
#endif
