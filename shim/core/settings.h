/*
 * The settings: their names, words, defaults and parsers. One table serves the
 * environment, the command line, the configuration file and the help text.
 *
 * Pure: no allocation, no system call, no global that changes. A text that is
 * parsed must stay in place for as long as the settings that came from it.
 */
#ifndef V6_SETTINGS_H
#define V6_SETTINGS_H

#include "problem.h"
#include "text.h"

/*
 * The words of each setting: identifier, value, word, what it means. The first
 * of a list is the default, and lists are shown in this order.
 */
#define V6_POLICY_WORDS(X)                                                                         \
	X(V6_POLICY_APP, 0, "app", "the application and the kernel decide")                        \
	X(V6_POLICY_IPV6_ONLY, 1, "ipv6-only",                                                     \
		"V6ONLY is set to 1 right before every governed bind")                             \
	X(V6_POLICY_BOTH, 2, "both", "V6ONLY is set to 0 right before every governed bind")        \
	X(V6_POLICY_DEFAULT_IPV6_ONLY, 3, "default-ipv6-only",                                     \
		"V6ONLY starts as 1; what the application asks for later wins")                    \
	X(V6_POLICY_DEFAULT_BOTH, 4, "default-both",                                               \
		"V6ONLY starts as 0; what the application asks for later wins")

#define V6_ORDER_WORDS(X)                                                                          \
	X(V6_ORDER_APP, 0, "app", "the application and the resolver decide")                       \
	X(V6_ORDER_IPV4_FIRST, 1, "ipv4-first", "passive getaddrinfo lists IPv4 first")            \
	X(V6_ORDER_IPV6_FIRST, 2, "ipv6-first", "passive getaddrinfo lists IPv6 first")

#define V6_CONFLICT_WORDS(X)                                                                       \
	X(V6_CONFLICT_FAIL, 0, "fail", "EADDRINUSE reaches the application")                       \
	X(V6_CONFLICT_RESOLVE, 1, "resolve", "split where that is possible, share otherwise")      \
	X(V6_CONFLICT_SHARE, 2, "share", "SO_REUSEPORT on both sockets of this process")           \
	X(V6_CONFLICT_SHARE_IPV6, 3, "share-ipv6",                                                 \
		"share only where the IPv6 socket comes second (FreeBSD, macOS)")

#define V6_MODE_WORDS(X)                                                                           \
	X(V6_MODE_ENFORCE, 0, "enforce", "decide, act and log")                                    \
	X(V6_MODE_LOG, 1, "log", "decide and log, change nothing at all")

#define V6_FORMAT_WORDS(X)                                                                         \
	X(V6_FORMAT_TEXT, 0, "text", "one line a record, for a person")                            \
	X(V6_FORMAT_JSON, 1, "json",                                                               \
		"one object a line; the default where the path ends in .json, .jsonl, .ndjson")

/* The value is the rank: a record is written where its own rank is not above it. */
#define V6_LEVEL_WORDS(X)                                                                          \
	X(V6_LEVEL_CHANGE, 1, "change", "also what was changed, refused or found")                 \
	X(V6_LEVEL_ERROR, 0, "error", "only what went wrong in the shim")                          \
	X(V6_LEVEL_BIND, 2, "bind",                                                                \
		"also every bind, listen, passive getaddrinfo and inherited socket")               \
	X(V6_LEVEL_ALL, 3, "all", "also socket, setsockopt and load")

#define V6_WORD_ENUM(id, value, word, meaning) id = value,
enum v6_policy { V6_POLICY_WORDS(V6_WORD_ENUM) };
enum v6_order { V6_ORDER_WORDS(V6_WORD_ENUM) };
enum v6_conflict { V6_CONFLICT_WORDS(V6_WORD_ENUM) };
enum v6_mode { V6_MODE_WORDS(V6_WORD_ENUM) };
enum v6_format { V6_FORMAT_WORDS(V6_WORD_ENUM) };
enum v6_level { V6_LEVEL_WORDS(V6_WORD_ENUM) };

enum v6_log_kind {
	V6_LOG_STDERR,
	V6_LOG_OFF,
	V6_LOG_SYSLOG,
	V6_LOG_FD,
	V6_LOG_PATH,
};

/*
 * Every setting, in the order in which it is shown: identifier, name (as a
 * configuration file has it; V6SHIM_NAME in the environment, --name on the
 * command line), kind, the values in words, one line of help.
 */
#define V6_SETTINGS(X)                                                                             \
	X(POLICY, "policy", WORD, "V6ONLY of the sockets that bind ::")                            \
	X(ON_CONTRARY, "on-contrary", REACTION,                                                    \
		"what the application gets when it asks for the opposite of the policy")           \
	X(ORDER, "order", WORD, "the family listed first, and that must bind a port first")        \
	X(ON_DISORDER, "on-disorder", REACTION, "a port bound against the order")                  \
	X(ON_CONFLICT, "on-conflict", WORD, "both families want one port")                         \
	X(ON_MAPPED, "on-mapped", REACTION,                                                        \
		"what a bind of a v4-mapped address gets where V6ONLY is 1")                       \
	X(ON_NONBOOLEAN, "on-nonboolean", REACTION,                                                \
		"what the application gets when it sets V6ONLY to neither 0 nor 1")                \
	X(MODE, "mode", WORD, "enforce, or only log")                                              \
	X(PROFILE, "profile", PROFILE, "a named set of settings: another system's rules")          \
	X(RULES, "rules", RULES, "settings for certain programs, ports and protocols")             \
	X(CONFIG, "config", CONFIG, "a file of settings and rules")                                \
	X(LOG, "log", LOG, "where records go")                                                     \
	X(LOG_FORMAT, "log-format", WORD, "how records are written")                               \
	X(LOG_LEVEL, "log-level", WORD, "which records are written")

#define V6_SETTING_ENUM(id, name, kind, help) V6_SETTING_##id,
enum v6_setting { V6_SETTINGS(V6_SETTING_ENUM) V6_SETTING_COUNT };

/* Where a value came from; a later one beats an earlier one. */
enum v6_origin {
	V6_ORIGIN_DEFAULT,
	V6_ORIGIN_PROFILE,
	V6_ORIGIN_FILE,
	V6_ORIGIN_ENVIRONMENT,
	V6_ORIGIN_COMMAND_LINE,
};

/* The settings that decide about a call: what a rule may set. */
struct v6_knobs {
	uint8_t policy;      /* enum v6_policy */
	uint8_t order;       /* enum v6_order */
	uint8_t on_conflict; /* enum v6_conflict */
	uint8_t mode;        /* enum v6_mode */
	int16_t on_contrary; /* 0: allow; otherwise the errno that is given */
	int16_t on_disorder; /* 0: log; otherwise the errno that is given */
	int16_t on_mapped;   /* 0: allow, the kernel's EINVAL; otherwise the errno that is given */
	int16_t on_nonboolean; /* 0: allow; otherwise the errno that is given */
};

struct v6_settings {
	struct v6_knobs knobs;
	uint8_t log;                      /* enum v6_log_kind */
	uint8_t format;                   /* enum v6_format, as set */
	uint8_t level;                    /* enum v6_level */
	uint8_t profile;                  /* enum v6_profile */
	int log_fd;                       /* V6_LOG_FD */
	struct v6_slice log_path;         /* V6_LOG_PATH: absolute, with %p %n %% unexpanded */
	struct v6_slice config;           /* path of the configuration file; empty: none */
	uint8_t origin[V6_SETTING_COUNT]; /* enum v6_origin */
};

/* The longest path of a log, its NUL included. */
enum { V6_PATH_SIZE = 4096 };

/* All defaults. */
void v6_settings_init(struct v6_settings *s);

/*
 * Sets one setting from text; not V6_SETTING_RULES, whose place is struct v6_rules. What came from
 * a higher origin before stays, but the text is judged all the same. 0, or -1 with *problem filled
 * and *s as it was.
 */
int v6_settings_set(struct v6_settings *s, enum v6_setting id, struct v6_slice value,
	enum v6_origin origin, struct v6_problem *problem);

/* The format in force: as set, or by the path's ending where nobody set it. */
enum v6_format v6_settings_format(const struct v6_settings *s);

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

/* Whether the name begins with V6SHIM_, so that it is ours to judge. */
bool v6_setting_env_ours(struct v6_slice name);

/* One line of help, and the values: "app, ipv6-only, both, ...". */
const char *v6_setting_help(enum v6_setting id);
void v6_setting_values(struct v6_text *t, enum v6_setting id);

/* The meaning of the setting's i-th word; *word is the word. NULL past the last. */
const char *v6_setting_word(enum v6_setting id, unsigned i, const char **word);

/* The value in force, in the syntax that is read back. */
void v6_setting_value(struct v6_text *t, const struct v6_settings *s, enum v6_setting id);

/* The word of a value of a WORD setting, for records. NULL where there is none. */
const char *v6_setting_word_of(enum v6_setting id, unsigned value);

const char *v6_origin_name(enum v6_origin origin);

/*
 * Applies the profile's settings below all that were given. Once, at the end.
 */
void v6_settings_finish(struct v6_settings *s);

/*
 * Parses a value of `policy` to `on-nonboolean` or `mode` into knobs, for rules.
 * 0, or -1 with problem->kind, text and column filled.
 */
int v6_knobs_set(struct v6_knobs *knobs, enum v6_setting id, struct v6_slice value,
	struct v6_problem *problem);

/* Copies one setting's value from one to the other. */
void v6_knobs_copy(struct v6_knobs *to, const struct v6_knobs *from, enum v6_setting id);

/* The value in the syntax that is read back. */
void v6_knobs_value(struct v6_text *t, const struct v6_knobs *knobs, enum v6_setting id);

#endif
