/*
 * v6shim check: whether a preload reaches a command, and if not, why.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "keep.h"
#include "reach.h"

enum {
	NAME_SIZE = 2 * PATH_MAX * 4 + 8, /* two paths, every byte of them as \xNN */
	NAME_WIDTH = 90,                  /* longer ones stand out of line */
	GAP = 3,
};

static void help(void)
{
	puts("\n"
	     "A line for each file on the way: scripts by their interpreters, env by what it\n"
	     "starts, the library last; each \"ok\", or \"no\" and why. COMMAND is looked for and\n"
	     "followed as 'v6shim run' would start it, for this user; nothing of it is executed.\n"
	     "\n"
	     "What cannot be told from files: system calls that a program makes itself (Go "
	     "apart),\n"
	     "io_uring, calls inside libc, the programs that COMMAND starts, and AT_SECURE set by\n"
	     "SELinux, AppArmor or Smack. The load record of the log is the proof (log-level "
	     "all).\n"
	     "\n"
	     "Exit status 0: a preload reaches it; 3: it does not; 2: bad usage.");
}

struct line {
	const char *name, *what, *why;
	bool ok;
};

static struct line line_of(const struct v6_hop *hop)
{
	static char name[NAME_SIZE], why[V6_HOP_NOTE * 2];
	struct v6_text n = v6_text_in(name, sizeof(name)), w = v6_text_in(why, sizeof(why));

	v6_hop_name(&n, hop);
	v6_hop_why(&w, hop);
	return (struct line){
		.name = v6_keep_bytes(n.buf, n.len),
		.what = *hop->what ? hop->what : "-",
		.why = v6_keep_bytes(w.buf, w.len),
		.ok = !hop->obstacle,
	};
}

/* Characters, as far as a terminal gives each one column. */
static int width(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void column(const char *text, int wide)
{
	int rest = wide - width(text);

	printf("%s%*s", text, rest > 0 ? rest + GAP : GAP, "");
}

static void widen(int *wide, const char *text, int most)
{
	int w = width(text);

	if (w > *wide && w <= most)
		*wide = w;
}

static void print_lines(const struct line *lines, unsigned count)
{
	int name = 0, what = 0;

	for (unsigned i = 0; i < count; i++) {
		widen(&name, lines[i].name, NAME_WIDTH);
		widen(&what, lines[i].what, V6_HOP_WHAT);
	}
	for (unsigned i = 0; i < count; i++) {
		column(lines[i].name, name);
		column(lines[i].what, what);
		fputs(lines[i].ok ? "ok" : "no", stdout);
		printf("%s%s\n", *lines[i].why ? "   " : "", lines[i].why);
	}
}

static const char *safe(const char *name)
{
	static char buf[NAME_SIZE];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_text_safe(&t, name, strlen(name));
	return *buf ? buf : "''";
}

static void print_why_not(const struct v6_reach *r)
{
	static char buf[NAME_SIZE];
	struct v6_text why = v6_text_in(buf, sizeof(buf));
	const struct v6_obstacle_words *words = v6_obstacle_words(r->obstacle);
	bool starts = words->exit == V6_EXIT_UNREACHABLE || words->exit == V6_EXIT_USAGE;

	v6_reach_why(&why, r);
	if (starts)
		printf("a preload does not reach %s: %s\n", safe(r->name), buf);
	else
		printf("%s does not start: %s\n", safe(r->name), buf);
	for (unsigned i = 0; i < V6_INSTEAD_MAX && words->instead[i]; i++)
		printf("%-10s%s\n", i ? "" : "instead", words->instead[i]);
}

static void print_verdict(const struct v6_reach *r)
{
	if (r->obstacle)
		print_why_not(r);
	else if (r->shell_is_static)
		printf("a preload reaches what %s starts\n", safe(r->name));
	else
		printf("a preload reaches %s\n", safe(r->name));
	if (r->shell && !r->obstacle)
		puts("note      programs that a shell starts inherit the preload and the settings, "
		     "unless set-id, static or Go");
}

static int run(int argc, char **argv)
{
	static struct v6_reach r;
	struct line lines[V6_HOPS_MAX + 1];
	int first = argc > 1 && !strcmp(argv[1], "--") ? 2 : 1;

	if (first == 1 && argc > 1 && argv[1][0] == '-') {
		v6_complain("check: unknown option '%s'", argv[1]);
		return v6_command_usage(&v6_command_check);
	}
	if (first >= argc) {
		v6_complain("check: no command given");
		return v6_command_usage(&v6_command_check);
	}
	v6_reach(&r, argv + first);
	for (unsigned i = 0; i < r.hops; i++)
		lines[i] = line_of(&r.hop[i]);
	lines[r.hops] = line_of(&r.preload);
	print_lines(lines, r.hops + 1);
	print_verdict(&r);
	return r.obstacle ? V6_EXIT_UNREACHABLE : V6_EXIT_OK;
}

const struct v6_command v6_command_check = {
	.name = "check",
	.usage = "[--] COMMAND [ARGUMENT...]",
	.summary = "tell whether a preload reaches COMMAND, and if not, why",
	.main = run,
	.help = help,
};
