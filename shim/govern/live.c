#include "live.h"

#include "forbidden.h"

static struct v6_config config_memory;

struct v6_live v6_live = {.config = &config_memory};

void v6_live_caller(const struct v6_config *config, struct v6_caller *who,
	const struct v6_slice *name, unsigned n)
{
	for (unsigned i = 0; i < config->rules.count; i++)
		for (unsigned k = 0; k < n; k++)
			if (v6_rule_program(&config->rules.rule[i], name[k]))
				who->rules[i / 32] |= UINT32_C(1) << i % 32;
}

static void watch(const struct v6_knobs *k)
{
	const unsigned binds = 1u << V6_EVENT_BIND | 1u << V6_EVENT_LISTEN;
	bool forced = v6_policy_forced(k->policy), ordered = k->order != V6_ORDER_APP;
	/* Where the policy clears V6ONLY it may have to yield, but to what asked for 0 itself. */
	bool clears = v6_policy_value(k->policy) == 0;

	v6_live.judged |= forced || ordered;
	v6_live.acts |= k->mode == V6_MODE_ENFORCE && (forced || ordered);
	v6_live.mapped |= k->on_mapped != 0;
	if (v6_policy_needs(k, V6_EVENT_SOCKET, NULL))
		v6_live.watch |= 1u << V6_EVENT_SOCKET;
	/* What is asked for is remembered. */
	if (forced || clears || v6_policy_needs(k, V6_EVENT_SETSOCKOPT, NULL))
		v6_live.watch |= 1u << V6_EVENT_SETSOCKOPT;
	if (forced || ordered || clears || k->on_mapped || k->on_conflict != V6_ON_CONFLICT_FAIL)
		v6_live.watch |= binds;
	if (ordered)
		v6_live.watch |= 1u << V6_EVENT_GETADDRINFO;
}

static void watch_records(const struct v6_settings *s)
{
	v6_live.logging = s->log != V6_LOG_OFF;
	if (!v6_live.logging)
		return;
	v6_live.watch |= 1u << V6_EVENT_SETSOCKOPT | 1u << V6_EVENT_BIND | 1u << V6_EVENT_LISTEN;
	if (s->level >= V6_LOG_LEVEL_BIND)
		v6_live.watch |= 1u << V6_EVENT_GETADDRINFO;
	if (s->level >= V6_LOG_LEVEL_ALL)
		v6_live.watch |= 1u << V6_EVENT_SOCKET;
}

void v6_live_init(struct v6_config *config, bool broken, const struct v6_caller *who)
{
	struct v6_rules *rules = &config->rules;

	v6_live.config = config;
	v6_live.broken = broken;
	watch_records(&config->settings);
	watch(&config->settings.knobs);
	for (unsigned i = 0; i < rules->count; i++) {
		struct v6_rule *r = &rules->rule[i];

		r->knobs = v6_rule_apply(r, &config->settings.knobs);
		if (who && !(who->rules[i / 32] >> i % 32 & 1))
			continue;
		watch(&r->knobs);
		v6_live.ported |= r->ports != 0;
	}
	v6_live.judged |= v6_live.ported;
	if (broken)
		v6_live.watch |= 1u << V6_EVENT_BIND | 1u << V6_EVENT_LISTEN;
}
