#include "terms.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define LIST(X, x, ...)                   __VA_ARGS__
#define W(X, name, word, meaning)         {V6_LIST_##X, word, V6_##X##_##name},
#define N(X, name, number, word, meaning) W(X, name, word, meaning)
#define E(X, name)
#define R(name) {V6_LIST_ERRNO, #name, name},
static const struct v6_word table[] = {
#include "terms.def"
	{V6_LIST_END, "", 0},
};

/* Apart, for the library has no use for them: the linker leaves them out there. */
#define LIST(X, x, ...)                   __VA_ARGS__
#define W(X, name, word, meaning)         meaning,
#define N(X, name, number, word, meaning) meaning,
#define E(X, name)
#define R(name)
static const char meanings[][86] = {
#include "terms.def"
};

const struct v6_word *v6_words(enum v6_list list)
{
	size_t low = 0, high = sizeof(table) / sizeof(*table) - 1;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (table[middle].list < list)
			low = middle + 1;
		else
			high = middle;
	}
	return &table[low];
}

const char *v6_word(enum v6_list list, unsigned value)
{
	for (const struct v6_word *w = v6_words(list); w->list == list; w++)
		if (w->value == value)
			return w->word;
	return NULL;
}

int v6_word_value(enum v6_list list, struct v6_slice word)
{
	for (const struct v6_word *w = v6_words(list); w->list == list; w++)
		if (v6_slice_is(word, w->word))
			return w->value;
	return -1;
}

const char *v6_setting_name(enum v6_setting id)
{
	return v6_word(V6_LIST_SETTING, id);
}

enum v6_setting v6_setting_by_name(struct v6_slice name)
{
	int id = v6_word_value(V6_LIST_SETTING, name);

	return id < 0 ? V6_SETTING_COUNT : (enum v6_setting)id;
}

static const char env_prefix[] = "V6SHIM_";

void v6_setting_env_name(struct v6_text *t, enum v6_setting id)
{
	v6_text_str(t, env_prefix);
	for (const char *c = v6_setting_name(id); *c; c++)
		v6_text_char(t, *c == '-' ? '_' : (char)(*c - 'a' + 'A'));
}

bool v6_setting_env_ours(struct v6_slice name)
{
	return v6_slice_begins(name, env_prefix) && !v6_slice_is(name, V6_LOG_HANDED) &&
	       !v6_slice_is(name, V6_REACH_VARIABLE) && !v6_slice_is(name, V6_OPTIONS_VARIABLE);
}

enum v6_setting v6_setting_by_env_name(struct v6_slice name)
{
	unsigned id = 0;

	for (; id < V6_SETTING_COUNT; id++) {
		char buf[32];
		struct v6_text t = v6_text_in(buf, sizeof(buf));

		v6_setting_env_name(&t, id);
		if (v6_slice_is(name, buf))
			break;
	}
	return id;
}

const char *v6_word_meaning(const struct v6_word *w)
{
	return meanings[w - table];
}

void v6_words_text(struct v6_text *t, enum v6_list list)
{
	const char *comma = "";

	for (const struct v6_word *w = v6_words(list); w->list == list; w++) {
		if (v6_word(list, w->value) != w->word ||
			(list == V6_LIST_PROFILE && w->value == V6_PROFILE_NONE))
			continue;
		v6_text_print(t, "%s%s", comma, w->word);
		comma = ", ";
	}
}

enum v6_family v6_family_other(enum v6_family f)
{
	return f == V6_FAMILY_INET    ? V6_FAMILY_INET6
	       : f == V6_FAMILY_INET6 ? V6_FAMILY_INET
				      : V6_FAMILY_OTHER;
}

const char *v6_family_title(enum v6_family f)
{
	return f == V6_FAMILY_INET ? "IPv4" : f == V6_FAMILY_INET6 ? "IPv6" : NULL;
}

enum v6_type v6_type_of(int sock_type)
{
	int type = sock_type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);

	return type == SOCK_STREAM      ? V6_TYPE_STREAM
	       : type == SOCK_DGRAM     ? V6_TYPE_DGRAM
	       : type == SOCK_RAW       ? V6_TYPE_RAW
	       : type == SOCK_SEQPACKET ? V6_TYPE_SEQPACKET
					: V6_TYPE_OTHER;
}

enum v6_type v6_type_of_proto(int number)
{
	return number == V6_PROTO_TCP || number == V6_PROTO_MPTCP     ? V6_TYPE_STREAM
	       : number == V6_PROTO_UDP || number == V6_PROTO_UDPLITE ? V6_TYPE_DGRAM
								      : V6_TYPE_UNKNOWN;
}

/* The word, or the number behind what is said before it. */
static void word_or_number(struct v6_text *t, enum v6_list list, int number, const char *before)
{
	const char *word = v6_word(list, (unsigned)number);

	v6_text_str(t, word ? word : before);
	if (!word)
		v6_text_int(t, number);
}

void v6_proto_text(struct v6_text *t, int number)
{
	word_or_number(t, V6_LIST_PROTO, number, "");
}

void v6_errno_text(struct v6_text *t, int number)
{
	word_or_number(t, V6_LIST_ERRNO, number, "errno ");
}

int v6_proto_parse(struct v6_slice word)
{
	int number = v6_word_value(V6_LIST_PROTO, word);
	uint64_t digits;

	if (number < 0 && v6_slice_uint(word, UINT16_MAX, &digits))
		number = (int)digits;
	return number;
}

static const struct {
	int number;
	char words[64];
} file_errors[] = {
	{EACCES, ": permission denied (EACCES)"},
	{EAGAIN, ": nothing to read (EAGAIN)"},
	{EIO, ": input/output error (EIO)"},
	{EISDIR, ": is a directory (EISDIR)"},
	{ELOOP, ": too many symbolic links (ELOOP)"},
	{EMFILE, ": too many open descriptors (EMFILE)"},
	{ENAMETOOLONG, ": name too long (ENAMETOOLONG)"},
	{ENFILE, ": too many open files (ENFILE)"},
	{ENOENT, ": no such file (ENOENT)"},
	{ENOTDIR, ": a part of the path is no directory (ENOTDIR)"},
	{ENXIO, ": is a socket or a device (ENXIO)"},
	{EPERM, ": not permitted (EPERM)"},
	{ECONNREFUSED, ": nobody listens there (ECONNREFUSED)"},
	{EINVAL, ": is no file, FIFO or character device (EINVAL)"},
	{EPIPE, ": nobody reads it (EPIPE)"},
	{EBADF, ": is no descriptor that can be written to (EBADF)"},
	{EXDEV, ": not there in the root directory of now (EXDEV)"},
};

const char *v6_errno_words(int number)
{
	for (unsigned i = 0; i < sizeof(file_errors) / sizeof(*file_errors); i++)
		if (file_errors[i].number == number)
			return file_errors[i].words;
	return ": not to be opened";
}

enum { SIN6_LEN_RFC2133 = 24 };

struct v6_address v6_address_from(const void *sockaddr, size_t len)
{
	struct v6_address a = {.family = V6_FAMILY_OTHER};
	struct sockaddr_in6 in6 = {.sin6_scope_id = 0};
	struct sockaddr_in in;

	if (len < sizeof(in))
		return a;
	memcpy(&in, sockaddr, sizeof(in));
	memcpy(&in6, sockaddr, len < sizeof(in6) ? len : sizeof(in6));
	if (in.sin_family == AF_INET) {
		a.family = V6_FAMILY_INET;
		a.port = ntohs(in.sin_port);
		memcpy(a.bytes, &in.sin_addr, 4);
	} else if (in.sin_family == AF_INET6 && len >= SIN6_LEN_RFC2133) {
		a.family = V6_FAMILY_INET6;
		a.port = ntohs(in6.sin6_port);
		a.scope = in6.sin6_scope_id;
		memcpy(a.bytes, &in6.sin6_addr, 16);
	}
	return a;
}

bool v6_address_wildcard(const struct v6_address *a)
{
	static const uint8_t zero[16];

	return a->family != V6_FAMILY_OTHER &&
	       !memcmp(a->bytes, zero, a->family == V6_FAMILY_INET ? 4 : 16);
}

bool v6_address_mapped(const struct v6_address *a)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	return a->family == V6_FAMILY_INET6 && !memcmp(a->bytes, prefix, sizeof(prefix));
}

void v6_address_text(struct v6_text *t, const struct v6_address *a)
{
	if (a->family == V6_FAMILY_INET) {
		v6_text_in4(t, a->bytes);
	} else if (a->family == V6_FAMILY_INET6) {
		v6_text_in6(t, a->bytes);
		if (a->scope)
			v6_text_print(t, "%%%u", a->scope);
	}
}

void v6_address_port_text(struct v6_text *t, const struct v6_address *a)
{
	bool in6 = a->family == V6_FAMILY_INET6;

	if (a->family == V6_FAMILY_OTHER)
		return;
	v6_text_str(t, in6 ? "[" : "");
	v6_address_text(t, a);
	v6_text_print(t, "%s:%u", in6 ? "]" : "", a->port);
}

enum v6_family v6_port_family(const struct v6_address *a)
{
	return v6_address_mapped(a) ? V6_FAMILY_INET : a->family;
}
