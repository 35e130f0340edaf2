/*
 * configured.h - what is true of every configuration that parsed, and of every problem told of one
 * that did not: for the targets that fuzz settings, rules and configuration files.
 */
#ifndef FUZZ_CONFIGURED_H
#define FUZZ_CONFIGURED_H

#include "fuzz.h"

#include "core/config.h"
#include "core/errname.h"
#include "core/profile.h"

/* What holds every line that these targets print. */
enum { CONFIGURED_TEXT = 1 << 20 };

static inline void check_knobs(const struct v6_knobs *k)
{
	const int16_t reactions[] = {
		k->on_contrary, k->on_disorder, k->on_mapped, k->on_nonboolean};

	CHECK(v6_setting_word_of(V6_SETTING_POLICY, k->policy));
	CHECK(v6_setting_word_of(V6_SETTING_ORDER, k->order));
	CHECK(v6_setting_word_of(V6_SETTING_ON_CONFLICT, k->on_conflict));
	CHECK(v6_setting_word_of(V6_SETTING_MODE, k->mode));
	for (unsigned i = 0; i < sizeof(reactions) / sizeof(*reactions); i++)
		CHECK(!reactions[i] || v6_errname(reactions[i]));
}

static inline void check_settings(const struct v6_settings *s)
{
	check_knobs(&s->knobs);
	CHECK(s->log <= V6_LOG_PATH && s->log_fd >= 0);
	CHECK(s->log != V6_LOG_PATH || (s->log_path.len && s->log_path.len < V6_PATH_SIZE));
	CHECK(s->log != V6_LOG_PATH || *s->log_path.ptr == '/');
	CHECK(s->config.len < V6_PATH_SIZE && (!s->config.len || *s->config.ptr == '/'));
	CHECK(v6_setting_word_of(V6_SETTING_LOG_FORMAT, s->format));
	CHECK(v6_setting_word_of(V6_SETTING_LOG_LEVEL, s->level));
	CHECK(s->profile < V6_PROFILE_COUNT);
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++)
		CHECK(s->origin[id] <= V6_ORIGIN_COMMAND_LINE);
}

static inline void check_rule(const struct v6_rule *r)
{
	CHECK(r->ports <= V6_RULE_RANGES && r->protos <= V6_RULE_PROTOS && r->sets);
	for (unsigned i = 0; i < r->ports; i++)
		CHECK(r->port[i].low <= r->port[i].high);
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++)
		CHECK(!(r->sets & 1u << id) || v6_rule_may_set(id));
	CHECK(!(r->sets >> V6_SETTING_COUNT));
	CHECK(!r->program.len || v6_is_text(r->program));
	check_knobs(&r->knobs);
}

/* Of rules, what counts of them: what a rule does not set is meaningless. */
static inline bool same_rule(const struct v6_rule *a, const struct v6_rule *b)
{
	struct v6_knobs zero, of_a, of_b;

	memset(&zero, 0, sizeof(zero));
	of_a = v6_rule_apply(a, &zero);
	of_b = v6_rule_apply(b, &zero);
	return a->program.len == b->program.len && a->ports == b->ports && a->protos == b->protos &&
	       (!a->program.len || !memcmp(a->program.ptr, b->program.ptr, a->program.len)) &&
	       !memcmp(a->port, b->port, sizeof(a->port)) &&
	       !memcmp(a->proto, b->proto, sizeof(a->proto)) && a->sets == b->sets &&
	       !memcmp(&of_a, &of_b, sizeof(of_a));
}

/* A rule is written as it is read. */
static inline void check_rule_text(const struct v6_rule *rule)
{
	static struct v6_rules read;
	static char buf[CONFIGURED_TEXT], more[CONFIGURED_TEXT];
	struct v6_text t = v6_text_in(buf, sizeof(buf)), again = v6_text_in(more, sizeof(more));
	struct v6_problem problem;

	v6_rule_text(&t, rule);
	fuzz_check_text(&t);
	fuzz_check_shown((struct v6_slice){t.buf, t.len});
	read.count = 0;
	CHECK(!v6_rules_parse(&read, (struct v6_slice){t.buf, t.len}, &problem));
	CHECK(read.count == 1 && same_rule(rule, &read.rule[0]));
	v6_rule_text(&again, &read.rule[0]);
	CHECK(again.len == t.len && !memcmp(again.buf, t.buf, t.len));
}

/*
 * A problem is told in words, in any memory: clean text of one line, and cut where it does not fit.
 * One spelling a problem, for the search for the nearest word is what takes the time.
 */
static inline void check_problem_text(const struct v6_problem *p, size_t little)
{
	static char buf[CONFIGURED_TEXT];
	struct v6_text whole = v6_text_in(buf, sizeof(buf)), part;
	enum v6_spelling spelling = (p->column + p->text.len) % (V6_SPELL_OPTION + 1);
	char *memory = malloc(little + 1);

	v6_problem_text(&whole, p, spelling);
	CHECK(whole.len && !whole.full);
	fuzz_check_shown((struct v6_slice){whole.buf, whole.len});
	part = v6_text_in(memory, little + 1);
	v6_problem_text(&part, p, spelling);
	fuzz_check_text(&part);
	CHECK(part.full == (whole.len > little));
	CHECK(part.len <= whole.len && !memcmp(part.buf, whole.buf, part.len));
	free(memory);
}

#endif
