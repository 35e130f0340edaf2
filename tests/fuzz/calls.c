/*
 * The interposed calls beside libc's own: a sequence of calls is made twice, bare and through the
 * shim, and each step must come out alike.
 *
 * Where the configuration changes nothing (policy=app, or mode=log) that means the same result, the
 * same errno, and the same socket afterwards, whatever pointers and lengths were passed. Where it
 * acts, it means that until the two part no bind or listen fails through the shim that succeeds
 * bare, but with the errno of a `deny` (DESIGN.md 1.8, 1), and that what failed left V6ONLY and
 * SO_REUSEPORT as they were (1.5).
 *
 * All of it happens in a network namespace of the target's own, on its loopback interface; nothing
 * is ever connected.
 *
 * Input: one byte for the configuration, then the steps, as take_step() reads them.
 */
#include "calls_settings.h"
#include "calls_steps.h"

#include "core/address.h"
#include "preload/sink.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

/* The shim's calls under the names that fuzz.mk gives them. */
int v6_shim_socket(int domain, int type, int protocol);
int v6_shim_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int v6_shim_bind(int fd, const struct sockaddr *addr, socklen_t len);
int v6_shim_listen(int fd, int backlog);
int v6_shim_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **result);

enum {
	STEPS = 24,
	UNTOUCHED = 7777, /* errno before each call */
};

/* ---- where it happens */

static void raise_loopback(void)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	CHECK(fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &ifr));
	close(fd);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd >= 0 && write(fd, text, strlen(text)) >= 0)
		close(fd);
}

/* Where one is not root a user namespace comes first, in which one is. */
static void leave_network(void)
{
	char map[32];

	if (!unshare(CLONE_NEWNET))
		return;
	snprintf(map, sizeof(map), "0 %u 1", geteuid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		fputs("calls: needs leave to make a network namespace\n", stderr);
		exit(77);
	}
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/uid_map", map);
}

static void open_null(int at)
{
	int fd = open("/dev/null", O_WRONLY | O_APPEND | O_CLOEXEC);

	CHECK(fd >= 0 && dup3(fd, at, O_CLOEXEC) == at);
	close(fd);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	leave_network();
	raise_loopback();
	open_null(LOG_FD);
	open_null(OTHER_FD);
	make_guard();
	for (unsigned i = 0; i < CONFIGURATIONS; i++)
		settle(i);
	v6_sink_open(&lives[1]);
	return 0;
}

/* ---- one run */

/* What came of a step, and how its socket is afterwards. */
struct outcome {
	int result, error;
	int v6only, reuseaddr, reuseport; /* -1: not told */
	int was_v6only, was_reuseport;    /* before the step */
	bool is_bound;
	struct sockaddr_storage bound;
	struct {
		int family, type, protocol;
		struct sockaddr_storage address;
	} list[16];
	unsigned count;
};

static int option_of(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, name, &value, &len) ? -1 : value;
}

static void look(int fd, struct outcome *o)
{
	socklen_t len = sizeof(o->bound);

	o->v6only = option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	o->reuseaddr = option_of(fd, SOL_SOCKET, SO_REUSEADDR);
	o->reuseport = option_of(fd, SOL_SOCKET, SO_REUSEPORT);
	o->is_bound = !getsockname(fd, (struct sockaddr *)&o->bound, &len);
	/* A port of the kernel's choice is another each time, and so is an abstract name. */
	if (o->bound.ss_family == AF_INET6) {
		struct sockaddr_in6 *a = (struct sockaddr_in6 *)&o->bound;

		if (ntohs(a->sin6_port) >= EPHEMERAL)
			a->sin6_port = 0xffff;
	} else if (o->bound.ss_family == AF_INET) {
		struct sockaddr_in *a = (struct sockaddr_in *)&o->bound;

		if (ntohs(a->sin_port) >= EPHEMERAL)
			a->sin_port = 0xffff;
	} else {
		memset(&o->bound, 0, sizeof(o->bound));
	}
}

static int look_up(const struct step *s, bool shim, struct outcome *o)
{
	struct addrinfo hints = {
		.ai_family = s->domain, .ai_socktype = s->type, .ai_flags = s->flags};
	const char *service = *s->service ? s->service : NULL;
	struct addrinfo *list = NULL;
	int result = shim ? v6_shim_getaddrinfo(NULL, service, &hints, &list)
			  : getaddrinfo(NULL, service, &hints, &list);

	for (struct addrinfo *a = list; !result && a && o->count < 16; a = a->ai_next, o->count++) {
		o->list[o->count].family = a->ai_family;
		o->list[o->count].type = a->ai_socktype;
		o->list[o->count].protocol = a->ai_protocol;
		memcpy(&o->list[o->count].address, a->ai_addr, a->ai_addrlen);
	}
	if (!result)
		freeaddrinfo(list);
	return result;
}

static int perform(const struct step *s, bool shim, int *slots, int fd, struct outcome *o)
{
	errno = UNTOUCHED;
	switch (s->operation) {
	case SOCKET:
		if (slots[s->slot] >= 0)
			close(slots[s->slot]);
		errno = UNTOUCHED;
		slots[s->slot] = shim ? v6_shim_socket(s->domain, s->type, s->protocol)
				      : socket(s->domain, s->type, s->protocol);
		return slots[s->slot];
	case SETSOCKOPT:
		return shim ? v6_shim_setsockopt(fd, s->level, s->name, s->pointer, s->len)
			    : setsockopt(fd, s->level, s->name, s->pointer, s->len);
	case BIND:
		return shim ? v6_shim_bind(fd, s->pointer, s->len) : bind(fd, s->pointer, s->len);
	case LISTEN:
		return shim ? v6_shim_listen(fd, s->backlog) : listen(fd, s->backlog);
	case DUP:
		if (slots[s->to] >= 0)
			close(slots[s->to]);
		errno = UNTOUCHED;
		slots[s->to] = dup(fd);
		return slots[s->to];
	case CLOSE:
		if (!s->odd)
			slots[s->slot] = -1;
		return close(fd);
	default:
		return look_up(s, shim, o);
	}
}

static void run(const struct step *steps, unsigned count, bool shim, struct outcome *outcomes)
{
	int slots[SLOTS];

	memset(slots, -1, sizeof(slots));
	for (unsigned i = 0; i < count; i++) {
		const struct step *s = &steps[i];
		struct outcome *o = &outcomes[i];
		int fd = s->odd ? s->odd : slots[s->slot];

		memset(o, 0, sizeof(*o));
		o->was_v6only = option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY);
		o->was_reuseport = option_of(fd, SOL_SOCKET, SO_REUSEPORT);
		/* What must not be closed is not. */
		if (s->operation == CLOSE && s->odd == OTHER_FD)
			continue;
		o->result = perform(s, shim, slots, fd, o);
		o->error = errno;
		if (s->operation != GETADDRINFO)
			CHECK(o->result < 0 || o->error == UNTOUCHED);
		look(s->operation == SOCKET ? o->result : fd, o);
	}
	for (unsigned i = 0; i < SLOTS; i++)
		if (slots[i] >= 0)
			close(slots[i]);
}

/* ---- and both compared */

static void tell(unsigned i, const struct step *s, const struct outcome *o, const char *which)
{
	static const char *const names[OPERATIONS] = {
		"socket", "setsockopt", "bind", "listen", "dup", "close", "getaddrinfo"};
	struct v6_address a = {.family = V6_FAMILY_OTHER};
	char buf[80];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	/* What is longer is not all there. */
	if (s->operation == BIND && s->memory && s->len <= sizeof(struct sockaddr_storage))
		a = v6_address_from(s->memory, s->len);
	v6_address_port_text(&t, &a);
	fprintf(stderr,
		"step %u %s: %s slot %u odd %d domain %d type %d proto %d level %d name %d len %u "
		"%s: %d %s v6only %d -> %d reuseport %d -> %d\n",
		i, which, names[s->operation], s->slot, s->odd, s->domain, s->type, s->protocol,
		s->level, s->name, s->len, buf, o->result, o->result < 0 ? strerror(o->error) : "",
		o->was_v6only, o->v6only, o->was_reuseport, o->reuseport);
}

/* For whoever looks at a crash: the whole of both runs up to there. */
static void tell_all(const struct step *steps, unsigned i, const struct outcome *bare,
	const struct outcome *shim)
{
	for (unsigned j = 0; j <= i; j++) {
		tell(j, &steps[j], &bare[j], "bare");
		tell(j, &steps[j], &shim[j], "shim");
	}
}

static bool same_result(const struct outcome *bare, const struct outcome *shim)
{
	return bare->result == shim->result && bare->error == shim->error;
}

/* In no way to be told apart. */
static bool same(const struct outcome *bare, const struct outcome *shim)
{
	return same_result(bare, shim) && bare->v6only == shim->v6only &&
	       bare->reuseaddr == shim->reuseaddr && bare->reuseport == shim->reuseport &&
	       bare->is_bound == shim->is_bound &&
	       !memcmp(&bare->bound, &shim->bound, sizeof(bare->bound)) &&
	       bare->count == shim->count && !memcmp(bare->list, shim->list, sizeof(bare->list));
}

/* A policy may make a call succeed, and a `deny` may make one fail; nothing else parts the runs. */
static bool lawful(const struct step *s, const struct outcome *bare, const struct outcome *shim)
{
	if (shim->result < 0 && shim->error == DENIED)
		return true;
	return (s->operation == BIND || s->operation == LISTEN) && bare->result < 0 &&
	       bare->error == EADDRINUSE && shim->result >= 0;
}

static bool undone(const struct step *s, const struct outcome *o)
{
	return (s->operation != BIND && s->operation != LISTEN) || o->result >= 0 ||
	       (o->v6only == o->was_v6only && o->reuseport == o->was_reuseport);
}

static void compare(const struct step *steps, unsigned count, bool transparent,
	const struct outcome *bare, const struct outcome *shim)
{
	bool together = true;

	for (unsigned i = 0; i < count; i++) {
		bool fine = undone(&steps[i], &shim[i]);

		if (transparent) {
			fine = fine && same(&bare[i], &shim[i]);
		} else if (together) {
			together = same_result(&bare[i], &shim[i]);
			fine = fine && (together || lawful(&steps[i], &bare[i], &shim[i]));
		}
		if (!fine)
			tell_all(steps, i, bare, shim);
		CHECK(fine);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct outcome bare[STEPS], shim[STEPS];
	static struct step steps[STEPS];
	struct fuzz_input in = {data, size};
	unsigned configuration = fuzz_byte(&in) % CONFIGURATIONS, count = 0;
	bool transparent = configurations[configuration].transparent;

	while (in.left && count < STEPS)
		take_step(&in, &steps[count++], transparent);
	put_in_force(configuration);
	run(steps, count, false, bare);
	run(steps, count, true, shim);
	compare(steps, count, transparent, bare, shim);
	for (unsigned i = 0; i < count; i++)
		free(steps[i].memory);
	return 0;
}
