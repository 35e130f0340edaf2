#include "rules.h"

#include "nearest.h"

/* 0..65535, or -1. */
static int parse_port(struct v6_slice digits)
{
	uint64_t port;

	return v6_slice_uint(digits, UINT16_MAX, &port) ? (int)port : -1;
}

static int add_port(struct v6_rule *r, struct v6_slice item, struct v6_problem *p)
{
	struct v6_slice rest = item, first = v6_slice_cut(&rest, '-');
	bool range = first.len < item.len;
	int low = parse_port(first), high = range ? parse_port(rest) : low;

	if (low < 0 || high < 0)
		return v6_problem_add(
			p, item, "%q is no port; a number from 0 to 65535 is meant, or N-M");
	if (high < low)
		return v6_problem_add(p, item, "%q ends before it begins");
	if (r->ports == V6_RULE_RANGES)
		return v6_problem_add_number(
			p, item, "there may be no more than %n ports in one rule", V6_RULE_RANGES);
	r->port[r->ports].low = (uint16_t)low;
	r->port[r->ports++].high = (uint16_t)high;
	return 0;
}

static int add_proto(struct v6_rule *r, struct v6_slice item, struct v6_problem *p)
{
	int proto = v6_proto_parse(item);

	if (proto < 0)
		return v6_problem_add_near(p, item, "unknown protocol %q",
			v6_nearest_of(V6_LIST_PROTO, item),
			"; a name as tcp or udp is meant, or a number up to 65535");
	if (r->protos == V6_RULE_PROTOS)
		return v6_problem_add_number(p, item,
			"there may be no more than %n protocols in one rule", V6_RULE_PROTOS);
	r->proto[r->protos++] = (uint16_t)proto;
	return 0;
}

static int add_program(struct v6_rule *r, struct v6_slice item, struct v6_problem *p)
{
	(void)r;
	/* So that the rule can be written down. */
	if (!v6_slice_is_text(item))
		return v6_problem_add(p, item, "%q has bytes that are no text; '?' matches any");
	if (memchr(item.ptr, '[', item.len))
		return v6_problem_add(p, item, "%q has a '['; of a glob there are '*' and '?'");
	return 0;
}

static int add_items(struct v6_rule *r, struct v6_slice list, struct v6_problem *p,
	int (*add)(struct v6_rule *r, struct v6_slice item, struct v6_problem *p))
{
	struct v6_slice rest = list;

	do {
		bool more = memchr(rest.ptr, ',', rest.len) != NULL;
		struct v6_slice item = v6_slice_cut(&rest, ',');

		if (!item.len || (more && !rest.len))
			return v6_problem_add(p, list, "%q has an empty item in its list");
		if (add(r, item, p))
			return -1;
	} while (rest.len);
	return 0;
}

static int matcher(struct v6_rule *r, struct v6_slice word, struct v6_problem *p)
{
	static const char matcher_form[] = "; program=GLOB, port=N or proto=NAME is meant";
	struct v6_slice list = word, name = v6_slice_cut(&list, '=');
	int kind = v6_word_value(V6_LIST_MATCHER, name);

	if (!name.len || name.len == word.len)
		return v6_problem_add_near(p, word, "%q is no matcher", NULL, matcher_form);
	if (kind < 0 && v6_setting_by_name(name) != V6_SETTING_COUNT)
		return v6_problem_add(p, word, "%q is a setting, whose place is behind '=>'");
	if (kind < 0)
		return v6_problem_add_near(p, name, "unknown matcher %q",
			v6_nearest_of(V6_LIST_MATCHER, name), matcher_form);
	if (kind == V6_MATCHER_PROGRAM    ? r->program.len
		: kind == V6_MATCHER_PORT ? r->ports
					  : r->protos)
		return v6_problem_add(p, name, "%q is given twice");
	if (!list.len)
		return v6_problem_add(p, word, "%q has no value");
	if (kind == V6_MATCHER_PROGRAM)
		r->program = list;
	return add_items(r, list, p,
		kind == V6_MATCHER_PROGRAM ? add_program
		: kind == V6_MATCHER_PORT  ? add_port
					   : add_proto);
}

/* A port is known at bind and listen only: too late for an initial value, or for what is asked. */
static bool too_late(enum v6_setting id, const struct v6_knobs *k)
{
	return id == V6_SETTING_ON_CONTRARY || id == V6_SETTING_ON_NONBOOLEAN ||
	       (id == V6_SETTING_POLICY && (k->policy == V6_POLICY_DEFAULT_IPV6_ONLY ||
						   k->policy == V6_POLICY_DEFAULT_BOTH));
}

static int not_in_rule(struct v6_slice word, struct v6_slice name, struct v6_problem *p)
{
	static const char valid[] = "; a rule may set policy, on-contrary, order, on-disorder, "
				    "on-conflict, on-mapped, on-nonboolean, mode";
	struct v6_nearest near = v6_nearest_to(name);

	if (v6_word_value(V6_LIST_MATCHER, name) >= 0)
		return v6_problem_add(p, word,
			"%q is a matcher, whose place is before '=>'; a ';' begins a new rule");
	if (v6_setting_by_name(name) != V6_SETTING_COUNT)
		return v6_problem_add_near(p, name, "no setting of a rule: %q", NULL, valid);
	for (unsigned id = 0; id < V6_KNOBS; id++)
		v6_nearest_offer(&near, v6_setting_name(id));
	return v6_problem_add_near(p, name, "unknown setting %q", near.word, valid);
}

static int setting(struct v6_rule *r, struct v6_slice word, struct v6_problem *p)
{
	struct v6_slice value = word, name = v6_slice_cut(&value, '=');
	enum v6_setting id = v6_setting_by_name(name);

	if (!name.len || name.len == word.len)
		return v6_problem_add(
			p, word, "%q is no setting=value; no blanks stand around its '='");
	if (id >= V6_KNOBS)
		return not_in_rule(word, name, p);
	if (r->sets & 1u << id)
		return v6_problem_add(p, name, "%q is given twice");
	p->setting = id;
	if (v6_knobs_set(&r->knobs, id, value, p))
		return -1;
	p->setting = V6_SETTING_RULES;
	if (r->ports && too_late(id, &r->knobs))
		return v6_problem_add(p, word,
			"%q cannot be set by a rule with port=, which acts at bind and listen "
			"only");
	r->sets |= (uint16_t)(1u << id);
	return 0;
}

static int parse_rule(struct v6_rule *r, struct v6_slice text, struct v6_problem *p)
{
	const char *arrow = memmem(text.ptr, text.len, "=>", 2);
	struct v6_slice left, right, word;

	text = v6_slice_trim(text);
	if (!arrow)
		return v6_problem_add(
			p, text, "%q is no rule: '=>' is missing between matchers and settings");
	left = (struct v6_slice){text.ptr, (size_t)(arrow - text.ptr)};
	right = v6_slice_from(text, left.len + 2);
	while ((word = v6_slice_word(&left)).len)
		if (matcher(r, word, p))
			return -1;
	while ((word = v6_slice_word(&right)).len)
		if (setting(r, word, p))
			return -1;
	return r->sets ? 0 : v6_problem_add(p, text, "no setting after '=>'");
}

int v6_rules_parse(struct v6_rules *rules, struct v6_slice text, struct v6_problem *p)
{
	unsigned before = rules->count;
	int error = 0;

	p->setting = V6_SETTING_RULES;
	p->start = text.ptr;
	while (text.len && !error) {
		struct v6_slice one = v6_slice_cut(&text, ';');
		struct v6_rule *r = &rules->rule[rules->count];

		if (!v6_slice_trim(one).len)
			continue;
		p->rule = rules->count + 1;
		if (rules->count == V6_RULES_MAX) {
			error = v6_problem_add_number(p, v6_slice_trim(one),
				"there may be no more than %n rules", V6_RULES_MAX);
		} else {
			memset(r, 0, sizeof(*r));
			error = parse_rule(r, one, p);
			rules->count++;
		}
	}
	if (error)
		rules->count = before;
	else
		p->rule = 0;
	return error;
}

/* One star at a time is tried again: quadratic at the worst, never more. */
bool v6_glob(struct v6_slice glob, struct v6_slice name)
{
	struct v6_slice star = {NULL, 0}, back = {NULL, 0};

	while (name.len) {
		if (glob.len && *glob.ptr == '*') {
			glob = v6_slice_from(glob, 1);
			star = glob;
			back = name;
			continue;
		}
		if (glob.len && (*glob.ptr == '?' || *glob.ptr == *name.ptr)) {
			glob = v6_slice_from(glob, 1);
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

	while (rest.len)
		if (v6_glob(v6_slice_cut(&rest, ','), program))
			return true;
	return !rule->program.len;
}

bool v6_rule_port(const struct v6_rule *rule, unsigned port)
{
	for (unsigned i = 0; i < rule->ports; i++)
		if (port >= rule->port[i].low && port <= rule->port[i].high)
			return true;
	return !rule->ports;
}

bool v6_rule_proto(const struct v6_rule *rule, int proto)
{
	for (unsigned i = 0; i < rule->protos; i++)
		if (rule->proto[i] == proto)
			return true;
	return !rule->protos;
}

struct v6_knobs v6_rule_apply(const struct v6_rule *rule, const struct v6_knobs *base)
{
	struct v6_knobs knobs = *base;

	for (unsigned id = 0; id < V6_KNOBS; id++)
		if (rule->sets & 1u << id)
			v6_knobs_copy(&knobs, &rule->knobs, id);
	return knobs;
}

void v6_rule_text(struct v6_text *t, const struct v6_rule *rule)
{
	if (rule->program.len) {
		v6_text_str(t, "program=");
		v6_text_slice(t, rule->program);
		v6_text_char(t, ' ');
	}
	for (unsigned i = 0; i < rule->ports; i++) {
		v6_text_print(t, "%s%u", i ? "," : "port=", rule->port[i].low);
		if (rule->port[i].high != rule->port[i].low)
			v6_text_print(t, "-%u", rule->port[i].high);
	}
	if (rule->ports)
		v6_text_char(t, ' ');
	for (unsigned i = 0; i < rule->protos; i++) {
		v6_text_str(t, i ? "," : "proto=");
		v6_proto_text(t, rule->proto[i]);
	}
	if (rule->protos)
		v6_text_char(t, ' ');
	v6_text_str(t, "=>");
	for (unsigned id = 0; id < V6_KNOBS; id++) {
		if (!(rule->sets & 1u << id))
			continue;
		v6_text_print(t, " %s=", v6_setting_name(id));
		v6_knobs_value(t, &rule->knobs, id);
	}
}
