#include "config.h"

static int add_port(struct v6_rule *r, struct v6_slice item, struct v6_problem *p)
{
	struct v6_slice rest = item, first = v6_slice_cut(&rest, '-');
	uint64_t low, high;

	if (!v6_slice_uint(first, UINT16_MAX, &low) ||
		!v6_slice_uint(first.len < item.len ? rest : first, UINT16_MAX, &high))
		return v6_problem_add(
			p, item, "%q is no port; a number from 0 to 65535 is meant, or N-M");
	if (high < low)
		return v6_problem_add(p, item, "%q ends before it begins");
	if (r->ports == V6_RULE_RANGES)
		return v6_problem_add(p, item, "there may be no more than %n ports in one rule",
			.number = V6_RULE_RANGES);
	r->port[r->ports].low = (uint16_t)low;
	r->port[r->ports++].high = (uint16_t)high;
	return 0;
}

static int add_proto(struct v6_rule *r, struct v6_slice item, struct v6_problem *p)
{
	int proto = v6_proto_parse(item);

	if (proto < 0)
		return v6_problem_add(p, item, "unknown protocol %q",
			.near = v6_nearest_of(V6_LIST_PROTO, item),
			.otherwise = "; a name as tcp or udp is meant, or a number up to 65535");
	if (r->protos == V6_RULE_PROTOS)
		return v6_problem_add(p, item, "there may be no more than %n protocols in one rule",
			.number = V6_RULE_PROTOS);
	r->proto[r->protos++] = (uint16_t)proto;
	return 0;
}

static int add_item(struct v6_rule *r, unsigned kind, struct v6_slice item, struct v6_problem *p)
{
	if (kind == V6_MATCHER_PORT)
		return add_port(r, item, p);
	if (kind == V6_MATCHER_PROTO)
		return add_proto(r, item, p);
	/* So that the rule can be written down. */
	if (!v6_slice_is_text(item))
		return v6_problem_add(p, item, "%q has bytes that are no text; '?' matches any");
	if (memchr(item.ptr, '[', item.len))
		return v6_problem_add(p, item, "%q has a '['; of a glob there are '*' and '?'");
	if (memchr(item.ptr, '/', item.len))
		return v6_problem_add(p, item, "%q is a path; a program's mere name is meant");
	return 0;
}

/* name=value of one side of a rule, as it is looked up on either. */
struct item {
	struct v6_slice word, name, value;
	enum v6_setting id;
	int matcher; /* enum v6_matcher, or -1 */
};

static int matcher(struct v6_rule *r, const struct item *i, struct v6_problem *p)
{
	static const char form[] = "; program=GLOB, port=N or proto=NAME is meant";
	const size_t given[] = {[V6_MATCHER_PROGRAM] = r->program.len,
		[V6_MATCHER_PORT] = r->ports,
		[V6_MATCHER_PROTO] = r->protos};
	struct v6_slice rest = i->value;

	if (!i->name.len || i->name.len == i->word.len)
		return v6_problem_add(p, i->word, "%q is no matcher", .otherwise = form);
	if (i->id != V6_SETTING_COUNT)
		return v6_problem_add(p, i->word, "%q is a setting, whose place is behind '=>'");
	if (i->matcher < 0)
		return v6_problem_add(p, i->name, "unknown matcher %q",
			.near = v6_nearest_of(V6_LIST_MATCHER, i->name), .otherwise = form);
	if (given[i->matcher])
		return v6_problem_add(p, i->name, "%q is given twice");
	if (!rest.len)
		return v6_problem_add(p, i->word, "%q has no value");
	if (i->matcher == V6_MATCHER_PROGRAM)
		r->program = rest;
	do {
		bool more = memchr(rest.ptr, ',', rest.len) != NULL;
		struct v6_slice one = v6_slice_cut(&rest, ',');

		if (!one.len || (more && !rest.len))
			return v6_problem_add(p, i->value, "%q has an empty item in its list");
		if (add_item(r, (unsigned)i->matcher, one, p))
			return -1;
	} while (rest.len);
	return 0;
}

/* A port is known at bind and listen only: too late for an initial value, or for what is asked. */
static bool too_late(enum v6_setting id, const struct v6_knobs *k)
{
	return id == V6_SETTING_ON_CONTRARY || id == V6_SETTING_ON_NONBOOLEAN ||
	       (id == V6_SETTING_POLICY && (k->policy == V6_POLICY_DEFAULT_IPV6_ONLY ||
						   k->policy == V6_POLICY_DEFAULT_BOTH));
}

static int setting(struct v6_rule *r, const struct item *i, struct v6_problem *p)
{
	bool known = i->id != V6_SETTING_COUNT;

	if (!i->name.len || i->name.len == i->word.len)
		return v6_problem_add(
			p, i->word, "%q is no setting=value; no blanks stand around its '='");
	if (i->matcher >= 0)
		return v6_problem_add(p, i->word,
			"%q is a matcher, whose place is before '=>'; a ';' begins a new rule");
	if (i->id >= V6_KNOBS)
		return v6_problem_add(p, i->name,
			known ? "no setting of a rule: %q" : "unknown setting %q",
			.near = known ? NULL : v6_nearest_setting(i->name, V6_KNOBS),
			.otherwise = "; a rule may set policy, on-contrary, order, on-disorder, "
				     "on-conflict, on-mapped, on-nonboolean, mode");
	if (r->sets & 1u << i->id)
		return v6_problem_add(p, i->name, "%q is given twice");
	p->setting = i->id;
	if (v6_knobs_set(&r->knobs, i->id, i->value, p))
		return -1;
	p->setting = V6_SETTING_RULES;
	if (r->ports && too_late(i->id, &r->knobs))
		return v6_problem_add(p, i->word,
			"%q cannot be set by a rule with port=, which acts at bind and listen "
			"only");
	r->sets |= (uint16_t)(1u << i->id);
	return 0;
}

static int parse_side(struct v6_rule *r, struct v6_slice side, struct v6_problem *p,
	int (*take)(struct v6_rule *r, const struct item *i, struct v6_problem *p))
{
	struct item i;

	while ((i.word = v6_slice_word(&side)).len) {
		i.value = i.word;
		i.name = v6_slice_cut(&i.value, '=');
		i.id = v6_setting_by_name(i.name);
		i.matcher = v6_word_value(V6_LIST_MATCHER, i.name);
		if (take(r, &i, p))
			return -1;
	}
	return 0;
}

static int parse_rule(struct v6_rule *r, struct v6_slice text, struct v6_problem *p)
{
	const char *arrow = memmem(text.ptr, text.len, "=>", 2);
	size_t left = arrow ? (size_t)(arrow - text.ptr) : 0;

	if (!arrow)
		return v6_problem_add(
			p, text, "%q is no rule: '=>' is missing between matchers and settings");
	if (parse_side(r, (struct v6_slice){text.ptr, left}, p, matcher) ||
		parse_side(r, v6_slice_from(text, left + 2), p, setting))
		return -1;
	return r->sets ? 0 : v6_problem_add(p, text, "no setting after '=>'");
}

int v6_rules_parse(struct v6_rules *rules, struct v6_slice text, struct v6_problem *p)
{
	unsigned count = rules->count;

	p->setting = V6_SETTING_RULES;
	p->start = text.ptr;
	while (text.len) {
		struct v6_slice one = v6_slice_trim(v6_slice_cut(&text, ';'));

		if (!one.len)
			continue;
		p->rule = count + 1;
		if (count == V6_RULES_MAX)
			return v6_problem_add(p, one, "there may be no more than %n rules",
				.number = V6_RULES_MAX);
		memset(&rules->rule[count], 0, sizeof(*rules->rule));
		if (parse_rule(&rules->rule[count], one, p))
			return -1;
		count++;
	}
	rules->count = count;
	p->rule = 0;
	return 0;
}

/*
 * Whether `*` and `?` match the whole name, byte by byte. One star at a time is tried again:
 * quadratic at the worst, never more.
 */
static bool glob_matches(struct v6_slice glob, struct v6_slice name)
{
	struct v6_slice star = {NULL, 0}, back = {NULL, 0};

	while (name.len) {
		if (glob.len && *glob.ptr == '*') {
			star = glob = v6_slice_from(glob, 1);
			back = name;
		} else if (glob.len && (*glob.ptr == '?' || *glob.ptr == *name.ptr)) {
			glob = v6_slice_from(glob, 1);
			name = v6_slice_from(name, 1);
		} else if (star.ptr) {
			glob = star;
			name = back = v6_slice_from(back, 1);
		} else {
			return false;
		}
	}
	while (glob.len && *glob.ptr == '*')
		glob = v6_slice_from(glob, 1);
	return !glob.len;
}

bool v6_rule_program(const struct v6_rule *rule, struct v6_slice program)
{
	struct v6_slice rest = rule->program;

	while (rest.len)
		if (glob_matches(v6_slice_cut(&rest, ','), program))
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
	v6_text_str(t, rule->ports ? " " : "");
	for (unsigned i = 0; i < rule->protos; i++) {
		v6_text_str(t, i ? "," : "proto=");
		v6_proto_text(t, rule->proto[i]);
	}
	v6_text_str(t, rule->protos ? " => " : "=> ");
	v6_knobs_text(t, &rule->knobs, rule->sets);
}

void v6_config_init(struct v6_config *c)
{
	v6_settings_init(&c->settings);
	c->rules.count = 0;
}

/* Those of a higher origin replace those before them. A file's are behind the others, which win. */
static int add_rules(
	struct v6_config *c, struct v6_slice text, enum v6_origin origin, struct v6_problem *p)
{
	enum v6_origin *old = &c->settings.origin[V6_SETTING_RULES];

	if (origin > *old)
		c->rules.count = 0;
	if (v6_rules_parse(&c->rules, text, p))
		return -1;
	*old = origin > *old ? origin : *old;
	return 0;
}

int v6_config_set(struct v6_config *c, enum v6_setting id, struct v6_slice value,
	enum v6_origin origin, struct v6_problem *p)
{
	unsigned before = c->rules.count;

	*p = (struct v6_problem){.setting = id, .origin = origin, .start = value.ptr};
	if (id != V6_SETTING_RULES)
		return v6_settings_set(&c->settings, id, value, origin, p);
	if (add_rules(c, value, origin, p))
		return -1;
	if (origin < c->settings.origin[id])
		c->rules.count = before;
	return 0;
}

/* A line without its comment: `#` at its beginning or after a blank. */
static struct v6_slice without_comment(struct v6_slice line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.ptr[i] == '#' && (!i || line.ptr[i - 1] == ' ' || line.ptr[i - 1] == '\t'))
			line.len = i;
	return v6_slice_trim(line);
}

/* `set_in`: the line in which each setting was set, 0 for not yet. */
static int file_line(
	struct v6_config *c, struct v6_slice line, unsigned *set_in, struct v6_problem *p)
{
	const char *nul = memchr(line.ptr, '\0', line.len), *arrow;
	struct v6_slice text = without_comment(line), value = text, name;
	bool is_rule;
	enum v6_setting id;

	if (nul)
		return v6_problem_add(
			p, ((struct v6_slice){nul, 1}), "a NUL byte: this is no text file");
	if (!text.len)
		return 0;
	name = v6_slice_cut(&value, '=');
	if (name.len == text.len)
		return v6_problem_add(p, text,
			"%q is neither 'setting = value' nor a rule 'matcher => setting=value'");
	arrow = memmem(text.ptr, text.len, "=>", 2);
	is_rule = arrow == text.ptr + name.len;
	name = v6_slice_trim(name);
	id = v6_setting_by_name(name);
	/*
	 * A rule has "=>", unless that is part of a value that may hold it; and what begins with a
	 * matcher was meant as one.
	 */
	if (is_rule ||
		(arrow ? id != V6_SETTING_RULES && id != V6_SETTING_LOG && id != V6_SETTING_CONFIG
		       : v6_word_value(V6_LIST_MATCHER, name) >= 0))
		return add_rules(c, text, V6_ORIGIN_FILE, p);
	p->setting = id;
	if (!name.len)
		return v6_problem_add(p, name, "no setting's name before '='");
	if (id == V6_SETTING_COUNT)
		return v6_problem_add(p, name, NULL);
	if (id == V6_SETTING_CONFIG)
		return v6_problem_add(p, name, "a configuration file cannot name another");
	if (set_in[id])
		return v6_problem_add(p, name,
			id == V6_SETTING_RULES ? "rules: set already, in line %n"
					       : "set already, in line %n",
			.number = set_in[id]);
	set_in[id] = p->line;
	value = v6_slice_trim(value);
	return id == V6_SETTING_RULES ? add_rules(c, value, V6_ORIGIN_FILE, p)
				      : v6_settings_set(&c->settings, id, value, V6_ORIGIN_FILE, p);
}

unsigned v6_config_file(struct v6_config *c, struct v6_slice name, struct v6_slice text,
	v6_config_print *print, void *context)
{
	unsigned set_in[V6_SETTING_COUNT] = {0}, problems = 0;

	/* Editors of other systems begin a file with a byte order mark. */
	if (v6_slice_begins(text, "\xef\xbb\xbf"))
		text = v6_slice_from(text, 3);
	for (unsigned number = 1; text.len; number++) {
		struct v6_slice line = v6_slice_cut(&text, '\n');
		struct v6_problem p = {.setting = V6_SETTING_COUNT,
			.origin = V6_ORIGIN_FILE,
			.file = name,
			.line = number};

		if (!file_line(c, line, set_in, &p))
			continue;
		/* Of a line there may be several rules: the line tells the place. */
		p.rule = 0;
		p.start = line.ptr;
		print(&p, context);
		problems++;
	}
	return problems;
}

bool v6_config_file_holds(struct v6_slice value)
{
	return v6_slice_is_text(value) && without_comment(value).len == value.len;
}
