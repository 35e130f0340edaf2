/*
 * oracle - random programs of sockets, bare and under the library: no bind or listen is lost, none gained.
 *
 * usage: oracle [-n PROGRAMS] [-s SEED] [-o INDEX] [-m MOST] LIBRARY
 *
 * LIBRARY is libv6shim.so, or "bare". -o tries the program of that index alone, -m ends after that many
 * failing programs (10). To be run as root in a network namespace of its own; each few thousand
 * programs it makes another one.
 *
 * A program is up to 24 steps (oracle.h) of up to three processes. It is made under the library, and
 * what its calls gave there, and the V6ONLY and SO_REUSEPORT that they left, are the state in which
 * the kernel is then asked, bare, about each call: calls that failed under the library are left
 * out, and where one succeeds that fails bare, V6ONLY and SO_REUSEPORT are set as the library left
 * them, and it is made again. If that does not help either the replay says nothing of what follows.
 * There are three replays:
 *
 *   bare    nothing else is changed
 *   policy  V6ONLY is set where and as the policy says (DESIGN.md 1.2, 1.3), but for what was split
 *           or yielded
 *   apart   V6ONLY is 1 on every `::`: what it refuses is a conflict within one family
 *
 * Of bind and listen alone, the rules (DESIGN.md 1.5, 1.8):
 *
 *   lost       it fails, and succeeds bare. But E1: another process, by the policy's V6ONLY=0, holds
 *              IPv4 of the port that this one wants, or this one would have it. But E0: V6ONLY=1 of
 *              default-ipv6-only keeps a mapped address out, as `policy` has it
 *   unserved   it fails, and succeeds with V6ONLY as the policy has it
 *   gained     it succeeds, fails bare and with the policy, and no record says split, share or
 *              yield. But E2: a socket with SO_REUSEPORT of its own, beside one that was shared
 *   let-in     it succeeds, a record says split, share or yield, and it fails apart: the conflict is
 *              within one family
 *   unasked    it is made good by what on-conflict does not allow: it fails bare, and there was a
 *              yield; a split with share; anything with fail; an IPv4 socket with share-ipv6
 *   needless   a yield where there is no socket of the other family on the port
 *   errno      it fails with another errno than bare and with the policy
 *   value      it succeeds without such a record, and V6ONLY is not as the policy has it
 *   remains    it fails, and V6ONLY or SO_REUSEPORT is not as before
 *
 * A program that breaks one is made again alone, loses every step that it breaks the rule without,
 * and is printed with what each of the four runs gave. Exit status: 0, 1 where one was found, 2.
 */
#include "oracle.h"
#include <linux/if_tun.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <time.h>

enum { BATCH = 50, LAST_PORT = 30000, FIRST_PORT = 2000, ATTEMPTS = 3, STATES = STEPS };

static const struct policy policies[] = {{"app", false, UNKNOWN}, {"ipv6-only", true, 1},
	{"both", true, 0}, {"default-ipv6-only", false, 1}, {"default-both", false, 0}};
static const char *const on_conflicts[] = {"fail", "resolve", "share", "share-ipv6"};
static const char *const actions[] = {"", " split", " share", " yield"};

enum { FAIL, RESOLVE, SHARES, SHARE_IPV6 };

struct setting {
	unsigned policy, on_conflict, bindv6only;
};

static const char *library;
static unsigned long used_e0, used_e1, used_e2, cut, calls, unrepeated;

/* ---- running one program */

struct worker {
	pid_t pid;
	int fd;
};
static struct worker under, bare;
static unsigned port = LAST_PORT;

static void set_up(const char *device, int fd)
{
	struct ifreq request = {.ifr_flags = IFF_UP};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		fail("oracle", device);
}

/* lo, and two more that go as soon as the next namespace is made. */
static void make_network(void)
{
	static int tun[2] = {-1, -1};
	int fd;

	if (unshare(CLONE_NEWNET) < 0 || (fd = socket(AF_INET, SOCK_DGRAM, 0)) < 0)
		fail("oracle", "a network namespace");
	set_up("lo", fd);
	for (int i = 0; i < 2; i++) {
		struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};

		if (tun[i] >= 0)
			close(tun[i]);
		tun[i] = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
		snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", devices[i]);
		if (tun[i] < 0) /* None, then, in each of the runs. */
			continue;
		if (ioctl(tun[i], TUNSETIFF, &request) < 0)
			fail("oracle", devices[i]);
		set_up(devices[i], fd);
	}
	close(fd);
	port = FIRST_PORT;
}

static struct worker start(const struct setting *s)
{
	int ends[2];
	struct worker w;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 || (w.pid = fork()) < 0)
		fail("oracle", "fork");
	if (w.pid == 0) {
		dup2(ends[1], 0);
		dup2(ends[1], 1);
		if (s != NULL) {
			setenv("LD_PRELOAD", library, 1);
			setenv("V6SHIM_POLICY", policies[s->policy].name, 1);
			setenv("V6SHIM_ON_CONFLICT", on_conflicts[s->on_conflict], 1);
			setenv("V6SHIM_LOG", "fd:900", 1);
			setenv("V6SHIM_LOG_FORMAT", "json", 1);
		}
		execl("/proc/self/exe", "oracle", "-w", NULL);
		_exit(127);
	}
	close(ends[1]);
	w.fd = ends[0];
	return w;
}

static void start_both(const struct setting *s)
{
	FILE *file;

	if (port + 2000 > LAST_PORT)
		make_network();
	if ((file = fopen("/proc/sys/net/ipv6/bindv6only", "w")) == NULL)
		fail("oracle", "bindv6only");
	fprintf(file, "%u\n", s->bindv6only);
	if (fclose(file) != 0 || ftruncate(LOG_FD, 0) < 0)
		fail("oracle", "bindv6only");
	shared->log = 0;
	under = start(strcmp(library, "bare") == 0 ? NULL : s);
	bare = start(NULL);
}

static void stop(struct worker *w)
{
	close(w->fd);
	waitpid(w->pid, NULL, 0);
}

/* False where the worker is no more. */
static bool ask(struct worker *w)
{
	char byte = 0;

	shared->port = port += 2;
	return write(w->fd, &byte, 1) == 1 && read(w->fd, &byte, 1) == 1;
}

/* What came of the program. */
static struct result shim[STEPS], ways[3][STEPS];
static unsigned known_until[3]; /* the replay says nothing from that step on */

/* ---- what is known of the sockets before a step */

struct known {
	bool inet6, stream, bound, conn, own_reuseport;
	int token; /* which port; UNKNOWN */
	int address, asked /* V6ONLY bare */, v6only /* under the library */;
	bool shared; /* SO_REUSEPORT that the program did not set */
};

static struct known sockets[STATES];
static int held[PROCESSES][SLOTS]; /* the number of a socket, or NONE */
enum { NONE = -1 };
static bool outside[PROCESSES];

static bool wants4(const struct known *k, int v6only)
{
	return !k->inet6 || k->address >= FIRST_MAPPED || (k->address == WILDCARD && v6only == 0);
}

static int port_token(unsigned who, const struct step *s, unsigned i)
{
	int of = s->port >= PORT_OF ? held[who][s->port - PORT_OF] : NONE;

	if (s->port <= PORT_B)
		return s->port;
	return of != NONE && sockets[of].token != UNKNOWN ? sockets[of].token : (int)i + PORT_OF;
}

static void know_step(unsigned i)
{
	const struct step *s = &shared->program.steps[i];
	int *mine = held[s->process];
	struct known *k = mine[s->slot] == NONE ? NULL : &sockets[mine[s->slot]];

	if (shim[i].error != 0)
		return;
	if (s->operation == SOCKET) {
		mine[s->slot] = (int)i;
		sockets[i] = (struct known){.inet6 = kinds[s->arg].family == AF_INET6,
			.stream = kinds[s->arg].type == SOCK_STREAM,
			.token = UNKNOWN};
	} else if (s->operation == FORK) {
		memcpy(held[s->arg], mine, sizeof(held[0]));
		outside[s->arg] = s->port & OUTSIDE;
	} else if (s->operation == ACCEPT && k != NULL) {
		mine[s->arg] = (int)i;
		sockets[i] = (struct known){.inet6 = k->inet6, .stream = true, .conn = true};
	} else if (s->operation == DUP) {
		mine[s->arg] = mine[s->slot];
	} else if (s->operation == CLOSE || s->operation == TIMEWAIT) {
		mine[s->slot] = NONE;
	} else if (k != NULL && s->operation == REUSEPORT) {
		k->own_reuseport = s->arg;
	} else if (k != NULL && (s->operation == BIND || s->operation == LISTEN)) {
		if (!k->bound) {
			k->token = s->operation == BIND ? port_token(s->process, s, i)
							: (int)i + PORT_OF;
			k->address = s->operation == BIND ? s->arg : k->inet6 ? WILDCARD : 0;
			k->asked = ways[AS_IT_IS][i].v6only[1];
		}
		k->bound = true;
		k->v6only = shim[i].v6only[1];
		for (unsigned j = 0; j < SLOTS; j++)
			if (mine[j] != NONE)
				sockets[mine[j]].shared = (shim[i].shared[1] >> j & 1) &&
							  !sockets[mine[j]].own_reuseport;
	}
}

static void know_before(unsigned i)
{
	memset(held, NONE, sizeof(held));
	memset(sockets, 0, sizeof(sockets));
	for (unsigned j = 0; j < i; j++)
		know_step(j);
}

static bool is_held(int number, unsigned from, unsigned to)
{
	for (unsigned p = from; p < to; p++)
		for (unsigned j = 0; j < SLOTS; j++)
			if (held[p][j] == number)
				return true;
	return false;
}

/* Calls FOUND for each socket that has the port and protocol that step i is about, until one is. */
static bool any_beside(
	unsigned i, bool (*found)(unsigned process, const struct known *me, int other))
{
	const struct step *s = &shared->program.steps[i];
	int number = held[s->process][s->slot];
	struct known copy;

	if (number == NONE)
		return false;
	copy = sockets[number];
	if (!copy.bound && s->operation == BIND) {
		copy.asked = ways[AS_IT_IS][i].v6only[0];
		copy.token = port_token(s->process, s, i);
		copy.address = s->arg;
	}
	for (int other = 0; other < STATES; other++)
		if (other != number && sockets[other].bound && sockets[other].token == copy.token &&
			sockets[other].stream == copy.stream && is_held(other, 0, PROCESSES) &&
			found(s->process, &copy, other))
			return true;
	return false;
}

/* E1: the policy cleared V6ONLY of one of them, the other wants IPv4, and another process alone has that. */
static bool policy_made_it(unsigned process, const struct known *me, int other)
{
	const struct known *o = &sockets[other];

	if (!outside[process] && is_held(other, process, process + 1))
		return false;
	if (o->inet6 && o->address == WILDCARD && o->v6only == 0 && o->asked == 1)
		return wants4(me, me->asked);
	return me->bound && me->inet6 && me->address == WILDCARD && me->v6only == 0 &&
	       me->asked == 1 && wants4(o, o->asked);
}

/* E2: it has SO_REUSEPORT although its program did not set it. */
static bool was_shared(unsigned process, const struct known *me, int other)
{
	(void)process;
	return me->own_reuseport && sockets[other].shared;
}

static bool other_family(unsigned process, const struct known *me, int other)
{
	(void)process;
	return (me->inet6 && me->address < FIRST_MAPPED) !=
	       (sockets[other].inet6 && sockets[other].address < FIRST_MAPPED);
}

/* ---- the judgement */

static bool is_call(unsigned i)
{
	unsigned char operation = shared->program.steps[i].operation;

	return operation == BIND || operation == LISTEN;
}

/*
 * A replay, again from the start wherever it parts from what the library did, so that each call is
 * asked about in that state. What was seen of a step first stays.
 */
static bool replay(enum way way)
{
	unsigned count = shared->program.count, seen = 0, i;

	shared->replay = true;
	shared->way = way;
	shared->skip = shared->loosen = 0;
	for (i = 0; way == APART && i < count; i++)
		if (shim[i].error != 0)
			shared->skip |= 1u << i;
	memcpy(shared->shim, shim, sizeof(shim));
again:
	if (!ask(&bare))
		return false;
	for (i = 0; i < count; i++) {
		const struct result *r = &shared->result[i];

		if (i >= seen) {
			ways[way][i] = *r;
			seen = i + 1;
		}
		if (shared->skip >> i & 1 || (r->error == 0) == (shim[i].error == 0))
			continue;
		if (shim[i].error != 0)
			shared->skip |= 1u << i;
		else if (way != APART && is_call(i) && shared->loosen < i)
			shared->loosen = i;
		else
			break;
		goto again;
	}
	cut += i < count;
	known_until[way] = i < count ? i + 1 : count;
	return true;
}

static const char *judge_failure(unsigned i, int plain, int policy)
{
	const struct result *r = &shim[i];

	if (r->v6only[0] != r->v6only[1] || r->shared[0] != r->shared[1])
		return "remains";
	if (plain == 0 && policy == r->error && r->error == EINVAL) {
		used_e0++;
		return NULL;
	}
	if (plain == 0 && r->error == EADDRINUSE && any_beside(i, policy_made_it)) {
		used_e1++;
		return NULL;
	}
	if (plain == 0)
		return "lost";
	if (policy == 0)
		return "unserved";
	return plain > 0 && policy > 0 && r->error != plain && r->error != policy ? "errno" : NULL;
}

static const char *judge_success(unsigned i, const struct setting *s, int plain, int policy)
{
	const struct result *r = &shim[i];
	bool inet6 = r->v6only[1] != UNKNOWN;

	if (r->action == NO_ACTION) {
		if (plain > 0 && policy > 0 && !any_beside(i, was_shared))
			return "gained";
		used_e2 += plain > 0 && policy > 0;
		return policy != 0 || i >= known_until[AS_POLICY] ||
				       ways[AS_POLICY][i].v6only[1] == r->v6only[1]
			       ? NULL
			       : "value";
	}
	if (i < known_until[APART] && ways[APART][i].error > 0)
		return "let-in";
	if (plain > 0 && (s->on_conflict == FAIL || r->action == YIELD ||
				 (r->action == SPLIT && s->on_conflict != RESOLVE) ||
				 (s->on_conflict == SHARE_IPV6 && !inet6)))
		return "unasked";
	return r->action == YIELD && !any_beside(i, other_family) ? "needless" : NULL;
}

/* Makes the program under the setting; the word for the rule that it breaks first, at step *AT; or NULL. */
static const char *judge(const struct program *p, const struct setting *s, unsigned *at)
{
	const char *broken = NULL;

	shared->program = *p;
	shared->policy = policies[s->policy];
	shared->replay = false;
	shared->skip = 0;
	*at = 0;
	if (!ask(&under))
		return "died";
	memcpy(shim, shared->result, sizeof(shim));
	for (enum way way = AS_IT_IS; way <= APART; way++)
		if (!replay(way))
			return "died bare";
	for (unsigned i = 0; i < p->count && broken == NULL; i++) {
		int plain = i < known_until[AS_IT_IS] ? ways[AS_IT_IS][i].first : NOT_MADE;
		int policy = i < known_until[AS_POLICY] ? ways[AS_POLICY][i].first : NOT_MADE;

		if (!is_call(i) || shim[i].error == NOT_MADE)
			continue;
		calls++;
		know_before(i);
		broken = shim[i].error != 0 ? judge_failure(i, plain, policy)
					    : judge_success(i, s, plain, policy);
		*at = i;
	}
	return broken;
}

/* ---- programs */

static uint64_t state;

static unsigned below(unsigned limit)
{
	uint64_t z = state += 0x9e3779b97f4a7c15; /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (unsigned)((z ^ z >> 31) % limit);
}

/* One of the characters of ODDS, by its place in NAMES. */
static unsigned pick(const char *odds)
{
	return (unsigned)(odds[below((unsigned)strlen(odds))] - '0');
}

enum stage { EMPTY, FRESH, BOUND, LISTENS, JOINED };

static struct {
	unsigned char stage[PROCESSES][SLOTS];
	bool inet6[PROCESSES][SLOTS], stream[PROCESSES][SLOTS];
	unsigned processes, most, reuseaddr, reuseport, streams;
} plan;

static void add(struct program *p, unsigned operation, unsigned process, unsigned slot,
	unsigned arg, unsigned to)
{
	if (p->count < 24)
		p->steps[p->count++] =
			(struct step){(unsigned char)operation, (unsigned char)process,
				(unsigned char)slot, (unsigned char)arg, (unsigned char)to};
}

static void add_socket(struct program *p, unsigned who, unsigned slot)
{
	bool stream = below(100) < plan.streams;
	unsigned kind = pick(stream ? "00000011111145" : "2233");

	add(p, SOCKET, who, slot, kind, 0);
	plan.stage[who][slot] = FRESH;
	plan.inet6[who][slot] = kinds[kind].family == AF_INET6;
	plan.stream[who][slot] = stream;
	if (plan.inet6[who][slot] && below(2))
		add(p, V6ONLY, who, slot, pick("0111"), 0);
	if (below(100) < plan.reuseaddr)
		add(p, REUSEADDR, who, slot, 1, 0);
	if (below(100) < plan.reuseport)
		add(p, REUSEPORT, who, slot, 1, 0);
	if (below(12) == 0)
		add(p, DEVICE, who, slot, below(3), 0);
}

static void add_bind(struct program *p, unsigned who, unsigned slot)
{
	unsigned address = pick(plan.inet6[who][slot] ? "33333333334556" : "0000001112");
	unsigned to = pick("000000000000000122") % 4;

	add(p, BIND, who, slot, address, below(12) ? to : PORT_OF + below(SLOTS));
	plan.stage[who][slot] = BOUND;
}

static void add_duplicate(struct program *p, unsigned who, unsigned slot)
{
	unsigned to = below(2) ? slot : below(SLOTS);

	if (to != slot && plan.stage[who][to] != EMPTY)
		to = slot;
	add(p, DUP, who, slot, to, 0);
	plan.stage[who][to] = plan.stage[who][slot];
	plan.inet6[who][to] = plan.inet6[who][slot];
	plan.stream[who][to] = plan.stream[who][slot];
}

static void add_fork(struct program *p, unsigned who)
{
	unsigned to = plan.processes++;

	add(p, FORK, who, 0, to, pick("000001112"));
	memcpy(plan.stage[to], plan.stage[who], sizeof(plan.stage[0]));
	memcpy(plan.inet6[to], plan.inet6[who], sizeof(plan.inet6[0]));
	memcpy(plan.stream[to], plan.stream[who], sizeof(plan.stream[0]));
}

/* The next step of one socket. What is pointless is rare, and what is wrong is there too. */
static void add_step(struct program *p, unsigned who, unsigned slot)
{
	static const char *const odds[] = {
		"0", "22222222222233456", "33333333355566678", "9999555666783", ":::5557"};
	unsigned to = below(SLOTS);

	switch (pick(odds[plan.stage[who][slot]])) {
	case 0:
		add_socket(p, who, slot);
		break;
	case 2:
		add_bind(p, who, slot);
		break;
	case 3:
		if (!plan.stream[who][slot] && below(10))
			break;
		add(p, LISTEN, who, slot, 0, 0);
		plan.stage[who][slot] = LISTENS;
		break;
	case 4:
		add(p, plan.inet6[who][slot] ? V6ONLY : REUSEADDR, who, slot, below(2), 0);
		break;
	case 5:
		add(p, CLOSE, who, slot, 0, 0);
		plan.stage[who][slot] = EMPTY;
		break;
	case 6:
		add_duplicate(p, who, slot);
		break;
	case 7:
		add(p, below(2) ? REUSEADDR : REUSEPORT, who, slot, pick("011"), 0);
		break;
	case 8:
		add(p, CONNECT, who, slot, 0, 0);
		break;
	case 9:
		if (to == slot)
			break;
		add(p, ACCEPT, who, slot, to, 0);
		plan.stage[who][to] = JOINED;
		plan.inet6[who][to] = plan.inet6[who][slot];
		plan.stream[who][to] = true;
		break;
	default:
		add(p, below(4) ? RESET : TIMEWAIT, who, slot, 0, 0);
	}
}

static void make_program(struct program *p, uint64_t seed, unsigned long index)
{
	unsigned want, slots;

	state = seed * 0x100000001b3 + index;
	below(2);
	memset(p, 0, sizeof(*p));
	memset(&plan, 0, sizeof(plan));
	plan.processes = 1;
	plan.most = pick("111223");
	plan.reuseaddr = pick("0599") * 11;
	plan.reuseport = pick("000149") * 11;
	plan.streams = pick("599990") * 11;
	want = 6 + below(19);
	slots = 2 + below(SLOTS - 1);
	for (unsigned tries = 0; p->count < want && tries < 200; tries++) {
		unsigned who = below(plan.processes);

		/* Only the first forks: it drives the others. */
		if (plan.processes < plan.most && below(6) == 0)
			add_fork(p, 0);
		else
			add_step(p, who, below(slots));
	}
}

/* ---- what is told */

static void print_step(const struct step *s)
{
	static const char *const names[OPERATIONS] = {"socket", "v6only", "reuseaddr", "reuseport",
		"device", "bind", "listen", "dup", "close", "fork", "connect", "accept", "reset",
		"timewait"};
	static const char *const ports[] = {"P", "Q", "0"};
	static const char *const characters[] = {"sibling", "outside", "other-user"};
	char text[64];
	int n = snprintf(
		text, sizeof(text), "%u: %c %s", s->process, 'a' + s->slot, names[s->operation]);
	size_t room = sizeof(text) - (size_t)n;

	if (s->operation == SOCKET)
		snprintf(text + n, room, " %s", kinds[s->arg].name);
	else if (s->operation == DEVICE)
		snprintf(text + n, room, " %s", devices[s->arg]);
	else if (s->operation == BIND && s->port >= PORT_OF)
		snprintf(text + n, room, " %s port-of-%c", addresses[s->arg],
			'a' + s->port - PORT_OF);
	else if (s->operation == BIND)
		snprintf(text + n, room, " %s %s", addresses[s->arg], ports[s->port]);
	else if (s->operation == DUP || s->operation == ACCEPT)
		snprintf(text + n, room, " %c", 'a' + s->arg);
	else if (s->operation == FORK)
		snprintf(text, sizeof(text), "%u: fork %u %s", s->process, s->arg,
			characters[s->port]);
	else if (s->operation <= REUSEPORT)
		snprintf(text + n, room, " %u", s->arg);
	printf("  %-32s", text);
}

static void print_result(const struct result *r, int error, bool known)
{
	char text[64];

	if (!known || error == NOT_MADE)
		snprintf(text, sizeof(text), "-");
	else if (r->v6only[1] == UNKNOWN)
		snprintf(text, sizeof(text), "%s%s", error ? error_name(error) : "ok",
			actions[r->action]);
	else
		snprintf(text, sizeof(text), "%s v6only=%d%s", error ? error_name(error) : "ok",
			r->v6only[1], actions[r->action]);
	printf(" %-26s", text);
}

static void print_program(
	const struct program *p, const struct setting *s, const char *broken, unsigned at)
{
	printf("%s at step %u: policy=%s on-conflict=%s bindv6only=%u\n", broken, at + 1,
		policies[s->policy].name, on_conflicts[s->on_conflict], s->bindv6only);
	printf("  %-32s %-26s %-26s %-26s %s\n", "", "under the library", "bare", "policy",
		"apart");
	for (unsigned i = 0; i < p->count; i++) {
		print_step(&p->steps[i]);
		print_result(&shim[i], shim[i].error, true);
		for (enum way way = AS_IT_IS; way <= APART; way++)
			print_result(&ways[way][i],
				is_call(i) ? ways[way][i].first : ways[way][i].error,
				i < known_until[way]);
		putchar('\n');
	}
	fflush(stdout);
}

/* In workers of its own; the same rule each time, or it says nothing. */
static const char *judge_alone(const struct program *p, const struct setting *s, unsigned *at)
{
	const char *broken;

	start_both(s);
	broken = judge(p, s, at);
	stop(&under);
	stop(&bare);
	return broken;
}

static bool still(const struct program *p, const struct setting *s, const char *broken)
{
	unsigned at;
	const char *now = judge_alone(p, s, &at);

	return now != NULL && strcmp(now, broken) == 0;
}

static bool make_plainer(struct step *s, unsigned char plain_port)
{
	bool change = s->operation == SOCKET ? s->arg >= 4
		      : s->operation == FORK ? s->port != SIBLING
					     : s->operation == BIND && s->port > plain_port;

	if (s->operation == SOCKET && change)
		s->arg -= 4;
	else if (change)
		s->port = s->operation == FORK ? SIBLING : plain_port;
	return change;
}

/* Drops what it is broken without, then names sockets in their order and takes the plainer of what is left. */
static void shrink(struct program *p, const struct setting *s, const char *broken)
{
	unsigned char names[SLOTS], used = 0;
	struct program less;

	for (unsigned i = p->count; i-- > 0;) {
		less = *p;
		memmove(&less.steps[i], &less.steps[i + 1],
			(--less.count - i) * sizeof(less.steps[0]));
		if (!still(&less, s, broken))
			continue;
		*p = less;
		i = p->count;
	}
	for (unsigned i = 0; i < 2 * p->count; i++) {
		less = *p;
		if (make_plainer(&less.steps[i / 2], i % 2 ? PORT_A : PORT_ZERO) &&
			still(&less, s, broken))
			*p = less;
	}
	memset(names, SLOTS, sizeof(names));
	less = *p;
	for (unsigned i = 0; i < p->count; i++) {
		struct step *step = &less.steps[i];

		if (step->operation == FORK)
			continue;
		if (names[step->slot] == SLOTS)
			names[step->slot] = used++;
		step->slot = names[step->slot];
		if (step->operation == DUP || step->operation == ACCEPT) {
			if (names[step->arg] == SLOTS)
				names[step->arg] = used++;
			step->arg = names[step->arg];
		} else if (step->operation == BIND && step->port >= PORT_OF) {
			if (names[step->port - PORT_OF] == SLOTS)
				names[step->port - PORT_OF] = used++;
			step->port = (unsigned char)(PORT_OF + names[step->port - PORT_OF]);
		}
	}
	if (still(&less, s, broken))
		*p = less;
}

/* Whether it was printed already, for another setting or from another program. */
static bool is_new(const struct program *p, const char *broken)
{
	static struct {
		struct program program;
		const char *broken;
	} seen[1000];
	static unsigned count;

	for (unsigned i = 0; i < count; i++)
		if (strcmp(seen[i].broken, broken) == 0 &&
			memcmp(&seen[i].program, p, sizeof(*p)) == 0)
			return false;
	if (count < 1000) {
		seen[count].program = *p;
		seen[count++].broken = broken;
	}
	return true;
}

static bool look_closer(
	struct program *p, const struct setting *s, const char *broken, unsigned long index)
{
	const char *now;
	unsigned at;

	for (unsigned i = 0; i < ATTEMPTS; i++)
		if (!still(p, s, broken)) {
			printf("not repeated: program %lu, %s\n", index, broken);
			unrepeated++;
			return false;
		}
	shrink(p, s, broken);
	memset(p->steps + p->count, 0, (STEPS - p->count) * sizeof(p->steps[0]));
	if (!is_new(p, broken))
		return false;
	now = judge_alone(p, s, &at);
	printf("\nprogram %lu: ", index);
	print_program(p, s, now != NULL ? now : broken, at);
	return true;
}

static void usage(void)
{
	fputs("usage: oracle [-n PROGRAMS] [-s SEED] [-o INDEX] [-m MOST] LIBRARY\n", stderr);
	exit(2);
}

static void share_memory(void)
{
	int memory = memfd_create("oracle", 0), log = memfd_create("log", 0);

	if (memory < 0 || log < 0 || ftruncate(memory, sizeof(*shared)) < 0 ||
		dup2(memory, SHARED_FD) < 0 || dup2(log, LOG_FD) < 0 ||
		fcntl(LOG_FD, F_SETFL, O_APPEND) < 0)
		fail("oracle", "memfd_create");
	close(memory);
	close(log);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, SHARED_FD, 0);
	if (shared == MAP_FAILED)
		fail("oracle", "mmap");
}

/* Which setting a program is made under is a matter of its index: programs of one batch share workers. */
static struct setting make_setting(unsigned long index)
{
	unsigned long batch = index / BATCH;

	if (strcmp(library, "bare") == 0)
		return (struct setting){0, 0, batch % 2};
	return (struct setting){batch % 5, batch / 5 % 4, batch / 20 % 4 == 3};
}

int main(int argc, char **argv)
{
	unsigned long programs = 1000, first = 0, seed = (unsigned long)time(NULL), most = 10,
		      found = 0, i;
	struct program program;
	int opt;

	while ((opt = getopt(argc, argv, "wn:s:o:m:")) != -1) {
		unsigned long value = optarg != NULL ? strtoul(optarg, NULL, 10) : 0;

		if (opt == 'w')
			return work();
		else if (opt == 'n')
			programs = value;
		else if (opt == 's')
			seed = value;
		else if (opt == 'o')
			first = value, programs = 1;
		else if (opt == 'm')
			most = value;
		else
			usage();
	}
	if (optind + 1 != argc)
		usage();
	library = argv[optind];
	share_memory();
	for (i = first; i < first + programs && found < most; i++) {
		struct setting s = make_setting(i);
		const char *broken;
		unsigned at;

		if (i == first || i % BATCH == 0)
			start_both(&s);
		make_program(&program, seed, i);
		broken = judge(&program, &s, &at);
		if (broken != NULL || i % BATCH == BATCH - 1 || i + 1 == first + programs) {
			stop(&under);
			stop(&bare);
		}
		if (broken != NULL) {
			found += look_closer(&program, &s, broken, i);
			if (i % BATCH != BATCH - 1 && i + 1 != first + programs)
				start_both(&s);
		}
	}
	printf("seed %lu, %lu programs, %lu calls judged: %lu broke a rule, %lu not repeated; "
	       "%lu replays cut; used E0 %lu, E1 %lu, E2 %lu\n",
		seed, i - first, calls, found, unrepeated, cut, used_e0, used_e1, used_e2);
	return found > 0;
}
