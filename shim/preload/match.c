#include "match.h"

#include "../core/policy.h"
#include "facts.h"

#include "forbidden.h"

/* The rules of this program alone; numbers as they were given. */
static struct v6_rules *kept;
static uint16_t number[V6_RULES_MAX];

/*
 * The first rule that may match a port, plus one, 0: none: with it a thousand
 * rules cost a bind what one does. Ports are taken by the block. A block has the
 * first rule that has all of its ports, and, where a rule has but some, each port
 * has the first of those; the memory of other blocks is never touched.
 */
enum { BLOCK = 256, BLOCKS = 65536 / BLOCK };

static uint16_t first_of_all[BLOCKS];
static uint16_t first_of_some[65536];
static bool some[BLOCKS];

static void keep_own(struct v6_live *live, struct v6_rules *rules)
{
	unsigned n = 0;

	for (unsigned i = 0; i < rules->count; i++) {
		if (!v6_rule_program(&rules->rule[i], live->program))
			continue;
		rules->rule[n] = rules->rule[i];
		rules->rule[n].knobs = v6_rule_apply(&rules->rule[n], &live->settings.knobs);
		number[n] = (uint16_t)(i + 1);
		n++;
	}
	rules->count = n;
	kept = rules;
}

/* What was there of later rules is written over. */
static void index_range(unsigned low, unsigned high, uint16_t rule)
{
	unsigned port = low;

	while (port <= high) {
		unsigned block = port / BLOCK;

		if (port % BLOCK == 0 && high - port >= BLOCK - 1) {
			first_of_all[block] = rule;
			port += BLOCK;
			continue;
		}
		some[block] = true;
		first_of_some[port++] = rule;
	}
}

static void index_ports(void)
{
	for (unsigned i = kept->count; i--;) {
		const struct v6_rule *r = &kept->rule[i];

		for (unsigned p = 0; p < r->ports; p++)
			index_range(r->port[p].low, r->port[p].high, (uint16_t)(i + 1));
		if (!r->ports)
			index_range(0, 65535, (uint16_t)(i + 1));
	}
}

static unsigned first_of(unsigned port)
{
	unsigned block = port / BLOCK;
	unsigned all = first_of_all[block] ? first_of_all[block] : UINT16_MAX;
	unsigned part = some[block] && first_of_some[port] ? first_of_some[port] : UINT16_MAX;
	unsigned rule = all < part ? all : part;

	return rule == UINT16_MAX ? kept->count : rule - 1;
}

static void watch(struct v6_live *live, const struct v6_knobs *k)
{
	bool forced = v6_policy_forced(k->policy);

	live->forced |= forced;
	live->ordered |= k->order != V6_ORDER_APP;
	live->mapped |= k->on_mapped != 0;
	live->acts |= k->mode == V6_MODE_ENFORCE && (forced || k->order != V6_ORDER_APP);
	live->watch_socket |= k->policy != V6_POLICY_APP && !forced;
	live->watch_v6only |= forced || k->on_contrary || k->on_nonboolean;
	/* Where the policy clears V6ONLY it may have to yield. */
	live->watch_bind |= forced || v6_policy_value(k->policy) == 0 || k->order != V6_ORDER_APP ||
			    k->on_mapped || k->on_conflict != V6_CONFLICT_FAIL;
	live->watch_passive |= k->order != V6_ORDER_APP;
}

void v6_match_settle(struct v6_live *live, struct v6_rules *rules)
{
	live->rules = rules->count;
	keep_own(live, rules);
	live->logging = live->settings.log != V6_LOG_OFF;
	live->watch_v6only = live->watch_bind = live->logging;
	live->watch_socket = live->logging && live->settings.level >= V6_LEVEL_ALL;
	live->watch_passive = live->logging && live->settings.level >= V6_LEVEL_BIND;
	watch(live, &live->settings.knobs);
	for (unsigned i = 0; i < kept->count; i++) {
		watch(live, &kept->rule[i].knobs);
		live->ported |= kept->rule[i].ports != 0;
	}
	if (live->ported)
		index_ports();
}

enum { NO_PROTO = V6_MATCH_ASK - 1 };

/* The protocol costs a system call: asked for once, by the first rule that nothing else rules out. */
static bool matches(const struct v6_rule *r, int fd, int *proto, int port)
{
	if (port == V6_MATCH_NO_PORT ? r->ports != 0 : !v6_rule_port(r, (unsigned)port))
		return false;
	if (r->protos && *proto == V6_MATCH_ASK) {
		*proto = v6_fact_proto(fd);
		if (*proto < 0) /* or -EPERM would be V6_MATCH_ASK again */
			*proto = NO_PROTO;
	}
	return v6_rule_proto(r, *proto);
}

const struct v6_knobs *v6_match(int fd, int proto, int port, unsigned *rule)
{
	unsigned i = 0;

	*rule = 0;
	if (!kept || !kept->count)
		return &v6_live.settings.knobs;
	if (port != V6_MATCH_NO_PORT && v6_live.ported)
		i = first_of((unsigned)port);
	for (; i < kept->count; i++) {
		if (!matches(&kept->rule[i], fd, &proto, port))
			continue;
		*rule = number[i];
		return &kept->rule[i].knobs;
	}
	return &v6_live.settings.knobs;
}
