#include "settings.h"

#include "errname.h"
#include "profile.h"

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
static const struct word mapped_words[] = {
	{"allow", 0, "the kernel answers: EINVAL"},
	{"deny:ERRNO", 1, "it fails with ERRNO"},
	WORD_END,
};
static const struct word nonboolean_words[] = {
	{"allow", 0, "the kernel takes any other value for 1"},
	{"deny:ERRNO", 1, "it fails with ERRNO and does not reach the kernel"},
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
	case V6_SETTING_ON_MAPPED:
		return mapped_words;
	case V6_SETTING_ON_NONBOOLEAN:
		return nonboolean_words;
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

/* Where the value of a WORD setting lives; NULL where it is none of the knobs. */
static uint8_t *word_knob(struct v6_knobs *k, enum v6_setting id)
{
	switch (id) {
	case V6_SETTING_POLICY:
		return &k->policy;
	case V6_SETTING_ORDER:
		return &k->order;
	case V6_SETTING_ON_CONFLICT:
		return &k->on_conflict;
	case V6_SETTING_MODE:
		return &k->mode;
	default:
		return NULL;
	}
}

static int16_t *reaction_knob(struct v6_knobs *k, enum v6_setting id)
{
	switch (id) {
	case V6_SETTING_ON_CONTRARY:
		return &k->on_contrary;
	case V6_SETTING_ON_DISORDER:
		return &k->on_disorder;
	case V6_SETTING_ON_MAPPED:
		return &k->on_mapped;
	case V6_SETTING_ON_NONBOOLEAN:
		return &k->on_nonboolean;
	default:
		return NULL;
	}
}

static uint8_t *word_field(struct v6_settings *s, enum v6_setting id)
{
	uint8_t *knob = word_knob(&s->knobs, id);

	if (knob)
		return knob;
	return id == V6_SETTING_LOG_FORMAT ? &s->format : &s->level;
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
		if (v6_slice_is(value, words->word))
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

	if (v6_slice_is(value, words_of(id)->word)) {
		*field = 0;
		return 0;
	}
	if (!v6_slice_begins(value, deny))
		return refuse_all(problem, V6_PROBLEM_UNKNOWN_VALUE, value);
	number = v6_errname_parse(v6_slice_from(value, n));
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
	if (v6_slice_begins(value, "fd:")) {
		if (parse_fd(v6_slice_from(value, 3), &s->log_fd))
			return refuse(problem, V6_PROBLEM_DESCRIPTOR, value, 3, value.len - 3);
		s->log = V6_LOG_FD;
		return 0;
	}
	if (v6_slice_begins(value, "/")) {
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

static int set_profile(struct v6_settings *s, struct v6_slice value, struct v6_problem *problem)
{
	enum v6_profile profile =
		v6_slice_is(value, "none") ? V6_PROFILE_NONE : v6_profile_by_name(value);

	if (profile == V6_PROFILE_COUNT)
		return refuse_all(problem, V6_PROBLEM_UNKNOWN_VALUE, value);
	s->profile = (uint8_t)profile;
	return 0;
}

static int set_config(struct v6_settings *s, struct v6_slice value, struct v6_problem *problem)
{
	if (!v6_slice_begins(value, "/"))
		return refuse_all(problem, V6_PROBLEM_NOT_ABSOLUTE, value);
	if (value.len >= V6_PATH_SIZE)
		return refuse_all(problem, V6_PROBLEM_TOO_LONG, value);
	s->config = value;
	return 0;
}

int v6_knobs_set(
	struct v6_knobs *k, enum v6_setting id, struct v6_slice value, struct v6_problem *problem)
{
	if (table[id].kind == KIND_REACTION)
		return set_reaction(reaction_knob(k, id), id, value, problem);
	return set_word(word_knob(k, id), id, value, problem);
}

void v6_knobs_copy(struct v6_knobs *to, const struct v6_knobs *from, enum v6_setting id)
{
	struct v6_knobs copy = *from;

	if (table[id].kind == KIND_REACTION)
		*reaction_knob(to, id) = *reaction_knob(&copy, id);
	else
		*word_knob(to, id) = *word_knob(&copy, id);
}

static int set_one(struct v6_settings *s, enum v6_setting id, struct v6_slice value,
	struct v6_problem *problem)
{
	switch (table[id].kind) {
	case KIND_WORD:
		return set_word(word_field(s, id), id, value, problem);
	case KIND_REACTION:
		return v6_knobs_set(&s->knobs, id, value, problem);
	case KIND_PROFILE:
		return set_profile(s, value, problem);
	case KIND_CONFIG:
		return set_config(s, value, problem);
	default:
		return set_log(s, value, problem);
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

	*problem = (struct v6_problem){.setting = (uint8_t)id};
	if (set_one(&changed, id, value, problem))
		return -1;
	if (origin < s->origin[id])
		return 0;
	changed.origin[id] = (uint8_t)origin;
	*s = changed;
	return 0;
}

/* "name=value name=value", well-formed: the profiles are our own. */
void v6_settings_finish(struct v6_settings *s)
{
	struct v6_slice row = v6_slice_of(v6_profile_settings(s->profile));

	while (row.len) {
		const char *equals = memchr(row.ptr, '=', row.len);
		const char *blank = memchr(row.ptr, ' ', row.len);
		size_t n = blank ? (size_t)(blank - row.ptr) : row.len;
		size_t name = (size_t)(equals - row.ptr);
		struct v6_problem problem;

		v6_settings_set(s, v6_setting_by_name((struct v6_slice){row.ptr, name}),
			(struct v6_slice){equals + 1, n - name - 1}, V6_ORIGIN_PROFILE, &problem);
		row = v6_slice_from(row, blank ? n + 1 : n);
	}
}

enum v6_format v6_settings_format(const struct v6_settings *s)
{
	if (s->origin[V6_SETTING_LOG_FORMAT] != V6_ORIGIN_DEFAULT || s->log != V6_LOG_PATH)
		return s->format;
	if (v6_slice_ends(s->log_path, ".json") || v6_slice_ends(s->log_path, ".jsonl") ||
		v6_slice_ends(s->log_path, ".ndjson"))
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

	while (id < V6_SETTING_COUNT && !v6_slice_is(name, table[id].name))
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
	return v6_slice_begins(name, env_prefix);
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

const char *v6_setting_help(enum v6_setting id)
{
	return table[id].help;
}

const char *v6_setting_word(enum v6_setting id, unsigned i, const char **word)
{
	const struct word *words = words_of(id);

	if (id == V6_SETTING_PROFILE) {
		if (i + 1 >= V6_PROFILE_COUNT)
			return NULL;
		*word = v6_profile_name(i + 1);
		return v6_profile_title(i + 1);
	}
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
	const char *word;

	for (unsigned i = 0; v6_setting_word(id, i, &word); i++) {
		if (i)
			v6_text_str(t, ", ");
		v6_text_str(t, word);
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

void v6_knobs_value(struct v6_text *t, const struct v6_knobs *knobs, enum v6_setting id)
{
	struct v6_knobs copy = *knobs;
	int16_t number;

	if (table[id].kind == KIND_WORD) {
		v6_text_str(t, v6_setting_word_of(id, *word_knob(&copy, id)));
		return;
	}
	number = *reaction_knob(&copy, id);
	if (!number) {
		v6_text_str(t, words_of(id)->word);
		return;
	}
	v6_text_str(t, "deny:");
	v6_text_str(t, v6_errname(number));
}

void v6_setting_value(struct v6_text *t, const struct v6_settings *s, enum v6_setting id)
{
	switch (id) {
	case V6_SETTING_PROFILE:
		v6_text_str(t, s->profile ? v6_profile_name(s->profile) : "none");
		break;
	case V6_SETTING_CONFIG:
		if (s->config.len)
			v6_text_safe(t, s->config.ptr, s->config.len);
		else
			v6_text_str(t, "none");
		break;
	case V6_SETTING_RULES:
		v6_text_str(t, s->origin[id] == V6_ORIGIN_DEFAULT ? "none" : "see below");
		break;
	case V6_SETTING_LOG:
		log_value(t, s);
		break;
	case V6_SETTING_LOG_FORMAT:
		v6_text_str(t, v6_setting_word_of(id, v6_settings_format(s)));
		break;
	case V6_SETTING_LOG_LEVEL:
		v6_text_str(t, v6_setting_word_of(id, s->level));
		break;
	default:
		v6_knobs_value(t, &s->knobs, id);
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
