/*
 * configured.h - what is true of every configuration that parsed, and of every problem told of one
 * that did not: for the targets that fuzz settings, rules and configuration files.
 */
#pragma once

#include "fuzz.h"

#include "core/config.h"

/* What holds every text that these targets print. */
enum { CONFIGURED_TEXT = 1 << 20 };

static inline void check_knobs(const struct v6_knobs *k)
{
	char buf[64];

	for (unsigned id = 0; id < V6_KNOBS; id++) {
		struct v6_text t = v6_text_in(buf, sizeof(buf));
		struct v6_knobs read = *k;
		struct v6_problem problem;

		/* A word, or an errno with a name, which is read back as it was. */
		v6_knobs_text(&t, k, 1u << id);
		CHECK(t.len && !t.full);
		CHECK(!v6_knobs_set(&read, id, v6_slice_of(strchr(buf, '=') + 1), &problem));
		CHECK(!memcmp(&read, k, sizeof(read)));
	}
}

static inline void check_settings(const struct v6_settings *s)
{
	check_knobs(&s->knobs);
	CHECK(s->log <= V6_LOG_PATH && s->log_fd >= 0);
	CHECK(s->log != V6_LOG_PATH || (s->log_path.len && s->log_path.len < V6_PATH_SIZE));
	CHECK(s->log != V6_LOG_PATH || *s->log_path.ptr == '/');
	CHECK(s->config.len < V6_PATH_SIZE && (!s->config.len || *s->config.ptr == '/'));
	CHECK(v6_word(V6_LIST_LOG_FORMAT, s->format) && v6_word(V6_LIST_LOG_LEVEL, s->level));
	CHECK(v6_word(V6_LIST_PROFILE, s->profile));
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++)
		CHECK(s->origin[id] <= V6_ORIGIN_OPTION);
}

/* Of rules, what counts of them: what a rule does not set is meaningless. */
static inline bool same_rule(const struct v6_rule *a, const struct v6_rule *b)
{
	struct v6_knobs zero, of_a, of_b;

	memset(&zero, 0, sizeof(zero));
	of_a = v6_knobs_over(&zero, &a->knobs, a->sets);
	of_b = v6_knobs_over(&zero, &b->knobs, b->sets);
	return a->program.len == b->program.len && a->ports == b->ports && a->protos == b->protos &&
	       (!a->program.len || !memcmp(a->program.ptr, b->program.ptr, a->program.len)) &&
	       !memcmp(a->port, b->port, a->ports * sizeof(*a->port)) &&
	       !memcmp(a->proto, b->proto, a->protos * sizeof(*a->proto)) && a->sets == b->sets &&
	       !memcmp(&of_a, &of_b, sizeof(of_a));
}

/* A rule is within its bounds, and is written as it is read. */
static inline void check_rule(const struct v6_rule *r)
{
	static struct v6_rules read;
	static char buf[CONFIGURED_TEXT], more[CONFIGURED_TEXT];
	struct v6_text t = v6_text_in(buf, sizeof(buf)), again = v6_text_in(more, sizeof(more));
	struct v6_problem problem = {0};

	CHECK(r->ports <= V6_RULE_RANGES && r->protos <= V6_RULE_PROTOS);
	CHECK(r->sets && !(r->sets >> V6_KNOBS));
	for (unsigned i = 0; i < r->ports; i++)
		CHECK(r->port[i].low <= r->port[i].high);
	fuzz_check_shown(r->program);
	v6_rule_text(&t, r);
	fuzz_check_text(&t);
	fuzz_check_shown((struct v6_slice){t.buf, t.len});
	read.count = 0;
	CHECK(!v6_rules_parse(&read, (struct v6_slice){t.buf, t.len}, &problem));
	CHECK(read.count == 1 && same_rule(r, &read.rule[0]));
	v6_rule_text(&again, &read.rule[0]);
	CHECK(again.len == t.len && !memcmp(again.buf, t.buf, t.len));
}

/* A problem has its place in the text, and is told in clean words of one line, cut where there is
 * little memory. */
static inline void check_problem(const struct v6_problem *p, struct v6_slice text)
{
	static char buf[CONFIGURED_TEXT];
	struct v6_text whole = v6_text_in(buf, sizeof(buf)), part;
	char *memory = malloc(text.len + 1);

	CHECK(!p->text.len || fuzz_within(p->text, text));
	CHECK(!p->start || !p->text.ptr || p->text.ptr <= p->start + text.len);
	v6_problem_text(&whole, p);
	CHECK(whole.len && !whole.full);
	fuzz_check_shown((struct v6_slice){whole.buf, whole.len});
	part = v6_text_in(memory, text.len + 1);
	v6_problem_text(&part, p);
	fuzz_check_text(&part);
	CHECK(part.full == (whole.len > text.len));
	CHECK(part.len <= whole.len && !memcmp(part.buf, whole.buf, part.len));
	free(memory);
}
