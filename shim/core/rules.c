#include "rules.h"

#include <string.h>

#include "terms.h"

/* One rule being read; columns are counted from the beginning of the whole text. */
struct reader {
	const char *start; /* of the whole text */
	struct v6_rule *rule;
	struct v6_problem *problem;
};

static int refuse(const struct reader *r, enum v6_problem_kind kind, struct v6_slice text)
{
	r->problem->kind = kind;
	r->problem->text = text;
	r->problem->column = (size_t)(text.ptr - r->start) + 1;
	return -1;
}

static int refuse_many(const struct reader *r, struct v6_slice text, unsigned limit)
{
	r->problem->limit = limit;
	return refuse(r, V6_PROBLEM_TOO_MANY, text);
}

/* Cuts what stands before `end` off *rest, and `end` with it; all of it where there is none. */
static struct v6_slice cut(struct v6_slice *rest, char end)
{
	const char *at = rest->len ? memchr(rest->ptr, end, rest->len) : NULL;
	struct v6_slice head = {rest->ptr, at ? (size_t)(at - rest->ptr) : rest->len};

	*rest = v6_slice_from(*rest, at ? head.len + 1 : head.len);
	return head;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next word, blanks before it passed over; empty at the end. */
static struct v6_slice next_word(struct v6_slice *rest)
{
	size_t n = 0;
	struct v6_slice word;

	while (rest->len && is_blank(*rest->ptr))
		*rest = v6_slice_from(*rest, 1);
	while (n < rest->len && !is_blank(rest->ptr[n]))
		n++;
	word = (struct v6_slice){rest->ptr, n};
	*rest = v6_slice_from(*rest, n);
	return word;
}

/* 0..65535, or -1. */
static int parse_port(struct v6_slice digits)
{
	int n = 0;

	if (!digits.len || digits.len > 5)
		return -1;
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
			return -1;
		n = 10 * n + digits.ptr[i] - '0';
	}
	return n <= 65535 ? n : -1;
}

static int add_port(const struct reader *r, struct v6_slice item)
{
	struct v6_slice rest = item, first = cut(&rest, '-');
	bool range = first.len < item.len;
	int low = parse_port(first), high = range ? parse_port(rest) : low;

	if (low < 0 || high < 0)
		return refuse(r, V6_PROBLEM_PORT, item);
	if (high < low)
		return refuse(r, V6_PROBLEM_PORT_ORDER, item);
	if (r->rule->ports == V6_RULE_RANGES)
		return refuse_many(r, item, V6_RULE_RANGES);
	r->rule->port[r->rule->ports].low = (uint16_t)low;
	r->rule->port[r->rule->ports++].high = (uint16_t)high;
	return 0;
}

static int add_proto(const struct reader *r, struct v6_slice item)
{
	int proto = v6_proto_parse(item);

	if (proto < 0)
		return refuse(r, V6_PROBLEM_PROTO, item);
	if (r->rule->protos == V6_RULE_PROTOS)
		return refuse_many(r, item, V6_RULE_PROTOS);
	r->rule->proto[r->rule->protos++] = (uint16_t)proto;
	return 0;
}

/* The end of a bracket that begins at glob.ptr, or NULL. "[]a]" and "[!]a]" hold a bracket. */
static const char *bracket_end(struct v6_slice glob)
{
	size_t i = 1;

	if (i < glob.len && glob.ptr[i] == '!')
		i++;
	if (i < glob.len && glob.ptr[i] == ']')
		i++;
	for (; i < glob.len; i++)
		if (glob.ptr[i] == ']')
			return glob.ptr + i;
	return NULL;
}

bool v6_is_text(struct v6_slice text)
{
	while (text.len) {
		size_t n = v6_utf8_length(text.ptr, text.len);
		unsigned char c = (unsigned char)*text.ptr;
		bool c1 = n == 2 && c == 0xc2 && (unsigned char)text.ptr[1] < 0xa0;

		if (!n || c < 0x20 || c == 0x7f || c1)
			return false;
		text = v6_slice_from(text, n);
	}
	return true;
}

static int add_program(const struct reader *r, struct v6_slice item)
{
	struct v6_slice rest = item;

	/* A `?` matches the rest, and the rule can be written down. */
	if (!v6_is_text(item))
		return refuse(r, V6_PROBLEM_GLOB_BYTES, item);

	while (rest.len) {
		const char *end = rest.ptr;

		if (*rest.ptr == '[')
			end = bracket_end(rest);
		if (!end)
			return refuse(r, V6_PROBLEM_GLOB, item);
		rest = v6_slice_from(rest, (size_t)(end + 1 - rest.ptr));
	}
	return 0;
}

static int add_items(const struct reader *r, struct v6_slice list,
	int (*add)(const struct reader *r, struct v6_slice item))
{
	struct v6_slice rest = list;

	do {
		bool more = memchr(rest.ptr, ',', rest.len) != NULL;
		struct v6_slice item = cut(&rest, ',');

		if (!item.len || (more && !rest.len))
			return refuse(r, V6_PROBLEM_NO_ITEM, list);
		if (add(r, item))
			return -1;
	} while (rest.len);
	return 0;
}

static const char matcher_names[][8] = {"program", "port", "proto"};

enum { MATCHERS = sizeof(matcher_names) / sizeof(*matcher_names) };

const char *v6_matcher_name_at(unsigned i)
{
	return i < MATCHERS ? matcher_names[i] : NULL;
}

bool v6_matcher_is(struct v6_slice name)
{
	for (unsigned i = 0; i < MATCHERS; i++)
		if (v6_slice_is(name, matcher_names[i]))
			return true;
	return false;
}

static int add_list(const struct reader *r, struct v6_slice name, struct v6_slice list, bool before,
	int (*add)(const struct reader *r, struct v6_slice item))
{
	if (before)
		return refuse(r, V6_PROBLEM_TWICE, name);
	if (!list.len)
		return refuse(r, V6_PROBLEM_NO_ITEM, (struct v6_slice){name.ptr, name.len + 1});
	return add_items(r, list, add);
}

static int matcher(const struct reader *r, struct v6_slice word)
{
	struct v6_slice list = word, name = cut(&list, '=');
	bool before = r->rule->program.len != 0;

	if (!name.len || name.len == word.len)
		return refuse(r, V6_PROBLEM_NO_MATCHER, word);
	if (v6_slice_is(name, "program")) {
		if (!before)
			r->rule->program = list;
		return add_list(r, name, list, before, add_program);
	}
	if (v6_slice_is(name, "port"))
		return add_list(r, name, list, r->rule->ports, add_port);
	if (v6_slice_is(name, "proto"))
		return add_list(r, name, list, r->rule->protos, add_proto);
	return refuse(r, V6_PROBLEM_UNKNOWN_MATCHER,
		v6_setting_by_name(name) == V6_SETTING_COUNT ? name : word);
}

bool v6_rule_may_set(enum v6_setting id)
{
	switch (id) {
	case V6_SETTING_POLICY:
	case V6_SETTING_ON_CONTRARY:
	case V6_SETTING_ORDER:
	case V6_SETTING_ON_DISORDER:
	case V6_SETTING_ON_CONFLICT:
	case V6_SETTING_MODE:
		return true;
	default:
		return false;
	}
}

/* A port is known at bind and listen only: too late for an initial value. */
static bool too_late(enum v6_setting id, const struct v6_knobs *k)
{
	return id == V6_SETTING_ON_CONTRARY ||
	       (id == V6_SETTING_POLICY && (k->policy == V6_POLICY_DEFAULT_IPV6_ONLY ||
						   k->policy == V6_POLICY_DEFAULT_BOTH));
}

static int setting(const struct reader *r, struct v6_slice word)
{
	struct v6_slice value = word, name = cut(&value, '=');
	enum v6_setting id = v6_setting_by_name(name);

	if (!name.len || name.len == word.len)
		return refuse(r, V6_PROBLEM_NO_SETTING, word);
	if (id == V6_SETTING_COUNT || !v6_rule_may_set(id))
		return refuse(r, V6_PROBLEM_NOT_IN_RULE, v6_matcher_is(name) ? word : name);
	if (r->rule->sets & 1u << id)
		return refuse(r, V6_PROBLEM_TWICE, name);
	r->problem->setting = (uint8_t)id;
	if (v6_knobs_set(&r->rule->knobs, id, value, r->problem))
		return refuse(r, r->problem->kind, r->problem->text);
	r->problem->setting = V6_SETTING_RULES;
	if (r->rule->ports && too_late(id, &r->rule->knobs))
		return refuse(r, V6_PROBLEM_NOT_WITH_PORT, word);
	r->rule->sets |= (uint16_t)(1u << id);
	return 0;
}

static int parse_rule(struct reader *r, struct v6_slice text)
{
	const char *arrow = memmem(text.ptr, text.len, "=>", 2);
	struct v6_slice left, right, word;

	if (!arrow)
		return refuse(r, V6_PROBLEM_NO_ARROW, v6_slice_trim(text));
	left = (struct v6_slice){text.ptr, (size_t)(arrow - text.ptr)};
	right = v6_slice_from(text, left.len + 2);
	for (word = next_word(&left); word.len; word = next_word(&left))
		if (matcher(r, word))
			return -1;
	for (word = next_word(&right); word.len; word = next_word(&right))
		if (setting(r, word))
			return -1;
	return r->rule->sets ? 0 : refuse(r, V6_PROBLEM_NO_SETTINGS, v6_slice_trim(text));
}

static bool only_blanks(struct v6_slice text)
{
	return !next_word(&text).len;
}

int v6_rules_parse(struct v6_rules *rules, struct v6_slice text, struct v6_problem *problem)
{
	struct reader r = {.start = text.ptr, .problem = problem};
	unsigned before = rules->count;

	problem->setting = V6_SETTING_RULES;
	while (text.len) {
		struct v6_slice one = cut(&text, ';');

		if (only_blanks(one))
			continue;
		problem->rule = rules->count + 1;
		if (rules->count == V6_RULES_MAX) {
			rules->count = before;
			return refuse_many(&r, v6_slice_trim(one), V6_RULES_MAX);
		}
		r.rule = &rules->rule[rules->count];
		memset(r.rule, 0, sizeof(*r.rule));
		if (parse_rule(&r, one)) {
			rules->count = before;
			return -1;
		}
		rules->count++;
	}
	problem->rule = 0;
	return 0;
}

/* Whether one character is in a bracket "[...]"; the bracket is known to end. */
static bool in_bracket(struct v6_slice bracket, unsigned char c)
{
	bool no = bracket.len > 1 && bracket.ptr[1] == '!', in = false;

	for (size_t i = no ? 2 : 1; i + 1 < bracket.len; i++) {
		unsigned char low = (unsigned char)bracket.ptr[i], high = low;

		if (i + 3 < bracket.len && bracket.ptr[i + 1] == '-') {
			high = (unsigned char)bracket.ptr[i + 2];
			i += 2;
		}
		if (c >= low && c <= high)
			in = true;
	}
	return in != no;
}

/* Matches one character of the name: how much of the glob that takes, 0 for no match. */
static size_t match_one(struct v6_slice glob, char c)
{
	const char *end;
	size_t n;

	if (*glob.ptr == '?')
		return 1;
	if (*glob.ptr != '[')
		return *glob.ptr == c;
	end = bracket_end(glob);
	if (!end)
		return 0;
	n = (size_t)(end + 1 - glob.ptr);
	return in_bracket((struct v6_slice){glob.ptr, n}, (unsigned char)c) ? n : 0;
}

/* One star at a time is tried again: quadratic at the worst, never more. */
bool v6_glob(struct v6_slice glob, struct v6_slice name)
{
	struct v6_slice star = {NULL, 0}, back = {NULL, 0};

	while (name.len) {
		size_t n;

		if (glob.len && *glob.ptr == '*') {
			glob = v6_slice_from(glob, 1);
			star = glob;
			back = name;
			continue;
		}
		n = glob.len ? match_one(glob, *name.ptr) : 0;
		if (n) {
			glob = v6_slice_from(glob, n);
			name = v6_slice_from(name, 1);
			continue;
		}
		if (!star.ptr)
			return false;
		glob = star;
		back = v6_slice_from(back, 1);
		name = back;
	}
	while (glob.len && *glob.ptr == '*')
		glob = v6_slice_from(glob, 1);
	return !glob.len;
}

bool v6_rule_program(const struct v6_rule *rule, struct v6_slice program)
{
	struct v6_slice rest = rule->program;

	if (!rest.len)
		return true;
	while (rest.len)
		if (v6_glob(cut(&rest, ','), program))
			return true;
	return false;
}

bool v6_rule_port(const struct v6_rule *rule, unsigned port)
{
	if (!rule->ports)
		return true;
	for (unsigned i = 0; i < rule->ports; i++)
		if (port >= rule->port[i].low && port <= rule->port[i].high)
			return true;
	return false;
}

bool v6_rule_proto(const struct v6_rule *rule, int proto)
{
	if (!rule->protos)
		return true;
	for (unsigned i = 0; i < rule->protos; i++)
		if (rule->proto[i] == proto)
			return true;
	return false;
}

struct v6_knobs v6_rule_apply(const struct v6_rule *rule, const struct v6_knobs *base)
{
	struct v6_knobs knobs = *base;

	for (unsigned id = 0; id < V6_SETTING_COUNT; id++)
		if (rule->sets & 1u << id)
			v6_knobs_copy(&knobs, &rule->knobs, id);
	return knobs;
}

static void text_ports(struct v6_text *t, const struct v6_rule *rule)
{
	for (unsigned i = 0; i < rule->ports; i++) {
		v6_text_str(t, i ? "," : "port=");
		v6_text_uint(t, rule->port[i].low);
		if (rule->port[i].high == rule->port[i].low)
			continue;
		v6_text_char(t, '-');
		v6_text_uint(t, rule->port[i].high);
	}
	if (rule->ports)
		v6_text_char(t, ' ');
}

void v6_rule_text(struct v6_text *t, const struct v6_rule *rule)
{
	if (rule->program.len) {
		v6_text_str(t, "program=");
		v6_text_slice(t, rule->program);
		v6_text_char(t, ' ');
	}
	text_ports(t, rule);
	for (unsigned i = 0; i < rule->protos; i++) {
		v6_text_str(t, i ? "," : "proto=");
		v6_proto_text(t, rule->proto[i]);
	}
	if (rule->protos)
		v6_text_char(t, ' ');
	v6_text_str(t, "=>");
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		if (!(rule->sets & 1u << id))
			continue;
		v6_text_char(t, ' ');
		v6_text_str(t, v6_setting_name(id));
		v6_text_char(t, '=');
		v6_knobs_value(t, &rule->knobs, id);
	}
}
