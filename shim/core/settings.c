#include "settings.h"

#include "errname.h"
#include "nearest.h"

#include <string.h>

enum kind {
	KIND_WORD,
	KIND_REACTION,
	KIND_PROFILE,
	KIND_RULES,
	KIND_CONFIG,
	KIND_LOG,
};

/* Fixed-size text rather than pointers, so that nothing here is relocated at load. */
struct word {
	char word[20];
	uint8_t value;
	char meaning[88];
};

#define WORD_ROW(id, value, word, meaning) {word, value, meaning},
#define WORD_END                                                                                   \
	{                                                                                          \
		"", 0, ""                                                                          \
	}
static const struct word policy_words[] = {V6_POLICY_WORDS(WORD_ROW) WORD_END};
static const struct word order_words[] = {V6_ORDER_WORDS(WORD_ROW) WORD_END};
static const struct word conflict_words[] = {V6_CONFLICT_WORDS(WORD_ROW) WORD_END};
static const struct word mode_words[] = {V6_MODE_WORDS(WORD_ROW) WORD_END};
static const struct word format_words[] = {V6_FORMAT_WORDS(WORD_ROW) WORD_END};
static const struct word level_words[] = {V6_LEVEL_WORDS(WORD_ROW) WORD_END};

/* A reaction: a neutral word, or deny:ERRNO. */
static const struct word contrary_words[] = {
	{"allow", 0, "it reaches the kernel as usual"},
	{"deny:ERRNO", 1, "it fails with ERRNO and does not reach the kernel"},
	WORD_END,
};
static const struct word disorder_words[] = {
	{"log", 0, "the second bind of the pair is logged as disorder"},
	{"deny:ERRNO", 1, "the bind of the family whose turn has not come fails with ERRNO"},
	WORD_END,
};
static const struct word log_words[] = {
	{"stderr", V6_LOG_STDERR, "standard error"},
	{"off", V6_LOG_OFF, "nowhere"},
	{"syslog", V6_LOG_SYSLOG, "the system log, by /dev/log"},
	{"fd:N", V6_LOG_FD, "the open descriptor N"},
	{"/PATH", V6_LOG_PATH, "a file or FIFO; %p the process id, %n the program's name, %%"},
	WORD_END,
};
static const struct word no_words[] = {WORD_END};

#define SETTING_ROW(id, name, kind, help) {name, KIND_##kind, help},
static const struct {
	char name[14];
	uint8_t kind;
	char help[72];
} table[] = {V6_SETTINGS(SETTING_ROW)};

static const struct word *words_of(enum v6_setting id)
{
	switch (id) {
	case V6_SETTING_POLICY:
		return policy_words;
	case V6_SETTING_ON_CONTRARY:
		return contrary_words;
	case V6_SETTING_ORDER:
		return order_words;
	case V6_SETTING_ON_DISORDER:
		return disorder_words;
	case V6_SETTING_ON_CONFLICT:
		return conflict_words;
	case V6_SETTING_MODE:
		return mode_words;
	case V6_SETTING_LOG:
		return log_words;
	case V6_SETTING_LOG_FORMAT:
		return format_words;
	case V6_SETTING_LOG_LEVEL:
		return level_words;
	default:
		return no_words;
	}
}

/* Where the value of a WORD setting lives. */
static uint8_t *word_field(struct v6_settings *s, enum v6_setting id)
{
	switch (id) {
	case V6_SETTING_POLICY:
		return &s->knobs.policy;
	case V6_SETTING_ORDER:
		return &s->knobs.order;
	case V6_SETTING_ON_CONFLICT:
		return &s->knobs.on_conflict;
	case V6_SETTING_MODE:
		return &s->knobs.mode;
	case V6_SETTING_LOG_FORMAT:
		return &s->format;
	default:
		return &s->level;
	}
}

static int16_t *reaction_field(struct v6_settings *s, enum v6_setting id)
{
	return id == V6_SETTING_ON_CONTRARY ? &s->knobs.on_contrary : &s->knobs.on_disorder;
}

static bool slice_is(struct v6_slice slice, const char *str)
{
	return slice.len == strlen(str) && !memcmp(slice.ptr, str, slice.len);
}

static bool slice_begins(struct v6_slice slice, const char *str)
{
	return slice.len >= strlen(str) && !memcmp(slice.ptr, str, strlen(str));
}

static bool slice_ends(struct v6_slice slice, const char *str)
{
	size_t n = strlen(str);

	return slice.len >= n && !memcmp(slice.ptr + slice.len - n, str, n);
}

static struct v6_slice slice_from(struct v6_slice slice, size_t start)
{
	return (struct v6_slice){slice.ptr + start, slice.len - start};
}

/* Fills *problem for a part of the value; always -1. */
static int refuse(
	struct v6_problem *problem, int kind, struct v6_slice value, size_t start, size_t len)
{
	problem->kind = kind;
	problem->text = (struct v6_slice){value.ptr + start, len};
	problem->column = start + 1;
	return -1;
}

static int refuse_all(struct v6_problem *problem, int kind, struct v6_slice value)
{
	return refuse(problem, kind, value, 0, value.len);
}

static const struct word *find_word(const struct word *words, struct v6_slice value)
{
	for (; *words->word; words++)
		if (slice_is(value, words->word))
			return words;
	return NULL;
}

static int set_word(
	uint8_t *field, enum v6_setting id, struct v6_slice value, struct v6_problem *problem)
{
	const struct word *word = find_word(words_of(id), value);

	if (!word)
		return refuse_all(problem, V6_PROBLEM_UNKNOWN_VALUE, value);
	*field = word->value;
	return 0;
}

static int set_reaction(
	int16_t *field, enum v6_setting id, struct v6_slice value, struct v6_problem *problem)
{
	static const char deny[] = "deny:";
	size_t n = sizeof(deny) - 1;
	int number;

	if (slice_is(value, words_of(id)->word)) {
		*field = 0;
		return 0;
	}
	if (!slice_begins(value, deny))
		return refuse_all(problem, V6_PROBLEM_UNKNOWN_VALUE, value);
	number = v6_errname_parse(slice_from(value, n));
	if (!number)
		return refuse(problem, V6_PROBLEM_UNKNOWN_ERRNO, value, n, value.len - n);
	*field = (int16_t)number;
	return 0;
}

/* A descriptor's number: digits alone, 0 to INT_MAX. */
static int parse_fd(struct v6_slice digits, int *fd)
{
	int64_t n = 0;

	if (!digits.len || digits.len > 10)
		return -1;
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
			return -1;
		n = 10 * n + digits.ptr[i] - '0';
	}
	if (n > INT32_MAX)
		return -1;
	*fd = (int)n;
	return 0;
}

static int check_path(struct v6_slice path, struct v6_problem *problem)
{
	if (path.len >= V6_PATH_SIZE)
		return refuse_all(problem, V6_PROBLEM_TOO_LONG, path);
	if (path.ptr[path.len - 1] == '/')
		return refuse_all(problem, V6_PROBLEM_DIRECTORY, path);
	for (size_t i = 0; i < path.len; i++) {
		if (path.ptr[i] != '%')
			continue;
		if (i + 1 == path.len)
			return refuse(problem, V6_PROBLEM_CONVERSION, path, i, 1);
		if (!strchr("pn%", path.ptr[i + 1]) || !path.ptr[i + 1])
			return refuse(problem, V6_PROBLEM_CONVERSION, path, i, 2);
		i++;
	}
	return 0;
}

static int set_log(struct v6_settings *s, struct v6_slice value, struct v6_problem *problem)
{
	const struct word *word = find_word(log_words, value);

	if (word && word->value <= V6_LOG_SYSLOG) {
		s->log = word->value;
		return 0;
	}
	if (slice_begins(value, "fd:")) {
		if (parse_fd(slice_from(value, 3), &s->log_fd))
			return refuse(problem, V6_PROBLEM_DESCRIPTOR, value, 3, value.len - 3);
		s->log = V6_LOG_FD;
		return 0;
	}
	if (slice_begins(value, "/")) {
		if (check_path(value, problem))
			return -1;
		s->log = V6_LOG_PATH;
		s->log_path = value;
		return 0;
	}
	if (memchr(value.ptr, '/', value.len) || memchr(value.ptr, '.', value.len))
		return refuse_all(problem, V6_PROBLEM_NOT_ABSOLUTE, value);
	return refuse_all(problem, V6_PROBLEM_UNKNOWN_VALUE, value);
}

static int set_one(struct v6_settings *s, enum v6_setting id, struct v6_slice value,
	struct v6_problem *problem)
{
	switch (table[id].kind) {
	case KIND_WORD:
		return set_word(word_field(s, id), id, value, problem);
	case KIND_REACTION:
		return set_reaction(reaction_field(s, id), id, value, problem);
	case KIND_LOG:
		return set_log(s, value, problem);
	default:
		return refuse_all(problem, V6_PROBLEM_NOT_BUILT, value);
	}
}

void v6_settings_init(struct v6_settings *s)
{
	memset(s, 0, sizeof(*s));
	s->level = V6_LEVEL_CHANGE;
}

int v6_settings_set(struct v6_settings *s, enum v6_setting id, struct v6_slice value,
	enum v6_origin origin, struct v6_problem *problem)
{
	struct v6_settings changed = *s;

	problem->setting = id;
	if (set_one(&changed, id, value, problem))
		return -1;
	if (origin < s->origin[id])
		return 0;
	changed.origin[id] = (uint8_t)origin;
	*s = changed;
	return 0;
}

enum v6_format v6_settings_format(const struct v6_settings *s)
{
	if (s->origin[V6_SETTING_LOG_FORMAT] != V6_ORIGIN_DEFAULT || s->log != V6_LOG_PATH)
		return s->format;
	if (slice_ends(s->log_path, ".json") || slice_ends(s->log_path, ".jsonl") ||
		slice_ends(s->log_path, ".ndjson"))
		return V6_FORMAT_JSON;
	return V6_FORMAT_TEXT;
}

const char *v6_setting_name(enum v6_setting id)
{
	return table[id].name;
}

enum v6_setting v6_setting_by_name(struct v6_slice name)
{
	unsigned id = 0;

	while (id < V6_SETTING_COUNT && !slice_is(name, table[id].name))
		id++;
	return id;
}

static const char env_prefix[] = "V6SHIM_";

static char env_char(char c)
{
	return c == '-' ? '_' : (char)(c - 'a' + 'A');
}

void v6_setting_env_name(struct v6_text *t, enum v6_setting id)
{
	v6_text_str(t, env_prefix);
	for (const char *c = table[id].name; *c; c++)
		v6_text_char(t, env_char(*c));
}

bool v6_setting_env_ours(struct v6_slice name)
{
	return slice_begins(name, env_prefix);
}

enum v6_setting v6_setting_by_env_name(struct v6_slice name)
{
	unsigned id = 0;

	for (; id < V6_SETTING_COUNT; id++) {
		char buf[32];
		struct v6_text t = v6_text_in(buf, sizeof(buf));

		v6_setting_env_name(&t, id);
		if (slice_is(name, buf))
			break;
	}
	return id;
}

const char *v6_setting_help(enum v6_setting id)
{
	return table[id].help;
}

const char *v6_setting_word(enum v6_setting id, unsigned i, const char **word)
{
	const struct word *words = words_of(id);

	for (unsigned n = 0; *words[n].word; n++)
		if (n == i) {
			*word = words[n].word;
			return words[n].meaning;
		}
	return NULL;
}

const char *v6_setting_word_of(enum v6_setting id, unsigned value)
{
	for (const struct word *w = words_of(id); *w->word; w++)
		if (w->value == value)
			return w->word;
	return NULL;
}

void v6_setting_values(struct v6_text *t, enum v6_setting id)
{
	for (const struct word *w = words_of(id); *w->word; w++) {
		if (w != words_of(id))
			v6_text_str(t, ", ");
		v6_text_str(t, w->word);
	}
}

static void log_value(struct v6_text *t, const struct v6_settings *s)
{
	if (s->log == V6_LOG_FD) {
		v6_text_str(t, "fd:");
		v6_text_int(t, s->log_fd);
	} else if (s->log == V6_LOG_PATH) {
		v6_text_safe(t, s->log_path.ptr, s->log_path.len);
	} else {
		v6_text_str(t, v6_setting_word_of(V6_SETTING_LOG, s->log));
	}
}

static void reaction_value(struct v6_text *t, enum v6_setting id, int16_t number)
{
	if (!number) {
		v6_text_str(t, words_of(id)->word);
		return;
	}
	v6_text_str(t, "deny:");
	v6_text_str(t, v6_errname(number));
}

void v6_setting_value(struct v6_text *t, const struct v6_settings *s, enum v6_setting id)
{
	struct v6_settings copy = *s;

	copy.format = v6_settings_format(s);
	switch (table[id].kind) {
	case KIND_WORD:
		v6_text_str(t, v6_setting_word_of(id, *word_field(&copy, id)));
		break;
	case KIND_REACTION:
		reaction_value(t, id, *reaction_field(&copy, id));
		break;
	case KIND_LOG:
		log_value(t, s);
		break;
	default:
		v6_text_str(t, "none");
	}
}

const char *v6_origin_name(enum v6_origin origin)
{
	switch (origin) {
	case V6_ORIGIN_PROFILE:
		return "profile";
	case V6_ORIGIN_FILE:
		return "configuration file";
	case V6_ORIGIN_ENVIRONMENT:
		return "environment";
	case V6_ORIGIN_COMMAND_LINE:
		return "command line";
	default:
		return "default";
	}
}

static void spell(struct v6_text *t, enum v6_setting id, enum v6_spelling spelling)
{
	if (spelling == V6_SPELL_ENV) {
		v6_setting_env_name(t, id);
		return;
	}
	if (spelling == V6_SPELL_OPTION)
		v6_text_str(t, "--");
	v6_text_str(t, table[id].name);
}

static void quote(struct v6_text *t, struct v6_slice text)
{
	enum { SHOWN = 80 };

	v6_text_char(t, '\'');
	v6_text_safe(t, text.ptr, text.len > SHOWN ? SHOWN : text.len);
	v6_text_str(t, text.len > SHOWN ? "...'" : "'");
}

static void suggest(struct v6_text *t, const struct v6_nearest *near)
{
	v6_text_str(t, "; did you mean '");
	v6_text_str(t, near->word);
	v6_text_char(t, '\'');
}

/* What stands before the name in each spelling: no part of what was misspelt. */
static const char *spelling_prefix(enum v6_spelling spelling)
{
	return spelling == V6_SPELL_ENV ? env_prefix : spelling == V6_SPELL_OPTION ? "--" : "";
}

static void unknown_setting(
	struct v6_text *t, const struct v6_problem *problem, enum v6_spelling spelling)
{
	const char *prefix = spelling_prefix(spelling);
	bool prefixed = slice_begins(problem->text, prefix);
	struct v6_nearest near =
		v6_nearest_to(slice_from(problem->text, prefixed ? strlen(prefix) : 0));

	v6_text_safe(t, problem->text.ptr, problem->text.len);
	v6_text_str(t, ": unknown setting; ");
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++)
		v6_nearest_offer(&near, table[id].name);
	if (near.word) {
		v6_text_str(t, "did you mean '");
		spell(t, v6_setting_by_name((struct v6_slice){near.word, strlen(near.word)}),
			spelling);
		v6_text_char(t, '\'');
		return;
	}
	v6_text_str(t, "valid: ");
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		if (id)
			v6_text_str(t, ", ");
		spell(t, id, spelling);
	}
}

static void unknown_value(struct v6_text *t, const struct v6_problem *problem)
{
	struct v6_nearest near = v6_nearest_to(problem->text);
	const char *word;

	if (problem->text.len) {
		v6_text_str(t, "unknown value ");
		quote(t, problem->text);
	} else {
		v6_text_str(t, "no value given");
	}
	for (unsigned i = 0; v6_setting_word(problem->setting, i, &word); i++)
		v6_nearest_offer(&near, word);
	if (near.word) {
		suggest(t, &near);
		return;
	}
	v6_text_str(t, "; valid: ");
	v6_setting_values(t, problem->setting);
}

static void unknown_errno(struct v6_text *t, const struct v6_problem *problem)
{
	struct v6_nearest near = v6_nearest_to(problem->text);
	const char *name;

	v6_text_str(t, "unknown errno ");
	quote(t, problem->text);
	v6_text_str(t, " at column ");
	v6_text_uint(t, problem->column);
	for (unsigned i = 0; (name = v6_errname_at(i)); i++)
		v6_nearest_offer(&near, name);
	if (near.word)
		suggest(t, &near);
	else
		v6_text_str(t, "; a symbolic name is meant, as in deny:EPERM");
}

void v6_problem_text(struct v6_text *t, const struct v6_problem *problem, enum v6_spelling spelling)
{
	if (problem->kind == V6_PROBLEM_UNKNOWN_SETTING) {
		unknown_setting(t, problem, spelling);
		return;
	}
	spell(t, problem->setting, spelling);
	v6_text_str(t, ": ");
	switch (problem->kind) {
	case V6_PROBLEM_UNKNOWN_VALUE:
		unknown_value(t, problem);
		return;
	case V6_PROBLEM_UNKNOWN_ERRNO:
		unknown_errno(t, problem);
		return;
	default:
		break;
	}
	quote(t, problem->text);
	switch (problem->kind) {
	case V6_PROBLEM_NOT_ABSOLUTE:
		v6_text_str(t, " is not an absolute path");
		break;
	case V6_PROBLEM_TOO_LONG:
		v6_text_str(t, " is longer than ");
		v6_text_uint(t, V6_PATH_SIZE - 1);
		v6_text_str(t, " bytes");
		break;
	case V6_PROBLEM_CONVERSION:
		v6_text_str(t, " at column ");
		v6_text_uint(t, problem->column);
		v6_text_str(t, " is no conversion; valid: %p, %n, %%");
		break;
	case V6_PROBLEM_DIRECTORY:
		v6_text_str(t, " is a directory, a file is meant");
		break;
	case V6_PROBLEM_DESCRIPTOR:
		v6_text_str(t, " at column ");
		v6_text_uint(t, problem->column);
		v6_text_str(t, " is no descriptor's number");
		break;
	default:
		v6_text_str(t, " is not built yet in this version");
	}
}
