/*
 * What all others speak of. The words of settings and records: one list each, for the enum, for the words
 * that are read and written, and for what they mean to a person. And addresses.
 */
#pragma once

#include <errno.h>

#include "text.h"

/* A V6ONLY value or a yes/no that is not known, or that does not apply. */
enum { V6_UNKNOWN = -1 };

enum v6_list {
	V6_LIST_NONE, /* an empty list */
#define LIST(X, x, ...) V6_LIST_##X,
#include "terms.def"
	V6_LIST_END, /* no list: what stands behind the last */
};

#define LIST(X, x, ...)                   enum v6_##x{__VA_ARGS__};
#define W(X, name, word, meaning)         V6_##X##_##name,
#define N(X, name, number, word, meaning) V6_##X##_##name = (number),
#define E(X, name)                        V6_##X##_##name,
#define R(name)                           V6_ERRNO_##name = (name),
#include "terms.def"

/* Settings before this one decide about a call: they are what a rule or a profile may set. */
#define V6_KNOBS V6_SETTING_PROFILE

/*
 * One word of a list: for (w = v6_words(list); w->list == list; w++). Text of a fixed size
 * rather than pointers, which would be relocated, page by page, in every process at its start.
 */
struct v6_word {
	uint8_t list; /* enum v6_list */
	char word[19];
	uint16_t value;
};

/* The first word of a list. */
const struct v6_word *v6_words(enum v6_list list);

/* The first word of a value, NULL where it has none. */
const char *v6_word(enum v6_list list, unsigned value);

/* The value of a word, exact; -1 where it is none of the list. */
int v6_word_value(enum v6_list list, struct v6_slice word);

/* "policy", and by that name (exact); V6_SETTING_COUNT where there is none. */
const char *v6_setting_name(enum v6_setting id);
enum v6_setting v6_setting_by_name(struct v6_slice name);

/* "V6SHIM_ON_CONTRARY". */
void v6_setting_env_name(struct v6_text *t, enum v6_setting id);

/*
 * The setting an environment variable (its name alone, no '=') is the spelling of:
 * V6_SETTING_COUNT where the name begins with V6SHIM_ but is nobody's.
 */
enum v6_setting v6_setting_by_env_name(struct v6_slice name);

/*
 * Whether the name begins with V6SHIM_, so that it is ours to judge. V6_LOG_HANDED is no setting:
 * "FD:DEVICE:INODE:PATH" of the log that v6shim run left open for the library.
 */
#define V6_LOG_HANDED "V6SHIM_LOG_HANDED"

/* Nor is this: "supervise" in what was started under a supervisor. */
#define V6_REACH_VARIABLE "V6SHIM_REACH"

/* Nor this: the names, with a ',' behind each, of the settings that v6shim run got as options. */
#define V6_OPTIONS_VARIABLE "V6SHIM_OPTIONS"
bool v6_setting_env_ours(struct v6_slice name);

/* For --help; "" where the word says it all. */
const char *v6_word_meaning(const struct v6_word *w);

/*
 * The words of a list as "app, ipv6-only, both": those that are there to choose, which no
 * profile and second names are not.
 */
void v6_words_text(struct v6_text *t, enum v6_list list);

/* The other of the two families; OTHER has none. */
enum v6_family v6_family_other(enum v6_family family);

/* For a person: "IPv4", "IPv6"; NULL for OTHER. */
const char *v6_family_title(enum v6_family family);

/* The type of a SOCK_* value, SOCK_CLOEXEC and SOCK_NONBLOCK apart. */
enum v6_type v6_type_of(int sock_type);

/* The type of every socket of a protocol but raw ones, UNKNOWN where it has several or none. */
enum v6_type v6_type_of_proto(int proto);

/* An IPPROTO_* number by the name of /etc/protocols, or in digits. */
void v6_proto_text(struct v6_text *t, int proto);

/* The number of such a name, or of digits 0..65535; -1 where it is neither. */
int v6_proto_parse(struct v6_slice word);

/* "EADDRINUSE", or "errno 4711" where the number has no name. */
void v6_errno_text(struct v6_text *t, int number);

/*
 * ": no such file (ENOENT)", for what open(2) and read(2) answer; of others that it is not to be
 * opened. strerror(3) takes a lock.
 */
const char *v6_errno_words(int number);

/* An IPv4 or IPv6 socket address, apart from struct sockaddr and its lengths. */
struct v6_address {
	enum v6_family family; /* OTHER: there is no address */
	uint16_t port;         /* host order */
	uint32_t scope;        /* sin6_scope_id */
	uint8_t bytes[16];     /* network order; IPv4 in the first four */
};

/*
 * Reads a sockaddr of `len` bytes, never beyond them. Lengths that the kernel
 * would refuse (below 16 for AF_INET, below 24 for AF_INET6: net/ipv6/af_inet6.c,
 * SIN6_LEN_RFC2133) and other families give V6_FAMILY_OTHER.
 */
struct v6_address v6_address_from(const void *sockaddr, size_t len);

/* `::` or 0.0.0.0. */
bool v6_address_wildcard(const struct v6_address *a);

/* ::ffff:0:0/96, RFC 4291 2.5.5.2. */
bool v6_address_mapped(const struct v6_address *a);

/* The address alone: "127.0.0.1", "::", "fe80::1%2". Nothing for OTHER. */
void v6_address_text(struct v6_text *t, const struct v6_address *a);

/* With its port: "127.0.0.1:80", "[::]:80". */
void v6_address_port_text(struct v6_text *t, const struct v6_address *a);

/* The family whose port an address takes: a v4-mapped one takes IPv4's. */
enum v6_family v6_port_family(const struct v6_address *a);
