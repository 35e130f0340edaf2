/*
 * The words of settings and records: one list each, for the enum, for the words
 * that are read and written, and for what they mean to a person.
 */
#ifndef V6_TERMS_H
#define V6_TERMS_H

#include "text.h"

/* A V6ONLY value or a yes/no that is not known, or that does not apply. */
enum { V6_UNKNOWN = -1 };

enum v6_list {
	V6_LIST_NONE, /* an empty list */
	V6_LIST_SETTING,
	V6_LIST_POLICY,
	V6_LIST_ON_CONTRARY,
	V6_LIST_ORDER,
	V6_LIST_ON_DISORDER,
	V6_LIST_ON_CONFLICT,
	V6_LIST_ON_MAPPED,
	V6_LIST_ON_NONBOOLEAN,
	V6_LIST_MODE,
	V6_LIST_PROFILE,
	V6_LIST_LOG,
	V6_LIST_LOG_FORMAT,
	V6_LIST_LOG_LEVEL,
	V6_LIST_ORIGIN,
	V6_LIST_MATCHER,
	V6_LIST_FAMILY,
	V6_LIST_TYPE,
	V6_LIST_PROTO,
	V6_LIST_VIA,
	V6_LIST_EVENT,
	V6_LIST_ACTION,
	V6_LIST_FINDING,
	V6_LIST_END, /* no list: what stands behind the last */
};

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

/*
 * In the order in which they are shown. Those before V6_KNOBS decide about a call:
 * they are what a rule or a profile may set.
 */
enum v6_setting {
	V6_SETTING_POLICY,
	V6_SETTING_ON_CONTRARY,
	V6_SETTING_ORDER,
	V6_SETTING_ON_DISORDER,
	V6_SETTING_ON_CONFLICT,
	V6_SETTING_ON_MAPPED,
	V6_SETTING_ON_NONBOOLEAN,
	V6_SETTING_MODE,
	V6_KNOBS,
	V6_SETTING_PROFILE = V6_KNOBS,
	V6_SETTING_RULES,
	V6_SETTING_CONFIG,
	V6_SETTING_LOG,
	V6_SETTING_LOG_FORMAT,
	V6_SETTING_LOG_LEVEL,
	V6_SETTING_COUNT,
};

enum v6_policy {
	V6_POLICY_APP,
	V6_POLICY_IPV6_ONLY,
	V6_POLICY_BOTH,
	V6_POLICY_DEFAULT_IPV6_ONLY,
	V6_POLICY_DEFAULT_BOTH,
};

enum v6_order { V6_ORDER_APP, V6_ORDER_IPV4_FIRST, V6_ORDER_IPV6_FIRST };

enum v6_on_conflict {
	V6_ON_CONFLICT_FAIL,
	V6_ON_CONFLICT_RESOLVE,
	V6_ON_CONFLICT_SHARE,
	V6_ON_CONFLICT_SHARE_IPV6,
};

enum v6_mode { V6_MODE_ENFORCE, V6_MODE_LOG };

enum v6_profile {
	V6_PROFILE_NONE,
	V6_PROFILE_LINUX,
	V6_PROFILE_FREEBSD,
	V6_PROFILE_NETBSD,
	V6_PROFILE_OPENBSD,
	V6_PROFILE_DRAGONFLY,
	V6_PROFILE_MACOS,
	V6_PROFILE_ILLUMOS,
	V6_PROFILE_WINDOWS,
	V6_PROFILE_QNX,
	V6_PROFILE_IBMI,
	V6_PROFILE_AIX,
	V6_PROFILE_BINDV6ONLY_0,
	V6_PROFILE_BINDV6ONLY_1,
	V6_PROFILE_COUNT,
};

enum v6_log { V6_LOG_STDERR, V6_LOG_OFF, V6_LOG_SYSLOG, V6_LOG_FD, V6_LOG_PATH };
enum v6_log_format { V6_LOG_FORMAT_TEXT, V6_LOG_FORMAT_JSON };

/* By rank: a record is written where its own level is not above the setting's. */
enum v6_log_level { V6_LOG_LEVEL_ERROR, V6_LOG_LEVEL_CHANGE, V6_LOG_LEVEL_BIND, V6_LOG_LEVEL_ALL };

/* Where a value came from; a later one beats an earlier one. */
enum v6_origin {
	V6_ORIGIN_DEFAULT,
	V6_ORIGIN_PROFILE,
	V6_ORIGIN_FILE,
	V6_ORIGIN_ENVIRONMENT,
	V6_ORIGIN_OPTION,
};

enum v6_matcher { V6_MATCHER_PROGRAM, V6_MATCHER_PORT, V6_MATCHER_PROTO };

enum v6_family {
	V6_FAMILY_OTHER, /* neither of the two, or not known */
	V6_FAMILY_INET,
	V6_FAMILY_INET6,
};

enum v6_type {
	V6_TYPE_UNKNOWN,
	V6_TYPE_STREAM,
	V6_TYPE_DGRAM,
	V6_TYPE_RAW,
	V6_TYPE_SEQPACKET,
	V6_TYPE_OTHER,
};

/* The way in by which a call was governed. */
enum v6_via { V6_VIA_UNKNOWN, V6_VIA_PRELOAD, V6_VIA_SUPERVISE };

enum v6_event {
	V6_EVENT_LOAD,
	V6_EVENT_SOCKET,
	V6_EVENT_SETSOCKOPT,
	V6_EVENT_BIND,
	V6_EVENT_LISTEN,
	V6_EVENT_GETADDRINFO,
	V6_EVENT_INHERIT,
	V6_EVENT_LOST,
	V6_EVENT_ERROR,
};

enum v6_action {
	V6_ACTION_NONE,
	V6_ACTION_SET,
	V6_ACTION_OVERRIDE, /* set against what the application asked for */
	V6_ACTION_DENY,
	V6_ACTION_SPLIT,
	V6_ACTION_SHARE,
	V6_ACTION_YIELD,
	V6_ACTION_REORDER,
};

enum v6_finding {
	V6_FINDING_NONE,
	V6_FINDING_CONFLICT,
	V6_FINDING_DISORDER,
	V6_FINDING_CONTRARY,
	V6_FINDING_UNENFORCED,  /* the policy is not in force on a socket that serves `::` */
	V6_FINDING_IPV4_SOCKET, /* no policy has a hold on a socket that serves 0.0.0.0 */
};

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

/* IANA's protocol numbers, and Linux's own for MPTCP (linux/in.h), which older headers lack. */
enum { V6_PROTO_TCP = 6, V6_PROTO_UDP = 17, V6_PROTO_UDPLITE = 136, V6_PROTO_MPTCP = 262 };

/* An IPPROTO_* number by the name of /etc/protocols, or in digits. */
void v6_proto_text(struct v6_text *t, int proto);

/* The number of such a name, or of digits 0..65535; -1 where it is neither. */
int v6_proto_parse(struct v6_slice word);

#endif
