"""Names that C, C++ and their libraries have taken: a network called so would not build, or hide a header.

The declared names were collected from compilers; `tests/backends/test_taken_names.py` finds what is missing.
"""

from __future__ import annotations

import re

_KEYWORDS = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t char8_t class
    co_await co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype
    default delete do double dynamic_cast else enum explicit export extern false float for friend goto if import
    inline int long main module mutable namespace new noexcept not not_eq NULL nullptr operator or or_eq private
    protected public register reinterpret_cast requires restrict return short signed sizeof static static_assert
    static_cast struct switch template this thread_local throw true try typedef typeid typename typeof union
    unsigned using virtual void volatile while xor xor_eq
"""
KEYWORDS = frozenset(_KEYWORDS.split())
"""The keywords of every C and C++, `main`, and NULL."""

PREDEFINED = frozenset(["hpux", "i386", "linux", "m68k", "mips", "pdp11", "sgi", "sparc", "sun", "unix", "vax"])
"""Macros in small letters that compilers of C and C++ define where they are not told to be strict."""

_HEADERS = """
    aio alloca ar argz arm_nn_compiler arm_nn_math_types arm_nn_tables arm_nn_types arm_nnfunctions
    arm_nnsupportfunctions assert byteswap cmsis_compiler complex cpio crypt ctype devctl dirent dlfcn elf
    endian envz err errno error execinfo fastmath fcntl features fenv float fmtmsg fnmatch ftw getopt glob grp
    iconv inttypes iso646 langinfo libgen libintl limits link locale malloc math mcheck memory mntent monetary
    mqueue ndbm netdb newlib nl_types paths poll printf process pthread pty pwd reent regdef regex resolv sched
    search semaphore setjmp sgtty shadow signal spawn stab stdalign stdarg stdatomic stdbit stdbool stdckdint
    stddef stdint stdio stdlib stdmchar stdnoreturn string strings stropts syscall sysexits syslimits syslog tar
    termio termios tgmath threads time trace uchar ucontext ulimit unctrl unistd unwind ustat utime utmp utmpx
    values varargs wait wchar wctype wordexp

    algorithm any array atomic auto_ptr backward_warning barrier binders bit bitset cassert ccomplex cctype
    cerrno cfenv cfloat charconv chrono cinttypes ciso646 climits clocale cmath codecvt compare complex concepts
    condition_variable contracts coroutine csetjmp csignal cstdalign cstdarg cstdbool cstddef cstdint cstdio
    cstdlib cstring ctgmath ctime cuchar cwchar cwctype cxxabi debugging deque exception execution expected
    filesystem flat_map flat_set format forward_list fstream functional future generator hash_fun hash_map
    hash_set hashtable hazard_pointer hive initializer_list inplace_vector iomanip ios iosfwd iostream istream
    iterator latch limits linalg list locale map mdspan memory memory_resource meta mutex new numbers numeric
    optional ostream print queue random ranges ratio rcu regex scoped_allocator semaphore set shared_mutex simd
    source_location span spanstream sstream stack stacktrace stdexcept stdfloat stop_token streambuf string
    string_view strstream syncstream system_error text_encoding thread tuple type_traits typeindex typeinfo
    unordered_map unordered_set utility valarray variant vector version

    abi arduino arduinoble binary bridge cdc client console dht eeprom ethernet firmata gsm hardwareserial hid
    hooks ipaddress keyboard liquidcrystal main mouse pins_arduino pluggableusb print printable robot scheduler
    sd server servo softwareserial spi stepper stream string tft tone udp usb usbapi usbcore usbdesc wcharacter
    wifi wifinina winterrupts wire wiring wiring_private wmath wprogram wstring
"""
HEADERS = frozenset(_HEADERS.split())
"""Headers without their ending, in small letters: of C, POSIX and C libraries; of C++; of Arduino."""

_DECLARED = """
    a64l abort abs access acct acos acosh adjtime alarm aligned_alloc alloca analogInPinToBit
    analogInputToDigitalPin analogRead analogReference analogWrite arc4random arc4random_buf arc4random_uniform
    Arduino_h asctime asin asinh asiprintf asniprintf asnprintf asprintf assert assert_perror at_quick_exit atan
    atan2 atanh atexit atof atoi atol attachInterrupt basename bcmp bcopy be16toh be32toh be64toh Binary_h
    bintime bintime2timespec bintime2timeval bintime_add bintime_addx bintime_clear bintime_cmp bintime_isset
    bintime_mul bintime_shift bintime_sub bit bit_is_clear bit_is_set bitClear bitRead bitSet bitToggle bitWrite
    blkcnt64_t blkcnt_t blksize_t boolean brk bsearch btowc bttosbt byte bzero c16rtomb c32rtomb c8rtomb cabs
    cacos cacosh caddr_t call_once calloc canonicalize canonicalize_file_name carg casin casinh catan catanh
    cbrt ccos ccosh ceil cexp cfree Character_h chdir chmod chown chroot cimag clearenv clearerr clearerror cli
    clock clock_adjtime clock_getcpuclockid clock_getres clock_gettime clock_nanosleep clock_settime clock_t
    clockCyclesPerMicrosecond clockCyclesToMicroseconds clockid_t clog clone close close_range closefrom
    comparison_fn_t complex confstr conj constrain cookie_close_function_t cookie_io_functions_t
    cookie_read_function_t cookie_seek_function_t cookie_write_function_t copy_file_range copysign cos cosh cpow
    cproj cpu_set_t creal creat crypt csin csinh csqrt ctan ctanh ctermid ctime cuserid daddl daddr_t daemon
    daylight daylight_seconds ddivl degrees delay delayMicroseconds detachInterrupt dev_t dfmal difftime
    digital_pin_to_bit_mask_PGM digital_pin_to_port_PGM digital_pin_to_timer_PGM digitalPinHasPWM
    digitalPinToBitMask digitalPinToInterrupt digitalPinToPCICR digitalPinToPCICRbit digitalPinToPCMSK
    digitalPinToPCMSKbit digitalPinToPort digitalPinToTimer digitalRead digitalWrite diprintf dirname div div_t
    dmull double_t dprintf drand48 drand48_data drem dsqrtl dsubl dtostre dtostrf dup dup2 dup3 duplocale dysize
    eaccess ecvt eflock endgrent endorder endpwent endusershell entry environ equation_of_time erand48 erf erfc
    errno error_t euidaccess execl execle execlp execlpe execv execve execveat execvp execvpe exit exp exp10
    exp2 explicit_bzero expm1 fabs faccessat fadd fast_putc fatfs_time fchdir fchmod fchmodat fchown fchownat
    fclose fcloseall fcntl fcvt fd_mask fd_set fdatasync fdev_close fdev_get_udata fdev_set_udata
    fdev_setup_stream fdevopen fdim fdiv fdopen feclearexcept fedisableexcept feenableexcept fegetenv
    fegetexcept fegetexceptflag fegetmode fegetround feholdexcept femode_t fenv_t feof feraiseexcept ferror
    fesetenv fesetexcept fesetexceptflag fesetmode fesetround fetestexcept fetestexceptflag feupdateenv
    fexcept_t fexecve fflush ffma ffs fgetc fgetpos fgets fgetwc fgetws fileno finite fiprintf fiscanf float_t
    flock flockfile floor fls fma fmax fmaximum fmaximum_mag fmaximum_mag_num fmaximum_num fmaxmag fmemopen fmin
    fminimum fminimum_mag fminimum_mag_num fminimum_num fminmag fmod fmul fnmatch fopen fopencookie fork
    fpathconf fpclassify fpos64_t fpos_t fpregset_t fprintf fpurge fputc fputs fputwc fputws fread free
    freelocale freopen frexp fromfp fromfpx fropen fsblkcnt64_t fsblkcnt_t fscanf fseek fseeko fsetpos
    fsfilcnt64_t fsfilcnt_t fsid_t fsqrt fstat fstatat fsub fsync ftell ftello ftruncate ftrylockfile
    funlockfile funopen futimens futimes fwide fwopen fwprintf fwrite fwscanf gamma gcvt get_current_dir_name
    getc getchar getcpu getcwd getdate getdate_err getdelim getdomainname getdtablesize getegid getentropy
    getenv geteuid getgid getgrent getgrgid getgrnam getgroups gethostid gethostname getitimer getline
    getloadavg getlogin getopt getpagesize getpass getpayload getpeereid getpgid getpgrp getpid getppid getpt
    getpwent getpwnam getpwuid getresgid getresuid getrusage gets getsid getsubopt gettid gettimeofday getuid
    getusershell getw getwc getwchar getwd gid_t glob glob_t globfree gm_sidereal gmtime grantpt greg_t
    gregset_t group group_member gsignal HardwareSerial HardwareSerial_h hcreate hdestroy highByte hsearch
    hsearch_data htobe16 htobe32 htobe64 htole16 htole32 htole64 hypot iconv iconv_close iconv_open iconv_t id_t
    ilogb imaxabs imaxdiv imaxdiv_t in_addr_t in_port_t index infinity init initgroups initstate initVariant
    ino64_t ino_t int16_t int32_t int64_t int8_t int_farptr_t int_fast16_t int_fast32_t int_fast64_t int_fast8_t
    int_least16_t int_least32_t int_least64_t int_least8_t interrupts intmax_t intptr_t iprintf iruserok
    is_leap_year isalnum isAlpha isalpha isAlphaNumeric isAscii isascii isatty isblank iscanf iscanonical
    iscntrl isControl isctype isDigit isdigit iseqsig isfinite isGraph isgraph isgreater isgreaterequal
    isHexadecimalDigit isinf isless islessequal islessgreater islower isLowerCase isnan isnormal iso_week_date
    isotime isprint isPrintable isPunct ispunct issetugid issignaling isSpace isspace issubnormal isunordered
    isupper isUpperCase iswalnum iswalpha iswblank iswcntrl iswctype iswdigit iswgraph isWhitespace iswlower
    iswprint iswpunct iswspace iswupper iswxdigit isxdigit iszero itimerspec itimerval itoa j0 j1 jmp_buf jn
    jrand48 key_t kill killpg l64a L_ctermid L_cuserid L_tmpnam labs lchown lcong48 lconv ldexp ldiv ldiv_t
    le16toh le32toh le64toh leaf lgamma link linkat llabs lldiv lldiv_t llogb llrint llround lm_sidereal
    locale_t localeconv localtime lockf lockf64 loff_t log log10 log1p log2 logb longjmp LookaheadMode loop
    loop_until_bit_is_clear loop_until_bit_is_set lowByte lrand48 lrint lround lseek ltoa lutimes makeWord
    mallinfo malloc malloc_stats malloc_trim malloc_usable_size mallopt math_errhandling max max_align_t mblen
    mbrlen mbrtoc16 mbrtoc32 mbrtoc8 mbrtowc mbsinit mbsnrtowcs mbsrtowcs mbstate_t mbstowcs mbtowc mcontext_t
    memalign memccpy memchr memcmp memcpy memfrob memmem memmove mempcpy memrchr memset micros
    microsecondsToClockCycles millis min mk_gmtime mkdir mkdirat mkdtemp mkfifo mkfifoat mknodat mkostemp
    mkostemps mkstemp mkstemps mktemp mktime mode_t modf month_length moon_phase mrand48 mstats mstosbt nan
    nanosleep nearbyint newlocale nextafter nextdown nexttoward nextup nice nl_item nl_langinfo nlink_t
    noInterrupts noTone nrand48 nstosbt nullptr_t obstack_printf obstack_vprintf off64_t off_t offsetof on_exit
    once_flag open open_memstream open_wmemstream openat optarg opterr optind optopt optreset P_tmpdir passwd
    pathconf pause pclose perror physadr pid_t pinMode Pins_Arduino_h pipe pipe2 popen port_to_input_PGM
    port_to_mode_PGM port_to_output_PGM portInputRegister portModeRegister portOutputRegister postorder pow
    pread preorder Print Print_h Printable Printable_h printf profil program_invocation_name
    program_invocation_short_name pselect psiginfo psignal ptrdiff_t ptsname pulseIn pulseInLong putc putchar
    putenv puts putw putwc putwchar pvalloc pwrite qecvt qfcvt qgcvt qsort quad quad_t quick_exit radians raise
    rand random random_data randomSeed rawmemchr read readlink readlinkat realloc reallocarray realpath
    register_t remainder remove remquo rename renameat renameat2 reti revoke rewind rindex rint rmdir round
    roundeven rpmatch rresvport rusage ruserok rx_buffer_index_t sa_handler sa_sigaction sbintime_getsec
    sbintime_t sbrk sbttobt sbttoms sbttons sbttots sbttotv sbttous scalb scalbln scalbn scanf secure_getenv
    seed48 sei select Serial serialEventRun set_dst set_position set_system_time set_zone setbuf setbuffer
    setdomainname setdtablesize setegid setenv seteuid setgid setgrent setgroups sethostid sethostname setitimer
    setjmp setlinebuf setlocale setlogin setns setpassent setpayload setpayloadsig setpgid setpgrp setpwent
    setregid setresgid setresuid setreuid setsid setstate settimeofday setuid setup setusershell setvbuf shiftIn
    shiftOut si_addr si_addr_lsb si_arch si_band si_call_addr si_fd si_int si_lower si_overrun si_pid si_pkey
    si_ptr si_status si_stime si_syscall si_timerid si_uid si_upper si_utime si_value sig_atomic_t sig_t
    sigabbrev_np sigaction sigaddset sigaltstack sigandset sigblock sigcontext sigdelset sigdescr_np sigemptyset
    sigev_notify_attributes sigev_notify_function sigevent sigevent_t sigfillset siggetmask sighandler_t sighold
    sigignore siginfo_t siginterrupt sigisemptyset sigismember sigjmp_buf siglongjmp sigmask signal signbit
    signgam significand sigorset sigpause sigpending sigprocmask sigqueue sigrelse sigreturn sigset sigset_t
    sigsetjmp sigsetmask sigstack sigsuspend sigtimedwait sigval sigval_t sigwait sigwaitinfo sin sincos sinh
    siprintf siscanf size_t sleep sniprintf snprintf socklen_t solar_declination solar_noon sprintf sq sqrt
    square squaref srand srand48 srandom sscanf ssignal ssize_t st_atime st_ctime st_mtime stack_t stat std
    stderr stdin stdout stpcpy stpncpy strcasecmp strcasestr strcat strchr strchrnul strcmp strcoll strcpy
    strcspn strdup strdupa Stream Stream_h strerror strerrordesc_np strerrorname_np strfromd strfromf
    strfromf128 strfromf32 strfromf32x strfromf64 strfromf64x strfroml strfry strftime String String_class_h
    StringSumHelper strlcat strlcpy strlen strlwr strncasecmp strncat strncmp strncpy strndup strndupa strnlen
    strnstr strpbrk strptime strrchr strrev strsep strsignal strspn strstr strtod strtof strtof128 strtof32
    strtof32x strtof64 strtof64x strtoimax strtok strtok_rP strtol strtold strtoq strtoul strtoumax strtouq
    strupr strverscmp strxfrm suboptarg sun_rise sun_set suseconds_t swab swprintf swscanf symlink symlinkat
    sync syncfs syscall sysconf system system_tick sysv_signal tan tanh tcgetpgrp tcsetpgrp tdelete tdestroy
    tempnam tfind tgamma tgkill time time_t timegm timelocal timer_create timer_delete timer_getoverrun
    timer_gettime timer_settime timer_t timeradd timerclear timercmp timerisset timersub times timespec
    timespec2bintime timespec_get timespec_getres timespecadd timespecclear timespeccmp timespecisset
    timespecsub timeval timeval2bintime timex timezone timingsafe_bcmp timingsafe_memcmp tm tmpfile tmpnam tms
    toAscii toascii tolower toLowerCase totalorder totalordermag toupper toUpperCase towctrans towlower towupper
    trunc truncate tsearch tstosbt ttyname ttyslot tvtosbt twalk tx_buffer_index_t tzname tzset u16 u32 u8
    u_char u_int u_int16_t u_int32_t u_int64_t u_int8_t u_long u_quad_t u_register_t u_short ualarm ucontext_t
    ufromfp ufromfpx uid_t uint uint16_t uint32_t uint64_t uint8_t uint_farptr_t uint_fast16_t uint_fast32_t
    uint_fast64_t uint_fast8_t uint_least16_t uint_least32_t uint_least64_t uint_least8_t uintmax_t uintptr_t
    ulong ultoa umask ungetc ungetwc unlink unlinkat unlockpt unsetenv unshare useconds_t uselocale ushort
    usleep ustosbt utimensat utimes utoa va_arg va_copy va_end va_list va_start valloc vasiprintf vasniprintf
    vasnprintf vasprintf vdiprintf vdprintf vfiprintf vfiscanf vfork vfprintf vfscanf vfwprintf vfwscanf vhangup
    viprintf viscanf vprintf vscanf vsiprintf vsiscanf vsniprintf vsnprintf vsprintf vsscanf vswprintf vswscanf
    vwprintf vwscanf wait waitpid wchar_t wcpcpy wcpncpy wcrtomb wcscasecmp wcscat wcschr wcschrnul wcscmp
    wcscoll wcscpy wcscspn wcsdup wcsftime wcslcat wcslcpy wcslen wcsncasecmp wcsncat wcsncmp wcsncpy wcsnlen
    wcsnrtombs wcspbrk wcsrchr wcsrtombs wcsspn wcsstr wcstod wcstof wcstof128 wcstof32 wcstof32x wcstof64
    wcstof64x wcstoimax wcstok wcstol wcstold wcstombs wcstoq wcstoul wcstoumax wcstouq wcswcs wcswidth wcsxfrm
    wctob wctomb wctrans wctrans_t wctype wctype_t wcwidth week_date week_of_month week_of_year wint_t wmemchr
    wmemcmp wmemcpy wmemmove wmempcpy wmemset word wordexp wordexp_t wordfree wprintf write wscanf y0 y1 yield
    yn
"""
DECLARED = frozenset(_DECLARED.split())
"""Names that C's headers declare in glibc, newlib and avr-libc, and Arduino.h, macros in capitals aside."""

_FAMILIES = re.compile(
    r"(?!\w*_net(?:_|$))(?:(?:PRI|SCN)[a-zX]\w*|M_[A-Z0-9]\w*|\w+_vect(?:_num)?|f\d+x?[a-z]+\d+x?"
    r"|(?:cnd|eeprom|mtx|pgm|posix|pthread|sched|thrd|tss)_\w+)"
)
"""Names that such headers declare by the dozen, none of them with the ending that makes a free name of a taken one."""
_VARIANT = re.compile(r"(?:f32x?|f64x?|f128|[fl]|_[lr]|_PF?|_unlocked|64)$")
"""The ending of a function that does a declared one's work for another type, or in another way."""


def declared(name: str) -> bool:
    """Whether a header of C or Arduino declares the name."""
    shorter = _VARIANT.sub("", name)
    return name in DECLARED or _FAMILIES.fullmatch(name) is not None or (shorter != name and declared(shorter))
