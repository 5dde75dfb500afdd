# SPDX-License-Identifier: Apache-2.0
"""A program as C that compiles with gcc and runs alone, and as the line that repeats it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

from vmalab_diff.compare import Comparison, shown
from vmalab_diff.encoding import F_ADD_SEALS, PR_SET_MDWE, hard_limit
from vmalab_diff.operations import BY_NAME, PARAMS
from vmalab_diff.program import ARENAS, Op, Param, Place, render
from vmalab_diff.real import OPENED, SIZES
from vmalab_native import flags
from vmalab_native.texts import lines_of

_HEAD: Final = """\
// SPDX-License-Identifier: Apache-2.0
// Made by `vmalab diff`. Build and run: gcc -w -o program program.c && ./program
// Each line says what the kernel answers; run it to see whether yours does.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

%(defines)sstatic struct shared { volatile int turn; volatile long answer[4096]; } *shared;
static int files[%(files)d];
static unsigned long brk_start;
static sigjmp_buf back;
static volatile int last_code;

static void on_signal(int number, siginfo_t *info, void *context)
{
	last_code = info->si_code;
	siglongjmp(back, number);
}

static void report(int op, const char *what, long value)
{
	shared->answer[op] = value;
	if (value < 0 && value > -4096)
		printf("%%3d %%s = -1 %%s\\n", op, what, strerrorname_np(-value));
	else
		printf("%%3d %%s = %%#lx\\n", op, what, value);
	fflush(stdout);
}

/* The answer of an operation where it is an address, else the first arena. */
static unsigned long answer(int op)
{
	unsigned long value = shared->answer[op];
	return value == 0 || value > -4096UL ? %(arena)#xUL : value;
}

#define CALL(op, what, ...)                                     \\
	do {                                                    \\
		long r_ = syscall(__VA_ARGS__);                 \\
		report(op, what, r_ == -1 ? -errno : r_);       \\
	} while (0)
#define TOUCH(op, what, expression)                                             \\
	do {                                                                    \\
		int s_ = sigsetjmp(back, 1);                                    \\
		if (s_ == 0)                                                    \\
			report(op, what, (long)(expression));                   \\
		else                                                            \\
			printf("%%3d %%s: signal %%d code %%d\\n", op, what, s_, last_code); \\
		fflush(stdout);                                                 \\
	} while (0)

/* Which of them are effective from here on. */
enum { CAP_IPC_LOCK = 1, CAP_SYS_RAWIO = 2, CAP_SYS_ADMIN = 4 };
static long capabilities(unsigned bits)
{
	unsigned header[2] = {0x20080522, 0}, sets[6], number[] = {14, 17, 21};
	syscall(SYS_capget, header, sets);
	for (int i = 0; i < 3; i++)
		sets[0] = sets[0] & ~(1u << number[i]) | (bits >> i & 1) << number[i];
	return syscall(SYS_capset, header, sets) ? -errno : 0;
}

static int uffds[2];
static void open_uffd(int i)
{
	unsigned long api[3] = {0xaa, i ? 1UL << 7 : 1UL << 7 | 1UL << 13, 0};
	uffds[i] = syscall(323, 1);
	ioctl(uffds[i], 0xc018aa3fUL, api);
}
static void open_uffds(void)
{
	open_uffd(0);
	open_uffd(1);
}
/* back: the word of the struct that counts bytes, from 1; 0: none */
#define UFFD(op, what, uffd, request, back, ...)                                    \\
	do {                                                                        \\
		unsigned long w_[6] = {__VA_ARGS__};                                \\
		long r_ = ioctl(uffds[uffd], request, w_);                          \\
		report(op, what, r_ == -1 ? -errno : back ? (long)w_[back - 1] : 0); \\
	} while (0)

static void maps(void)
{
	char line[512];
	FILE *in = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof(line), in))
		fputs(line, stdout);
	fclose(in);
}

static int open_again(int file, int how)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%%d", file);
	return open(path, how);
}

static void turn(int op)
{
	while (shared->turn != op)
		usleep(100);
}

"""
_MAIN: Final = """\
int main(void)
{
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
	long sizes[] = {%(sizes)s};

	setvbuf(stdout, NULL, _IONBF, 0);
	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < %(sizes_count)d; i++) {
		files[i] = memfd_create("diff", MFD_ALLOW_SEALING);
		ftruncate(files[i], sizes[i]);
	}
%(opened)s
	brk_start = syscall(SYS_brk, 0) + 4095 & -4096UL;
	open_uffds();
	process0();
	maps();
	while (wait(NULL) > 0)
		;
	return 0;
}
"""


def _c_place(place: Place, numbers: dict[int, int]) -> str:
    if place.kind == "a":
        return f"{ARENAS[place.number] + place.offset:#x}UL"
    if place.kind == "brk":
        return f"brk_start + {place.offset:#x}"
    if place.kind == "@":
        number = numbers.get(place.number)
        base = f"{ARENAS[0]:#x}UL" if number is None else f"answer({number})"
        return f"{base} + {place.offset:#x}" if place.offset else base
    return f"{place.offset:#x}UL" if place.offset else "0UL"


def _c_arg(param: Param, arg: object, numbers: dict[int, int]) -> str:
    if isinstance(arg, Place):
        return _c_place(arg, numbers)
    if isinstance(arg, bytes):
        return '"' + "".join(f"\\x{byte:02x}" for byte in arg) + '"'
    assert isinstance(arg, int)
    if param.kind == "file":
        return f"files[{arg}]" if arg >= 0 else str(arg)
    if param.kind == "flags" and param.names is not None:
        zero = next((name for name, bit in param.names.items() if bit == 0), "0")
        text = flags.render_flags(arg, param.names, unknown="", zero=zero)
        return text.split(" /*")[0].replace("|", " | ")
    if param.kind == "choice" and param.names is not None:
        return flags.render_choice(arg, param.names, unknown="").split(" /*")[0]
    return f"{arg:#x}UL" if arg > 9 else str(arg)


def _uffd_statement(index: int, op: Op, args: Sequence[str]) -> str:
    numbers = [arg if isinstance(arg, int) else 0 for arg in op.args]
    call = BY_NAME[op.name].real(numbers)
    words = list(args[1:])
    if op.name in ("uffd_copy", "uffd_move"):
        words[:2] = words[1::-1]  # the struct has the destination first
    back = int.from_bytes(call.data[:8], "little")
    return f'UFFD({index}, "{op.name}", {args[0]}, {call.nr:#x}UL, {back}, {", ".join(words)});'


def _statement(index: int, op: Op, numbers: dict[int, int]) -> str:
    row = BY_NAME[op.name]
    args = [_c_arg(p, a, numbers) for p, a in zip(row.params, op.args, strict=True)]
    what = f'"{op.name}"'
    match op.name:
        case "read":
            return f"TOUCH({index}, {what}, *(volatile long *)({args[0]}));"
        case "write":
            return f"TOUCH({index}, {what}, *(volatile long *)({args[0]}) = {args[1]});"
        case "exec":
            return (
                f"TOUCH({index}, {what}, (((void (*)(void))({args[0]}))(), 0)); "
                "/* the page must hold a return */"
            )
        case "uffd_close":
            return f"close(uffds[{args[0]}]); open_uffd({args[0]});"
        case name if name.startswith("uffd_"):
            return _uffd_statement(index, op, args)
        case "fork":
            return f"if (fork() == 0) {{ open_uffds(); process{args[0]}(); _exit(0); }}"
        case "exit":
            return f"shared->turn = {index + 1}; _exit(0);"
        case "setrlimit" if isinstance(op.args[0], int):
            limit = f"{{{args[1]}, {hard_limit(op.args[0]):#x}UL}}"
            call = f"CALL({index}, {what}, SYS_prlimit64, 0, {args[0]}, limit, 0);"
            return f"{{ unsigned long limit[2] = {limit}; {call} }}"
        case "process_madvise":
            first, size, second, second_size, advice, count = args
            ranges = f"{{{first}, {size}, {second}, {second_size}}}"
            call = f"SYS_process_madvise, self, ranges, {count}, {advice}, 0"
            return (
                f"{{ unsigned long ranges[4] = {ranges}; int self = "
                f"syscall(SYS_pidfd_open, getpid(), 0); CALL({index}, {what}, {call}); "
                "close(self); }"
            )
        case "capset":
            return f"report({index}, {what}, capabilities({args[0]}));"
        case "mdwe":
            return f"CALL({index}, {what}, SYS_prctl, {PR_SET_MDWE}, {args[0]}, 0UL, 0UL, 0UL);"
        case "add_seals":
            return f"CALL({index}, {what}, SYS_fcntl, {args[0]}, {F_ADD_SEALS}, {args[1]});"
        case "mincore":
            call = f"CALL({index}, {what}, SYS_mincore, {', '.join(args)}, vector);"
            return f"{{ unsigned char vector[64]; {call} }}"
        case _:
            return f"CALL({index}, {what}, {', '.join([f'SYS_{row.known or op.name}', *args])});"


def _defines(program: Sequence[Op]) -> str:
    """Constants that the headers of an older C library do not have."""
    used: dict[str, int] = {}
    for op in program:
        for param, arg in zip(PARAMS[op.name], op.args, strict=True):
            if param.kind in ("flags", "choice") and param.names and isinstance(arg, int):
                text = _c_arg(param, arg, {})
                used |= {name: bit for name, bit in param.names.items() if name in text}
    used = {name: bit for name, bit in used.items() if not name.startswith("CAP_")}
    lines = [f"#ifndef {name}\n#define {name} {bit:#x}\n#endif\n" for name, bit in used.items()]
    return "".join([*lines, "\n"] if lines else [])


def c_source(program: Sequence[Op], comparison: Comparison) -> str:
    """The program as C, with the kernel's answers as comments."""
    numbers = {op.uid: index for index, op in enumerate(program)}
    answers = {
        step.op: shown(program[step.op], outcome)
        for step, outcome in zip(comparison.steps, comparison.real.outcomes, strict=True)
        if step.op >= 0
    }
    processes = sorted({op.process for op in program} | {0})
    many = len(processes) > 1
    bodies: list[str] = [f"static void process{number}(void);" for number in processes]
    found = comparison.difference
    for number in processes:
        lines = [f"static void process{number}(void)", "{"]
        for index, op in enumerate(program):
            if op.process != number:
                continue
            if many:
                lines.append(f"\tturn({index});")
            lines.append(f"\t{_statement(index, op, numbers)} /* {answers.get(index, '')} */")
            if found and found.op == index and found.what == "answer":
                lines.append(f"\t/* here vmalab said {found.vmalab} */")
            if many:
                lines.append(f"\tshared->turn = {index + 1};")
        if many:
            lines.append(f"\tturn({len(program)});")
        bodies.append("\n".join([*lines, "}"]))
    opened = [
        f"\tfiles[{len(SIZES) + n}] = open_again(files[{file}], {how});"
        for n, (file, how) in enumerate(OPENED)
    ]
    values = {
        "files": len(SIZES) + len(OPENED),
        "sizes_count": len(SIZES),
        "opened": "\n".join(opened),
        "arena": ARENAS[0],
        "defines": _defines(program),
        "sizes": ", ".join(map(str, SIZES)),
    }
    text = _HEAD % values + "\n\n".join(bodies) + "\n\n" + _MAIN % values
    if found and found.what != "answer":
        text += _maps_comment(found.kernel, found.vmalab)
    return text


def _maps_comment(kernel: str, vmalab: str) -> str:
    rows = ["/* The maps differ. Kernel:", *lines_of(kernel), "vmalab:", *lines_of(vmalab)]
    return "\n" + "\n * ".join(rows) + "\n */\n"


def repeat_line(program: Sequence[Op], *, model: str = "") -> str:
    """The command that runs exactly this program again."""
    words = ["vmalab", "diff", "--program", shlex.quote(render(program, PARAMS))]
    if model:
        words += ["--model", model]
    return " ".join(words)
